"""A new firmware (MicroPython itself, or any other application image) in the other OTA partition, with the way back.

Needs a partition table with two OTA partitions. The switch is the bootloader's own, and checks the image; a count in NVS
brings the old partition back when the new firmware does not reach the platform, also under a bootloader without rollback.
"""

import esp32
import machine

from aliyun.slots import NAMESPACE, STARTS_ON_TRIAL, VERSION_BYTES_MAX

BLOCK_BYTES = 4096
LABEL_BYTES_MAX = 16


class FirmwareFault(Exception):
    """The image cannot be written; the argument says why."""


class FirmwareUpdate:
    """One update: `begin`, `write` again and again, then `finish` once the hash is found right, or `abort`."""

    def __init__(self):
        self._partition = None
        self._buffer = None
        self._filled = 0
        self._block = 0

    def is_refused(self, version):
        """Say whether this version was tried last and failed its trial."""
        nvs = esp32.NVS(NAMESPACE)
        return bool(_number(nvs, "fw_back")) and _text(nvs, "fw_version") == version

    def begin(self, size_bytes):
        """Choose the partition that does not run; raises FirmwareFault."""
        if _number(esp32.NVS(NAMESPACE), "fw_starts"):
            raise FirmwareFault("the running firmware is on trial")
        try:
            self._partition = esp32.Partition(esp32.Partition.RUNNING).get_next_update()
        except OSError:
            raise FirmwareFault("no second OTA partition")
        if size_bytes > self._partition.info()[3]:
            raise FirmwareFault("larger than its partition")
        self._buffer = bytearray(BLOCK_BYTES)

    def write(self, chunk):
        """Take the next bytes; each full block is erased and written."""
        view = memoryview(chunk)
        while view:
            count = min(BLOCK_BYTES - self._filled, len(view))
            self._buffer[self._filled : self._filled + count] = view[:count]
            self._filled += count
            view = view[count:]
            if self._filled == BLOCK_BYTES:
                self._write_block()

    def finish(self, version):
        """Have the new firmware start next, on trial; raises FirmwareFault when it is no image for this chip."""
        if self._filled:
            for place in range(self._filled, BLOCK_BYTES):
                self._buffer[place] = 0xFF
            self._write_block()
        nvs = esp32.NVS(NAMESPACE)
        nvs.set_blob("fw_version", version.encode()[:VERSION_BYTES_MAX])
        nvs.set_blob("fw_old", esp32.Partition(esp32.Partition.RUNNING).info()[4].encode())
        nvs.set_i32("fw_back", 0)
        nvs.set_i32("fw_starts", STARTS_ON_TRIAL + 1)
        nvs.commit()
        try:
            self._partition.set_boot()
        except OSError:
            nvs.set_i32("fw_starts", 0)
            nvs.commit()
            raise FirmwareFault("the image is not valid")

    def abort(self):
        """Leave the running firmware as it is."""
        self._buffer = None

    def _write_block(self):
        self._partition.writeblocks(self._block, self._buffer)
        self._block += 1
        self._filled = 0


def begin_start():
    """Count a start of a firmware on trial; one whose trial is used up gives way to the old one, and the chip restarts."""
    nvs = esp32.NVS(NAMESPACE)
    starts = _number(nvs, "fw_starts")
    if not starts:
        return
    old = _text(nvs, "fw_old")
    if esp32.Partition(esp32.Partition.RUNNING).info()[4] == old:
        # The power went before the switch, or the bootloader has gone back by itself.
        nvs.set_i32("fw_starts", 0)
        nvs.commit()
    elif starts > 1:
        nvs.set_i32("fw_starts", starts - 1)
        nvs.commit()
    else:
        nvs.set_i32("fw_back", 1)
        nvs.commit()
        for partition in esp32.Partition.find(esp32.Partition.TYPE_APP, label=old):
            partition.set_boot()
            machine.reset()


def is_on_trial():
    """Say whether the running firmware has yet to reach the platform."""
    return _number(esp32.NVS(NAMESPACE), "fw_starts") > 0


def confirm():
    """Keep the running firmware: it has reached the platform."""
    if not is_on_trial():
        return
    try:
        esp32.Partition.mark_app_valid_cancel_rollback()
    except OSError:
        pass  # a bootloader without rollback has nothing to cancel
    nvs = esp32.NVS(NAMESPACE)
    nvs.set_i32("fw_starts", 0)
    nvs.commit()


def _number(nvs, key):
    try:
        return nvs.get_i32(key)
    except OSError:
        return 0


def _text(nvs, key):
    buffer = bytearray(VERSION_BYTES_MAX)
    try:
        return bytes(buffer[: nvs.get_blob(key, buffer)]).decode()
    except (OSError, UnicodeError):
        return ""
