"""MicroPython's life on the chip: mount the filesystem, run boot.py and main.py, then answer at the prompt."""

from __future__ import annotations

import sys
import time
from types import ModuleType
from typing import Any, Final

from station.virtual.micropython.board_modules import board_modules, start_micropython_nvs
from station.virtual.micropython.core_modules import DeviceText, core_modules
from station.virtual.micropython.device import Device
from station.virtual.micropython.device_files import DeviceFiles, NoFilesystem, mount_files
from station.virtual.micropython.device_import import DeviceImport
from station.virtual.micropython.exception_text import exception_text
from station.virtual.micropython.mqtt_module import mqtt_modules
from station.virtual.micropython.tls_module import tls_modules
from station.virtual.partitions import find_partition

_FILESYSTEM_LABEL: Final = "vfs"
_BLOCK_SIZE_BYTES: Final = 4096
_CORRUPT_PERIOD_S: Final = 3.0
_SOFT_REBOOT_PAUSE_S: Final = 0.05
_CONTROL_C: Final = 3
_CONTROL_D: Final = 4
_BACKSPACES: Final = (8, 127)
_CORRUPT_TEXT: Final = """\
The filesystem starting at sector {sector} with size {sectors} sectors looks corrupt.
You may want to make a flash snapshot and try to recover it. Otherwise,
format it with vfs.VfsLfs2.mkfs(bdev), or completely erase the flash and
reprogram MicroPython.
"""


class Interpreter:
    """One soft start: a fresh module table over the mounted filesystem."""

    def __init__(self, device: Device, files: DeviceFiles | None, extra: dict[str, ModuleType]) -> None:
        self._device = device
        self._files = files
        self._stand_ins = dict(extra)
        self._importing = DeviceImport(files, self._stand_ins)
        self._importing.builtins["input"] = self._input
        self._stand_ins |= core_modules(device, files, self._importing.modules, self._print_exception)
        self._main = ModuleType("__main__")
        self._importing.modules["__main__"] = self._main
        sys.stdout = DeviceText(device)

    def run_file(self, name: str) -> bool:
        """Run a file of the filesystem when it is there; false when it asked for a soft reset."""
        source = self._files.read_source(name) if self._files is not None else None
        return source is None or self.run_source(source, name)

    def run_source(self, source: str, name: str) -> bool:
        """Run a program and print what it raises; false when it asked for a soft reset."""
        self._device.interruptible = True
        try:
            self._importing.run_source(source, name, self._main)
        except SystemExit:
            return False
        except BaseException as error:  # noqa: BLE001  # whatever the program raises is the program's own and is printed
            self._device.interruptible = False
            self._device.say(exception_text(error, self._importing.builtins))
        finally:
            self._device.interruptible = False
        return True

    def prompt(self) -> None:
        """Show the banner and answer line after line, until Ctrl-D or SystemExit."""
        self._device.say(f'{self._device.banner}\nType "help()" for more information.\n>>> ')
        line = ""
        while (character := self._device.typed.get()) != _CONTROL_D or line:
            if character in _BACKSPACES:
                if line:
                    line = line[:-1]
                    self._device.say("\b \b")
            elif character == _CONTROL_C:
                line = ""
                self._device.say("\n>>> ")
            elif character == ord("\r"):
                self._device.say("\n")
                if line.strip() and not self._answer(line):
                    return
                line = ""
                self._device.say(">>> ")
            elif character >= ord(" "):
                line += chr(character)
                self._device.say(chr(character))
        self._device.say("\n")

    def _answer(self, line: str) -> bool:
        try:
            compile(line, "<stdin>", "eval")
        except SyntaxError:
            return self.run_source(line, "<stdin>")
        return self.run_source(f"_ = {line}\nif _ is not None: print(repr(_))", "<stdin>")

    def _input(self, question: str = "") -> str:
        self._device.say(question)
        line = ""
        while (character := self._device.typed.get()) != ord("\r"):
            line += chr(character)
            self._device.say(chr(character))
        self._device.say("\n")
        return line

    def _print_exception(self, error: BaseException, file: Any = None) -> None:
        text = exception_text(error, self._importing.builtins)
        if file is None:
            self._device.say(text)
        else:
            file.write(text)


def run_micropython(device: Device) -> None:
    """Start MicroPython again and again, until the process is ended."""
    start_micropython_nvs(device)
    while True:
        stand_ins = board_modules(device) | mqtt_modules() | tls_modules()
        interpreter = Interpreter(device, _mount(device), stand_ins)
        if interpreter.run_file("boot.py") and interpreter.run_file("main.py"):
            interpreter.prompt()
        device.say("MPY: soft reboot\n")
        time.sleep(_SOFT_REBOOT_PAUSE_S)


def run_frozen(device: Device, source: str, extra: dict[str, ModuleType]) -> None:
    """Run a frozen bench program; one that raises an exception panics and restarts the chip."""
    sys.stdout = DeviceText(device)
    importing = DeviceImport(None, extra)
    try:
        importing.run_source(source, "app_main.c", ModuleType("__main__"))
    except Exception as error:  # noqa: BLE001  # the program's own exception is its crash
        device.say(f"\nabort() was called at PC 0x400d2f4b on core 0\n{exception_text(error, importing.builtins)}")
        device.say("Rebooting...\n")
        device.reset()
    device.log("I", "main_task", "Returned from app_main()")
    while True:
        device.typed.get()


def _mount(device: Device) -> DeviceFiles | None:
    partition = find_partition(device.partitions, _FILESYSTEM_LABEL)
    if partition is None:
        return None
    while True:
        try:
            return mount_files(device, partition)
        except NoFilesystem:
            sector, sectors = partition.offset // _BLOCK_SIZE_BYTES, partition.size_bytes // _BLOCK_SIZE_BYTES
            device.say(_CORRUPT_TEXT.format(sector=sector, sectors=sectors))
            device.interruptible = True
            try:
                time.sleep(_CORRUPT_PERIOD_S)
            except KeyboardInterrupt:
                return None
            finally:
                device.interruptible = False
