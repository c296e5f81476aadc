# SPDX-License-Identifier: MIT
"""Quell's main.py of a board: finds the version of the agent that is in force, and runs it.

`quell flash` puts versions into folders `quell-VERSION-HASH`, each with a marker `complete`, and switches by replacing
the file `quell.active`. When that is damaged the newest whole folder is taken; without any the agent is frozen, or in
the root. A locked board (`quell device lock`) has no Ctrl-C and no REPL. Written in what MicroPython 1.13 knows; an
import of this file does nothing.
"""

try:
    import uos as os
except ImportError:
    import os
try:
    import usys as sys
except ImportError:
    import sys
try:
    import uhashlib as hashlib
except ImportError:
    import hashlib
try:
    import ubinascii as binascii
except ImportError:
    import binascii
try:
    import utime as time
except ImportError:
    import time

_ROOTS = ("/usr", "/flash")  # where the file system is when the current folder is not it
_MAX_MARKER_BYTES = 16384
_FOLDER = 0x4000
_CTRL_C = 3
_RESTART_AFTER_S = 5


def _hex(data):
    return str(binascii.hexlify(hashlib.sha256(data).digest()), "ascii")


def _read(path, most):
    """-> bytes of a file, or None."""
    try:
        with open(path, "rb") as file:
            return file.read(most)
    except OSError:
        return None


def _digest(path):
    digest, buf = hashlib.sha256(), bytearray(512)
    view = memoryview(buf)
    with open(path, "rb") as file:
        while True:
            n = file.readinto(buf)
            if not n:
                return str(binascii.hexlify(digest.digest()), "ascii")
            digest.update(view[:n])


def _whole(folder, hashed):
    """The number of the folder's marker, or 0 when a file is missing or has another size (or hash, if `hashed`)."""
    data = _read(folder + "/complete", _MAX_MARKER_BYTES)
    if data is None:
        return 0
    try:
        lines = str(data, "utf-8").split("\n")
        body = "\n".join(lines[:-2]) + "\n"
        word, form, number = lines[0].split(" ")
        if word != "quell-complete" or form != "1" or lines[-1] or lines[-2] != "end " + _hex(body.encode()):
            return 0
        for line in lines[1:-2]:
            wanted, size, path = line.split(" ", 2)
            path = folder + "/" + path
            if os.stat(path)[6] != int(size) or hashed and _digest(path) != wanted:
                return 0
        return int(number)
    except (ValueError, IndexError, OSError):
        return 0


def _active(root):
    """The name in quell.active, or None when the file is missing or damaged."""
    data = _read(root + "/quell.active", 200)
    try:
        words = str(data or b"", "utf-8").split("\n")
    except ValueError:
        return None
    if len(words) == 3 and words[1] == _hex(words[0].encode())[:8]:
        return words[0]
    return None


def find(root):
    """The folder of the version that is to run -> path, or None when there is none."""
    name = _active(root)
    if name is not None and _whole(root + "/" + name, False):
        return root + "/" + name
    best, found = 0, None
    try:
        entries = list(os.ilistdir(root or "/"))
    except OSError:
        return None
    for entry in entries:
        if entry[0].startswith("quell-") and entry[1] == _FOLDER:
            number = _whole(root + "/" + entry[0], True)
            if number > best:
                best, found = number, root + "/" + entry[0]
    return found


def choose():
    """Put the version that is to run first on sys.path -> its folder, or None for a frozen agent."""
    for root in (os.getcwd(),) + _ROOTS:
        folder = find(root.rstrip("/"))
        if folder is not None:
            if folder not in sys.path:
                sys.path.insert(0, folder)
            return folder
    for root in _ROOTS:  # QuecPython looks for modules everywhere but where its user's files are
        for name in ("/quell_board.py", "/quell_board.mpy"):
            if root not in sys.path and _read(root + name, 1) is not None:
                sys.path.append(root)
    return None


def _ctrl_c(char):
    try:
        import micropython

        micropython.kbd_intr(char)
    except (ImportError, AttributeError):
        pass


def _again():
    """A locked board never comes to its REPL: it starts anew."""
    time.sleep(_RESTART_AFTER_S)
    import machine

    machine.reset()


def main():
    locked = False
    try:
        # Off from the first line: whether the board is locked is known only when the agent's code is there.
        _ctrl_c(-1)
        folder = choose()
        if folder is not None:
            print("quell boot " + folder.split("/")[-1])
        import quell_board

        locked = quell_board.locked() if hasattr(quell_board, "locked") else False
        if not locked:
            _ctrl_c(_CTRL_C)
        quell_board.run()
    except KeyboardInterrupt:
        pass
    except Exception as error:
        print("quell boot failed " + type(error).__name__)
    if locked:
        _again()
    _ctrl_c(_CTRL_C)


if __name__ == "__main__":
    main()
