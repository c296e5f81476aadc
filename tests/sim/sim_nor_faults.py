# SPDX-License-Identifier: MIT
"""What goes wrong in a simulated NOR chip: repeatable random numbers, torn programs and erases, weak cells.

MODES are the ways in which a power cut leaves the operation that it meets. A kind of operation that
does not know a mode takes the nearest that it knows:

    mode      program of (a part of) one page            erase of one sector
    nothing   no cell is changed                         no cell is changed
    all       complete, and then the power goes          complete, and then the power goes
    prefix    a random first part is done                as half
    bits      a random part of the bits to clear is      a random part of the zeros became ones
    bytes     a random part of the bytes is done         as bits
    later     the second half is done, the first not     as tail
    weak      complete, but one cleared bit is weak      complete, but 1 to 4 cells are weak
    faint     every bit to clear is weak: at one boot     as weak
              nothing is to be seen, at the next one all
    disturb   as prefix; 1 to 4 ones elsewhere in the    as bits
              same sector became zeros (SST26)
    tail      as later                                   first quarter as it was, the rest all zeros
    zero      as all                                     all zeros (pre-programmed, not yet erased)
    half      as prefix                                  first half erased, the rest as it was
"""

MODES = ("nothing", "all", "prefix", "bits", "bytes", "later", "weak", "disturb", "tail", "zero", "half", "faint")
PROGRAM_MODES = ("nothing", "all", "prefix", "bits", "bytes", "later", "weak", "disturb", "faint")
ERASE_MODES = ("nothing", "all", "bits", "weak", "tail", "zero", "half")
PROGRAM_AS = {"tail": "later", "zero": "all", "half": "prefix"}
ERASE_AS = {"prefix": "half", "bytes": "bits", "later": "tail", "disturb": "bits", "faint": "weak"}

# The quarters [from, to) of a sector whose cells a torn erase has not touched, or not surely: what was weak
# there stays weak. In the other modes no quarter.
_KEPT_QUARTERS = {"nothing": (0, 4), "bits": (0, 4), "half": (2, 4), "tail": (0, 1)}

# Moods of the weak cells: all of them read as 0, all read as 1, or (any other number) some so, some so.
MOOD_ZEROS = 0
MOOD_ONES = 1

_WORD = 0xFFFFFFFF


class XorShift32:
    """Random numbers that are the same on every interpreter. `state`: all of it, 32 bits and never 0."""

    def __init__(self, seed):
        self.state = (seed * 0x9E3779B1 + 0x7F4A7C15) & _WORD or 1

    def word(self):
        """The next number of 32 bits."""
        x = self.state
        x ^= x << 13 & _WORD
        x ^= x >> 17
        x ^= x << 5 & _WORD
        self.state = x
        return x

    def below(self, limit):
        """A number in 0 … limit - 1; `limit`: 1 … 2^24."""
        return (self.word() >> 8) * limit >> 24

    def block(self, length):
        """`length` random bytes."""
        x = self.state
        parts = []
        for _ in range((length + 3) >> 2):
            x ^= x << 13 & _WORD
            x ^= x >> 17
            x ^= x << 5 & _WORD
            parts.append(x.to_bytes(4, "little"))
        self.state = x
        return b"".join(parts)[:length]


def mode_name(mode):
    """`mode`: a name of MODES or its index -> the name. Raises ValueError, IndexError."""
    if isinstance(mode, int):
        return MODES[mode]
    if mode not in MODES:
        raise ValueError("no such mode")
    return mode


def weak_value(mood, bit_address):
    """What a weak cell reads as, 0 or 1: the same for one mood, as good as random over the moods."""
    if mood in (MOOD_ZEROS, MOOD_ONES):
        return mood
    x = (mood ^ bit_address * 0x9E3779B1) & _WORD
    x = (x ^ x >> 15) * 0x85EBCA6B & _WORD
    x = (x ^ x >> 13) * 0xC2B2AE35 & _WORD
    return (x ^ x >> 16) & 1


def both(a, b):
    """Bitwise AND of two byte strings of one length."""
    return (int.from_bytes(a, "little") & int.from_bytes(b, "little")).to_bytes(len(a), "little")


def either(a, b):
    """Bitwise OR of two byte strings of one length."""
    return (int.from_bytes(a, "little") | int.from_bytes(b, "little")).to_bytes(len(a), "little")


def _mask(length, random):
    """`length` bytes of which a quarter, a half or three quarters of the bits are set."""
    density = random.below(3)
    mask = random.block(length)
    if density == 0:
        return both(mask, random.block(length))
    return either(mask, random.block(length)) if density == 2 else mask


def partial_program(mode, chunk, random):
    """What a torn program of `chunk` really programs: bytes of the same length, ones where nothing happens."""
    chunk = bytes(chunk)
    length = len(chunk)
    mode = PROGRAM_AS.get(mode, mode)
    if mode == "nothing":
        return b"\xff" * length
    if mode in ("prefix", "disturb"):
        done = 1 + random.below(length - 1) if length > 1 else 0
        return chunk[:done] + b"\xff" * (length - done)
    if mode == "bits":
        return either(chunk, _mask(length, random))
    if mode == "bytes":
        return either(chunk, bytes([255 if one & 1 else 0 for one in random.block(length)]))
    if mode == "later":
        first = (length + 1) // 2
        return b"\xff" * first + chunk[first:]
    return chunk  # all, weak, faint


def cleared_bit(old, chunk, random):
    """One of the bits (offset from bit 0 of the first byte) that `chunk` clears over `old`; None if it clears none."""
    length = len(chunk)
    start = random.below(length)
    turn = random.below(8)
    for i in range(length):
        at = start + i if start + i < length else start + i - length
        bits = old[at] & ~chunk[at]
        for j in range(8):
            if bits >> ((turn + j) & 7) & 1:
                return at * 8 + ((turn + j) & 7)
    return None


def partial_erase(mode, old, random):
    """What a torn erase leaves of a sector that held `old` -> (bytes, first and last + 1 of the bytes kept weak)."""
    old = bytes(old)
    size = len(old)
    mode = ERASE_AS.get(mode, mode)
    first, last = _KEPT_QUARTERS.get(mode, (0, 0))
    if mode == "nothing":
        left = old
    elif mode == "tail":
        left = old[: size // 4] + bytes(size - size // 4)
    elif mode == "zero":
        left = bytes(size)
    elif mode == "half":
        left = b"\xff" * (size // 2) + old[size // 2 :]
    elif mode == "bits":
        left = either(old, _mask(size, random))
    else:
        left = b"\xff" * size  # all, weak
    return left, (size * first // 4, size * last // 4)
