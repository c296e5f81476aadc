# SPDX-License-Identifier: MIT
"""QuecPython's `SecureData` as documented: slots of fixed sizes, no delete, a backup copy of each slot; it can lose power."""

from sim.patch import put
from sim.sim_nor_faults import XorShift32
from sim.sim_port import PowerCut

_SIZES = [0] + [52] * 8 + [100] * 4 + [500] * 2 + [1000] * 2
_COPIES = 2


class SimSecureData:
    """`Store` and `Read` of the module; the chip's `arm`, `reboot`, `operations` and `data` for the power-cut harness.

    Each slot is kept as storage and backup; a copy knows whether it is whole. What the real module does inside is not
    documented beyond that: here the backup is what was stored before, which is worse for who wants to erase it.
    """

    def __init__(self):
        self._copies = {}  # (index, copy) -> (bytes, whole)
        self.operations = 0
        self.dead = False
        self.arm(None)

    def arm(self, cut_at, mode="nothing", seed=1):
        self._cut_at = None if cut_at is None else self.operations + cut_at
        self.mode = mode
        self._random = XorShift32(seed)

    def reboot(self):
        self.dead = False
        self.arm(None)

    @property
    def data(self):
        """All bytes that are in there."""
        return b"".join([self._copies[key][0] for key in sorted(self._copies)])

    def _program(self, key, data):
        if self.dead:
            raise PowerCut()
        if self.operations == self._cut_at:
            self.dead = True
            if self.mode == "all":
                self._copies[key] = (data, True)
            elif self.mode != "nothing":
                before = self._copies.get(key, (b"", False))[0]
                keep = self._random.below(len(data)) if data else 0
                self._copies[key] = (data[:keep] + before[keep:], False)
            raise PowerCut()
        self.operations += 1
        self._copies[key] = (data, True)

    def Store(self, index, databuf, length):
        """-> 0, or -1 for parameters that do not fit."""
        if not 1 <= index < len(_SIZES) or not 0 < length <= min(_SIZES[index], len(databuf)):
            return -1
        data, whole = self._copies.get((index, 0), (b"", False))
        if whole:
            self._program((index, 1), data)
        self._program((index, 0), bytes(databuf[:length]))
        return 0

    def Read(self, index, databuf, length):
        """-> how many bytes, -1 for parameters, -2 when storage and backup do not exist."""
        if self.dead:
            raise PowerCut()
        if not 1 <= index < len(_SIZES):
            return -1
        for copy in range(_COPIES):
            data, whole = self._copies.get((index, copy), (b"", False))
            if whole:
                put(databuf, 0, data[:length])
                return len(data)
        return -2
