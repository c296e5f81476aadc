# SPDX-License-Identifier: MIT
"""Run by a board through its raw REPL: puts files below a root. In what MicroPython 1.13 knows.

`_quell_do(check, word, …)` runs one of the words below. `check` is over the words, so that nothing is done that came
mutilated; the answer's last line is `= check` over the lines before it. Every word may be repeated. Lines of answers:
`M` the words came mutilated; `E errno` the file system refused; else those that each word names.
"""

import os as _quell_os
import sys as _quell_sys

try:
    import uhashlib as _quell_hashlib
except ImportError:
    import hashlib as _quell_hashlib
try:
    import ubinascii as _quell_ascii
except ImportError:
    import binascii as _quell_ascii

_QUELL_PIECE = 512
_QUELL_FOLDER = 0x4000
_quell_root = ""
_quell_file = [None, 0, ""]  # the file being written, bytes in it, its temporary name


def _quell_sum(text):
    return str(_quell_ascii.hexlify(_quell_hashlib.sha256(text.encode()).digest()), "ascii")[:8]


def _quell_do(check, *words):
    lines = []
    if _quell_sum("\n".join(words)) != check:
        lines.append("M")
    else:
        try:
            _QUELL_WORDS[words[0]](lines, *words[1:])
        except OSError as error:
            lines = ["E " + str(error.args[0] if error.args else 0)]
            _quell_give_up()
    for line in lines:
        print(line)
    print("= " + _quell_sum("\n".join(lines)))


def _quell_kind(path):
    # "folder", "file", or None
    try:
        return "folder" if _quell_os.stat(path)[0] & _QUELL_FOLDER else "file"
    except OSError:
        return None


def _quell_digest(path):
    # -> size, sha256 in hex; of the flash, not of what was sent
    digest, size, buf = _quell_hashlib.sha256(), 0, bytearray(_QUELL_PIECE)
    view = memoryview(buf)
    with open(path, "rb") as file:
        while True:
            n = file.readinto(buf)
            if not n:
                break
            digest.update(view[:n])
            size += n
    return size, str(_quell_ascii.hexlify(digest.digest()), "ascii")


def _quell_versions():
    # the folders of versions, complete or not
    found = []
    for entry in _quell_os.ilistdir(_quell_root or "/"):
        if entry[0].startswith("quell-") and entry[1] == _QUELL_FOLDER:
            found.append(entry[0])
    return found


def _quell_start(lines, root):
    """`R root`, `F free bytes` (-1: unknown), `B` bytes of a block, `P` version of .mpy files or 0, `V folder`s."""
    global _quell_root
    if root == ".":
        root = _quell_os.getcwd()
    _quell_root = root.rstrip("/")
    lines.append("R " + (_quell_root or "/"))
    try:
        stats = _quell_os.statvfs(_quell_root or "/")
        lines += ["F " + str(stats[1] * stats[3]), "B " + str(stats[1])]
    except (OSError, AttributeError):
        lines += ["F -1", "B 1"]
    about = _quell_sys.implementation
    lines.append("P " + str(getattr(about, "_mpy", getattr(about, "mpy", 0)) & 255))
    for name in _quell_versions():
        lines.append("V " + name)


def _quell_look(lines, path):
    """`H size sha256` of a file, or `H -`."""
    if _quell_kind(_quell_root + "/" + path) != "file":
        lines.append("H -")
    else:
        size, digest = _quell_digest(_quell_root + "/" + path)
        lines.append("H " + str(size) + " " + digest)


def _quell_text(lines, path, most):
    """`T content in base64` of a file's first bytes, or `T -`."""
    if _quell_kind(_quell_root + "/" + path) != "file":
        lines.append("T -")
        return
    with open(_quell_root + "/" + path, "rb") as file:
        lines.append("T " + str(_quell_ascii.b2a_base64(file.read(int(most))), "ascii").strip())


def _quell_close():
    if _quell_file[0] is not None:
        _quell_file[0].close()
    _quell_file[0], _quell_file[1] = None, 0


def _quell_give_up():
    # what is half written takes room
    file, _quell_file[0] = _quell_file[0], None
    if file is not None:
        for act in (file.close, lambda: _quell_os.remove(_quell_file[2])):
            try:
                act()
            except OSError:
                pass


def _quell_open(lines, path):
    """`K`: the file is begun under a temporary name, its folders are made."""
    _quell_close()
    at = _quell_root
    for part in path.split("/")[:-1]:
        at += "/" + part
        if _quell_kind(at) is None:
            _quell_os.mkdir(at)
    _quell_file[2] = _quell_root + "/" + path + ".new"
    _quell_file[0] = open(_quell_file[2], "wb")
    lines.append("K")


def _quell_add(lines, start, text):
    """`K bytes that are in the file`: a piece that is there already is not added again."""
    if int(start) == _quell_file[1]:
        piece = _quell_ascii.a2b_base64(text)
        done = _quell_file[0].write(piece)
        if done != len(piece):
            raise OSError(28)
        _quell_file[1] += len(piece)
    lines.append("K " + str(_quell_file[1]))


def _quell_done(lines, path, wanted):
    """`K` when the file is in the flash as `wanted` (sha256) and has its name; `D` when it is different."""
    _quell_close()
    path = _quell_root + "/" + path
    if _quell_kind(path + ".new") is None:
        # this word was carried out, and its answer was lost
        lines.append("K" if _quell_kind(path) == "file" and _quell_digest(path)[1] == wanted else "D")
    elif _quell_digest(path + ".new")[1] != wanted:
        _quell_os.remove(path + ".new")
        lines.append("D")
    else:
        _quell_os.rename(path + ".new", path)
        if hasattr(_quell_os, "sync"):
            _quell_os.sync()
        lines.append("K")


def _quell_keep(lines, path, other, word):
    """`K`; a file without `word` in its first bytes gets the name `other`, unless there is one of it: then `N`."""
    path, other = _quell_root + "/" + path, _quell_root + "/" + other
    if _quell_kind(path) == "file":
        with open(path, "rb") as file:
            ours = word.encode() in file.read(200)
        if not ours and _quell_kind(other) is not None:
            lines.append("N")
            return
        if not ours:
            _quell_os.rename(path, other)
    lines.append("K")


def _quell_remove(path):
    for entry in list(_quell_os.ilistdir(path)):
        inner = path + "/" + entry[0]
        if entry[1] == _QUELL_FOLDER:
            if entry[0] not in (".", ".."):
                _quell_remove(inner)
        else:
            _quell_os.remove(inner)
    _quell_os.rmdir(path)


def _quell_drop(lines, name):
    """`K`: the folder of a version is gone, its marker first, so that half of it is never taken for whole."""
    path = _quell_root + "/" + name
    if name in _quell_versions():
        if _quell_kind(path + "/complete") == "file":
            _quell_os.remove(path + "/complete")
        _quell_remove(path)
    lines.append("K")


_QUELL_WORDS = {
    "start": _quell_start,
    "look": _quell_look,
    "text": _quell_text,
    "open": _quell_open,
    "add": _quell_add,
    "done": _quell_done,
    "keep": _quell_keep,
    "drop": _quell_drop,
}
