"""One port, one chip: the only door to esptool and pyserial."""
