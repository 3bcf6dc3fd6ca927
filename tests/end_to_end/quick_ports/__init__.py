"""Here pyserial finds the station's `rfc2217://` handler first, which does not wait 0.1 s at each time-out set."""
