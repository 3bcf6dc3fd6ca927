"""How a program on the device imports: flashed files, stand-in modules, and the CPython modules that MicroPython has too.

A program's own `__import__`, so that a module that MicroPython lacks is missing here as well, and the process's own imports
never see the program's files.
"""

from __future__ import annotations

import builtins
import importlib
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any, Final

from station.virtual.micropython.device_files import DeviceFiles

SHARED_MODULES: Final = frozenset(
    {"array", "asyncio", "cmath", "collections", "errno", "heapq", "io", "json", "math", "random", "re", "select"}
    | {"socket", "struct", "_thread"}
)
"""Modules that MicroPython offers under the same name with a subset of CPython's contents."""
_BUILT_IN_FIRST: Final = frozenset({"sys", "builtins", "machine", "esp32", "network", "micropython", "time", "gc"})
_FROZEN: Final = ".frozen"
_PATH_AT_START: Final = ("", _FROZEN, "/lib")


class DeviceImport:
    """The module table of one run. `builtins` is what the program's code finds as its built-in names."""

    def __init__(self, files: DeviceFiles | None, stand_ins: Mapping[str, ModuleType]) -> None:
        self.modules: dict[str, ModuleType] = {}
        self._files = files
        self._stand_ins = stand_ins
        self.builtins: dict[str, Any] = dict(vars(builtins))
        self.builtins["__import__"] = self._import
        if files is not None:
            self.builtins["open"] = files.open

    def run_source(self, source: str, file_name: str, module: ModuleType) -> None:
        """Run source text in a module; whatever the program raises comes through."""
        module.__dict__["__builtins__"] = self.builtins
        code = compile(source, file_name, "exec", dont_inherit=True)
        exec(code, module.__dict__)  # noqa: S102  # running what was flashed is what a chip does

    def _import(
        self,
        name: str,
        caller: Mapping[str, Any] | None = None,
        _locals: object = None,
        names: Sequence[str] | None = (),
        level: int = 0,
    ) -> ModuleType:
        if level:
            package = str((caller or {}).get("__package__") or "")
            parents = package.split(".")[: len(package.split(".")) - level + 1]
            name = ".".join([*parents, name] if name else parents)
        module = self._load(name)
        if not names:
            return module if level else self._load(name.partition(".")[0])
        for wanted in names:
            if wanted != "*" and not hasattr(module, wanted) and hasattr(module, "__path__"):
                self._load(f"{name}.{wanted}")
        return module

    def _load(self, name: str) -> ModuleType:
        if name in self.modules:
            return self.modules[name]
        parent, _, last = name.rpartition(".")
        holder = self._load(parent) if parent else None
        module = self._find(name)
        if module is None:
            raise ImportError(f"no module named '{name}'")
        if holder is not None:
            setattr(holder, last, module)
        return module

    def _find(self, name: str) -> ModuleType | None:
        if name.partition(".")[0] in _BUILT_IN_FIRST and (module := self._find_built_in(name)) is not None:
            return module
        for folder in self._path():
            module = self._find_built_in(name) if folder == _FROZEN else self._load_file(name, folder)
            if module is not None:
                return module
        return None

    def _path(self) -> Sequence[str]:
        path = getattr(self._stand_ins.get("sys"), "path", _PATH_AT_START)
        return [folder for folder in path if isinstance(folder, str)]

    def _find_built_in(self, name: str) -> ModuleType | None:
        plain = name[1:] if name.startswith("u") and name not in self._stand_ins else name
        if plain in self._stand_ins:
            return self._keep(name, self._stand_ins[plain])
        if plain in SHARED_MODULES:
            return self._keep(name, importlib.import_module(plain))
        return None

    def _load_file(self, name: str, folder: str) -> ModuleType | None:
        if self._files is None:
            return None
        path = name.replace(".", "/")
        path = f"{folder}/{path}" if folder else path
        for file_name, is_package in ((f"{path}/__init__.py", True), (f"{path}.py", False)):
            source = self._files.read_source(file_name)
            if source is None:
                continue
            module = ModuleType(name)
            module.__file__ = file_name
            module.__package__ = name if is_package else name.rpartition(".")[0]
            if is_package:
                module.__path__ = [path]
            self.modules[name] = module
            try:
                self.run_source(source, file_name, module)
            except BaseException:
                del self.modules[name]
                raise
            return module
        return None

    def _keep(self, name: str, module: ModuleType) -> ModuleType:
        self.modules[name] = module
        return module
