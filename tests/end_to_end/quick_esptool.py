"""`python -m tests.end_to_end.quick_esptool …`: the public esptool command line over the quick ports."""

import serial
from esptool import _main

serial.protocol_handler_packages.insert(0, "tests.end_to_end.quick_ports")

if __name__ == "__main__":
    _main()
