"""Run at start by MicroPython: the launcher. It is never replaced over the air, so it stays small."""

import sys
import time

import machine

from aliyun import trial

RESTART_PAUSE_S = 10

slots = trial.begin_start()
if slots.folder():
    sys.path.insert(0, slots.folder())
    # The new version may bring its own library.
    for name in list(sys.modules):
        if name.startswith("aliyun"):
            del sys.modules[name]
try:
    import station_app

    station_app.run()
except Exception as fault:  # noqa: BLE001  # whatever a new version raises, the unit goes back to the one before
    sys.print_exception(fault)
    if slots.is_on_trial:
        slots.roll_back()
    else:
        time.sleep(RESTART_PAUSE_S)  # time for a developer's Ctrl-C
    machine.reset()
