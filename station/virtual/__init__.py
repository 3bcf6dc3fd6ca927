"""The training bench: virtual chips on RFC2217 ports. Imports nothing of the rest of the station."""
