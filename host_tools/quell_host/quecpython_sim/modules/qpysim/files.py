# SPDX-License-Identifier: MIT
"""/usr and /bak: a folder of the host that behaves like littlefs on a module's small flash, and can fail.

Space is counted in blocks of 4 KiB, each file taking one at least; an open file cannot be removed; what goes wrong
comes as OSError with littlefs's numbers. The calls have names for the plan: "file.open", "file.read", "file.write",
"file.flush", "file.close", and "uos.remove" and the like.

Documented: FAQ/zh/software/fs.md (littlefs types, blocks of 4 KiB, open files), stdlib/uos.md. Which number an open
file that is to be removed gives is not said: EBUSY here. Copies that littlefs needs while it writes take no room here.
"""

import uio
from qpysim import faults
from qpysim.faults import faulty

BLOCK = 4096
ENOENT, EBUSY, ENOSPC, EINVAL, EROFS, ENODEV = 2, 16, 28, 22, 30, 19
_DIRECTORY_BLOCKS = 2
_DIRECTORY = 0x4000


def _blocks(size):
    return max(1, (size + BLOCK - 1) // BLOCK)


class FolderFs:
    """A file system for `uos.mount`. `host`: a VfsPosix of all; `kib`: its size; `read_only`: as /bak is."""

    def __init__(self, host, folder, kib, read_only=False):
        self._host = host
        self._folder = folder  # not the root of a VfsPosix: rename goes wrong there in 1.25
        self._total = kib // 4
        self._read_only = read_only
        self._cwd = "/"
        self.open_files = {}  # path -> how many handles
        self._used = _DIRECTORY_BLOCKS + self._measure("/")

    def _measure(self, folder):
        used = 0
        for entry in self._host.ilistdir(self._folder + folder):
            path = folder.rstrip("/") + "/" + entry[0]
            if entry[1] == _DIRECTORY:
                used += _DIRECTORY_BLOCKS + self._measure(path)
            else:
                used += _blocks(self._size(path))
        return used

    def _path(self, given, writes=False):
        """Absolute and below the root, whatever `given` is."""
        if writes and self._read_only:
            raise OSError(EROFS)
        parts = []
        for part in (given if given.startswith("/") else self._cwd + "/" + given).split("/"):
            if part == "..":
                if not parts:
                    raise OSError(ENOENT)
                parts.pop()
            elif part not in ("", "."):
                parts.append(part)
        return "/" + "/".join(parts)

    def take(self, blocks):
        """Use so many blocks more, or fewer. Raises OSError when there are not so many."""
        if blocks > 0 and self._used + blocks > self._total:
            raise OSError(ENOSPC)
        self._used += blocks

    def _size(self, path):
        """Bytes of a file; None where there is none."""
        try:
            return self._host.stat(self._folder + path)[6]
        except OSError:
            return None

    # what uos.mount and the interpreter call ---------------------------------------------------

    def mount(self, readonly, mkfs):
        pass

    def umount(self):
        pass

    @faulty("file.open")
    def open(self, path, mode):
        writes = "w" in mode or "a" in mode or "+" in mode
        path = self._path(path, writes)
        if "x" in mode:
            raise OSError(EINVAL)
        before = self._size(path)
        if before is None and ("w" in mode or "a" in mode):
            self.take(1)
        try:
            file = self._host.open(self._folder + path, mode)
        except OSError:
            if before is None and ("w" in mode or "a" in mode):
                self.take(-1)
            raise
        if before is not None and "w" in mode:
            self.take(1 - _blocks(before))
            before = 0
        if "a" in mode:
            file.seek(0, 2)
        self.open_files[path] = self.open_files.get(path, 0) + 1
        return _File(self, path, file, before or 0)

    def chdir(self, path):
        path = self._path(path)
        if path != "/" and not self.stat(path)[0] & _DIRECTORY:
            raise OSError(ENOENT)
        self._cwd = path

    def getcwd(self):
        return self._cwd

    def ilistdir(self, path):
        return self._host.ilistdir(self._folder + self._path(path))

    def mkdir(self, path):
        path = self._path(path, True)
        self.take(_DIRECTORY_BLOCKS)
        try:
            self._host.mkdir(self._folder + path)
        except OSError:
            self.take(-_DIRECTORY_BLOCKS)
            raise

    def rmdir(self, path):
        self._host.rmdir(self._folder + self._path(path, True))
        self.take(-_DIRECTORY_BLOCKS)

    def remove(self, path):
        path = self._path(path, True)
        if path in self.open_files:
            raise OSError(EBUSY)
        if self.stat(path)[0] & _DIRECTORY:  # littlefs removes an empty folder, too
            self.rmdir(path)
            return
        size = self._size(path)
        self._host.remove(self._folder + path)
        self.take(-_blocks(size))

    def rename(self, old, new):
        old, new = self._path(old, True), self._path(new, True)
        if old in self.open_files or new in self.open_files:
            raise OSError(EBUSY)
        replaced = self._size(new)
        self._host.rename(self._folder + old, self._folder + new)
        if replaced is not None and old != new:
            self.take(-_blocks(replaced))

    def stat(self, path):
        return self._host.stat(self._folder + self._path(path))

    def statvfs(self, path):
        free = max(0, self._total - self._used)
        return BLOCK, BLOCK, self._total, free, free, 0, 0, 0, 0, 255


class _File(uio.IOBase):
    """An open file. One that is never closed stays open: littlefs would close it when it is collected, or not."""

    def __init__(self, fs, path, file, size):
        self._fs = fs
        self._path = path
        self._file = file
        self._size = size

    @faulty("file.read")
    def read(self, *size):
        return self._file.read(*size)

    @faulty("file.write")
    def write(self, data):
        end = max(self._size, self._file.tell() + len(data))
        grown = _blocks(end) - _blocks(self._size)
        self._fs.take(grown)
        try:
            written = self._file.write(data)
        except OSError:
            self._fs.take(-grown)
            raise
        self._size = end
        return written

    @faulty("file.flush")
    def flush(self):
        self._file.flush()

    @faulty("file.close")
    def _close(self):
        self._file.close()

    def close(self):
        if self._file is None:
            return
        try:
            self._close()
        finally:
            self._file.close()  # whatever failed: the collector closes the host's files while other threads run
            self._file = None
            left = self._fs.open_files[self._path] - 1
            if left:
                self._fs.open_files[self._path] = left
            else:
                self._fs.open_files.pop(self._path)

    def readinto(self, buffer):
        return self._file.readinto(buffer)

    def readline(self, *size):
        return self._file.readline(*size)

    def readlines(self):
        return self._file.readlines()

    def seek(self, *where):
        return self._file.seek(*where)

    def tell(self):
        return self._file.tell()

    def ioctl(self, request, argument):
        if request == 4:  # close: by the interpreter, after an import
            self.close()
            return 0
        return -1

    def __iter__(self):
        return self

    def __next__(self):
        line = self._file.readline()
        if not line:
            raise StopIteration
        return line

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()


def _half(file, data):
    file._file.write(data[: len(data) // 2])
    file._file.flush()


faults.torn["file.write"] = _half
