"""Which version of the application starts: the one flashed in the factory, or one of two folders filled over the air.

The whole state is one number in NVS, so each change is one atomic write and a power cut leaves the old state or the new.
The factory's files are never overwritten; a new version is on trial until it has reached the platform.
"""

import esp32

NAMESPACE = "ota"
FACTORY = 0
FOLDERS = {FACTORY: "", 1: "/app_1", 2: "/app_2"}
STARTS_ON_TRIAL = 3
VERSION_BYTES_MAX = 64
_ROLLED_BACK = 1 << 16


class Slots:
    """The state, read when made. `current` and `previous` are slots; `starts_left` is 0 once the current one is proven."""

    def __init__(self):
        self._nvs = esp32.NVS(NAMESPACE)
        try:
            state = self._nvs.get_i32("app")
        except OSError:
            state = 0
        self.current = state & 0x0F
        self.previous = state >> 4 & 0x0F
        self.starts_left = state >> 8 & 0xFF
        self.is_rolled_back = bool(state & _ROLLED_BACK)
        if self.current not in FOLDERS or self.previous not in FOLDERS:
            self.current = self.previous = FACTORY
            self.starts_left = 0

    @property
    def is_on_trial(self):
        """Say whether the current version has yet to reach the platform."""
        return self.starts_left > 0

    @property
    def spare(self):
        """Give the slot that a new version may be written to."""
        return 2 if self.current == 1 else 1

    def folder(self):
        """Give the folder of the current version, empty for the factory's."""
        return FOLDERS[self.current]

    def begin_start(self):
        """Count a start: a version whose trial is used up gives way to the one before it."""
        if self.starts_left == 1:
            self.roll_back()
        elif self.starts_left > 1:
            self.starts_left -= 1
            self._write()

    def switch(self, slot, version):
        """Have this slot start next, on trial."""
        self._nvs.set_blob("candidate", version.encode())
        self._nvs.commit()
        self.current, self.previous = slot, self.current
        self.starts_left = STARTS_ON_TRIAL + 1
        self.is_rolled_back = False
        self._write()

    def confirm(self):
        """Keep the current version: it has reached the platform."""
        if self.is_on_trial:
            self.starts_left = 0
            self._write()

    def roll_back(self):
        """Go back to the version before."""
        self.current = self.previous
        self.starts_left = 0
        self.is_rolled_back = True
        self._write()

    def is_refused(self, version):
        """Say whether this version was tried last and failed its trial."""
        buffer = bytearray(VERSION_BYTES_MAX)
        try:
            length = self._nvs.get_blob("candidate", buffer)
        except OSError:
            return False
        return self.is_rolled_back and bytes(buffer[:length]) == version.encode()

    def _write(self):
        state = self.current | self.previous << 4 | self.starts_left << 8
        self._nvs.set_i32("app", state | (_ROLLED_BACK if self.is_rolled_back else 0))
        self._nvs.commit()
