"""A new version of the application: an uncompressed tar archive (`tar --format=ustar`), unpacked as it comes.

It goes into the spare slot's folder; nothing that is in use is touched, and only `finish` makes it start.
"""

import os

from aliyun.slots import FOLDERS, VERSION_BYTES_MAX, Slots

ENTRY_FILE = "station_app.py"
BLOCK_BYTES = 512
PATH_CHARACTERS_MAX = 64
_FOLDER_MODE = 0x4000


class PackageFault(Exception):
    """The archive cannot be used; the argument says why."""


class ApplicationUpdate:
    """One update: `begin`, `write` again and again, then `finish` once the hash is found right, or `abort`."""

    def __init__(self):
        self._slots = Slots()
        self._unpacker = None

    def is_refused(self, version):
        """Say whether this version has failed before."""
        return self._slots.is_refused(version)

    def begin(self, _size_bytes):
        """Empty the spare slot; raises PackageFault while the running version is itself on trial."""
        if self._slots.is_on_trial:
            raise PackageFault("the running version is on trial")
        folder = FOLDERS[self._slots.spare]
        remove_tree(folder)
        os.mkdir(folder)
        self._unpacker = Unpacker(folder)

    def write(self, chunk):
        """Take the next bytes."""
        self._unpacker.feed(chunk)

    def finish(self, version):
        """Make the new version start next; raises PackageFault when the archive is not whole."""
        if len(version.encode()) > VERSION_BYTES_MAX:
            raise PackageFault("version too long")
        self._unpacker.finish()
        self._slots.switch(self._slots.spare, version)

    def abort(self):
        """Leave the running version as it is."""
        if self._unpacker is not None:
            self._unpacker.close()


class Unpacker:
    """A ustar archive that comes in pieces of any size, written as files below a folder."""

    def __init__(self, folder):
        self._folder = folder
        self._header = bytearray(BLOCK_BYTES)
        self._in_header = 0
        self._left = 0
        self._padding = 0
        self._file = None
        self._has_ended = False
        self._has_entry = False

    def feed(self, chunk):
        """Take the next bytes; raises PackageFault, or OSError when the filesystem is full."""
        view = memoryview(chunk)
        place = 0
        while place < len(view) and not self._has_ended:
            if self._left or self._padding:
                place += self._take_content(view[place:])
            else:
                count = min(BLOCK_BYTES - self._in_header, len(view) - place)
                self._header[self._in_header : self._in_header + count] = view[place : place + count]
                self._in_header += count
                place += count
                if self._in_header == BLOCK_BYTES:
                    self._in_header = 0
                    self._take_header()

    def finish(self):
        """Check that the archive came whole and holds the application."""
        self.close()
        if not self._has_ended:
            raise PackageFault("the archive ends early")
        if not self._has_entry:
            raise PackageFault("no " + ENTRY_FILE)

    def close(self):
        """Close the file being written."""
        file, self._file = self._file, None
        if file is not None:
            file.close()

    def _take_content(self, view):
        if self._left:
            count = min(self._left, len(view))
            self._file.write(view[:count])
            self._left -= count
            if not self._left:
                self.close()
            return count
        count = min(self._padding, len(view))
        self._padding -= count
        return count

    def _take_header(self):
        header = self._header
        if not any(header):
            self._has_ended = True
            return
        if sum(header) - sum(header[148:156]) + 8 * 32 != _octal(header[148:156]):
            raise PackageFault("not a tar archive")
        path = _path(_text(header[345:500]), _text(header[:100]))
        size = _octal(header[124:136])
        kind = header[156]
        if kind == ord("5"):
            if path:
                _make_folders(self._folder, path + "/")
        elif kind in (0, ord("0")):
            if not path:
                raise PackageFault("a file without a name")
            _make_folders(self._folder, path)
            self._file = open(f"{self._folder}/{path}", "wb")
            self._has_entry = self._has_entry or path == ENTRY_FILE
            self._left = size
            self._padding = -size % BLOCK_BYTES
            if not size:
                self.close()
        else:
            raise PackageFault("links and special files have no place here")


def remove_tree(path):
    """Remove a folder and all below it; one that is not there is well."""
    try:
        names = os.listdir(path)
    except OSError:
        return
    for name in names:
        below = f"{path}/{name}"
        if os.stat(below)[0] & _FOLDER_MODE:
            remove_tree(below)
        else:
            os.remove(below)
    os.rmdir(path)


def _path(prefix, name):
    """Give a member's path below the slot, empty for the archive's root; raises PackageFault for one that leads out."""
    levels = [level for level in f"{prefix}/{name}".split("/") if level not in ("", ".")]
    path = "/".join(levels)
    if ".." in levels or name.startswith("/") or "\\" in path or len(path) > PATH_CHARACTERS_MAX:
        raise PackageFault("a path that leads out, or is too long")
    return path


def _make_folders(folder, path):
    for place, character in enumerate(path):
        if character == "/":
            try:
                os.mkdir(f"{folder}/{path[:place]}")
            except OSError as fault:
                if fault.args[0] != 17:  # EEXIST
                    raise


def _text(field):
    try:
        return bytes(field).split(b"\x00", 1)[0].decode()
    except UnicodeError:
        raise PackageFault("a name that is not UTF-8")


def _octal(field):
    digits = bytes(field).strip(b" \x00")
    try:
        return int(digits or b"0", 8)
    except ValueError:
        raise PackageFault("not a tar archive")
