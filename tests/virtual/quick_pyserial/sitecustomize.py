"""Python runs this at its start where PYTHONPATH names this folder: pyserial's RFC 2217 client then polls without its waits.

pyserial 3.5 sleeps 50 ms or more for each acknowledgement, 0.2 s for each command of esptool: 20 s for `flash-id`.
"""

import time
from types import SimpleNamespace

import serial.rfc2217

POLL_MAX_S = 0.002
quick = SimpleNamespace(sleep=lambda seconds: time.sleep(min(seconds, POLL_MAX_S)))
vars(serial.rfc2217)["time"] = quick
