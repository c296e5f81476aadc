# SPDX-License-Identifier: MIT
"""What this module really can do, found out on it: run once after each installation, told on the console and in a file.

Firmwares differ by model and year, and their documentation is not always right. Nothing is written but one file of the
agent's folder; SecureData is read only, since other programs may use its slots. The division of big integers is not
tried: in MicroPython 1.13 it is wrong and may never end, and the agent does without.
"""

import gc

from ports.quecpython.platform import ask, at, whole
from quell.codec import p256
from quell.codec.aead import open_sealed, seal
from quell.codec.builtin import AES_CBC, AES_ECB, aes, digest, hex_text, unhexlify
from quell.codec.crc import crc32
from quell.errors import QuellError

try:
    import uos as os
except ImportError:
    import os

_KEY = unhexlify("000102030405060708090a0b0c0d0e0f")
_PLAIN = unhexlify("00112233445566778899aabbccddeeff")
_TRIAL = "trial"
_TRIAL_BYTES = 4096


def _crc():
    """The check value of CRC-32/ISO-HDLC."""
    return crc32(b"123456789") == 0xCBF43926, ""


def _sha():
    """FIPS 180-4, the message "abc"."""
    wanted = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    return hex_text(digest(b"abc")) == wanted, ""


def _aes():
    """FIPS 197 appendix C.1; CBC with an IV of zeros is the same for one block; CCM over itself."""
    wanted = "69c4e0d86a7b0430d8cdb78070b4c55a"
    good = hex_text(aes(_KEY, AES_ECB).encrypt(_PLAIN)) == wanted
    good = good and hex_text(aes(_KEY, AES_CBC, bytes(16)).encrypt(_PLAIN)) == wanted
    sealed = seal(_KEY, bytes(13), b"", _PLAIN)
    return good and open_sealed(_KEY, bytes(13), b"", sealed) == _PLAIN, "ECB, CBC and CCM from them"


def _big_integers(now_ms):
    """Products and shifts of 256 bits, then a signature, timed."""
    a = 0xFEDCBA9876543210FEDCBA9876543210FEDCBA9876543210FEDCBA9876543210
    product = a * a
    good = (product & 0xFFFFFFFF) == 0xA44A4100 and (product >> 480) == 0xFDBAC097
    start_ms = now_ms()
    signed = p256.sign(_KEY + _KEY, digest(b"abc"))
    took_ms = now_ms() - start_ms
    public = p256.public_key(_KEY + _KEY)
    return good and p256.verify(public, digest(b"abc"), signed), "a signature takes %d ms" % took_ms


def _files(flash, now_ms):
    """What a segment costs, and whether it comes back."""
    data = bytes(range(256)) * (_TRIAL_BYTES >> 8)
    start_ms = now_ms()
    try:
        flash.write(_TRIAL, data)
        took_ms = now_ms() - start_ms
        good = flash.read(_TRIAL) == data
        flash.erase(_TRIAL)
    except QuellError as error:
        return False, str(error)
    found = (flash.file_system, took_ms, flash.inline_bytes)
    return good, "%s, %d ms for 4 KiB, files up to %d bytes cost no block" % found


def _room(root):
    status = ask(os, "statvfs", root)
    block, total, free = at(status, 0), at(status, 2), at(status, 3)
    if None in (block, total, free):
        return None, "statvfs does not say"
    return True, "%d of %d KiB free" % (block * free >> 10, block * total >> 10)


def _random():
    """Whether urandom repeats at once or is lopsided. Good figures prove nothing: it is rand() on these modules."""
    first, second = ask(os, "urandom", 128), ask(os, "urandom", 128)
    if first is None or second is None:
        return None, "no urandom: the seed of provisioning and the host's entropy carry it"
    ones = 0
    for byte in first + second:
        while byte:
            ones += byte & 1
            byte >>= 1
    return first != second and 900 < ones < 1148, "%d of 2048 bits set; mixed in, never used alone" % ones


def _secure_data(secure):
    if secure is None:
        return None, "not there: keys are in files"
    found = whole(ask(secure, "Read", 16, bytearray(1000), 1000), -2, 1000)  # -2: nothing was stored
    if found is None:
        return False, "slot 16 cannot be read"
    return True, "there; slot 16 holds %s" % (found if found > 0 else "nothing")


def _time(clock, sleep_ms):
    start_ms = clock.uptime_ms()
    sleep_ms(50)
    took_ms = clock.uptime_ms() - start_ms
    hint_s = clock.hint_s()
    return 40 <= took_ms < 1000, "%s; 50 ms took %d" % (
        "no time of day" if hint_s is None else "time of day by " + clock.hint_from, took_ms,
    )  # fmt: skip


def _thread(start, sleep_ms):
    ran = []
    try:
        start(lambda: ran.append(1), ())
    except Exception as error:  # which one is not documented
        return False, type(error).__name__
    for _ in range(50):
        if ran:
            break
        sleep_ms(20)
    return bool(ran), ""


def _heap():
    gc.collect()
    return True, "%d KiB, %d free" % ((gc.mem_alloc() + gc.mem_free()) >> 10, gc.mem_free() >> 10)


def run(flash, root, secure, clock, start, sleep_ms):
    """-> [(name, True | False | None, text)…]; None: not there, and done without. Never raises."""
    out = []
    for name, check in (
        ("crc", _crc),
        ("sha-256", _sha),
        ("aes", _aes),
        ("big-integers", lambda: _big_integers(clock.uptime_ms)),
        ("file-system", lambda: _files(flash, clock.uptime_ms)),
        ("room", lambda: _room(root)),
        ("urandom", _random),
        ("secure-data", lambda: _secure_data(secure)),
        ("time", lambda: _time(clock, sleep_ms)),
        ("threads", lambda: _thread(start, sleep_ms)),
        ("heap", _heap),
    ):
        try:
            good, text = check()
        except Exception as error:  # that is the finding
            good, text = False, type(error).__name__
        out.append((name, good, text))
    return out


def lines(results):
    """The results as lines of the console."""
    words = {True: "ok", False: "FAILED", None: "absent"}
    return [("quell selftest %s %s %s" % (name, words[good], text)).rstrip() for name, good, text in results]
