# SPDX-License-Identifier: MIT
"""Ring keys, hashing keys and the generator's state: all that must be destroyed to erase (SPEC §10).

The generator in flash only ever moves forward: each boot takes one output of it as a seed and
stores the moved-on state in both slots before anything is generated, so that no state in flash can
give back a key that was made earlier. Without that, an erased key could be derived again.
"""

from quell.codec import cbor
from quell.codec.drbg import STATE_BYTES, HmacDrbg
from quell.errors import CborError, EntropyError, FlashError
from quell.limits import MAX_KEYS_BYTES
from quell.state import slots

NAME = "keys"


class Keys:
    """The key store of one device. `keystore` and `entropy` are the port's."""

    def __init__(self, keystore, entropy, counters):
        self._slots = slots.Slots(keystore, NAME, slots.KEYS, counters)
        self._entropy = entropy
        self._stored = None  # generator whose state is (or will be) in flash
        self._working = None  # generator of this boot, never stored
        self._rings = {}  # purpose -> [generation, key]
        self._hashes = {}  # purpose -> [generation, epoch, key, trust, started]
        self._erased = {}  # purpose -> generation up to which its keys were erased: wins over any slot

    def load(self):
        """Read the store and move the generator on. Returns False when there was none to read."""
        found = self._restore(self._slots.load())
        if not found:
            if not self._entropy.trusted:
                return False
            self._rings, self._hashes = {}, {}
            self._stored = HmacDrbg(self._entropy.read(48))
        self._start_boot()
        return found

    def _restore(self, payload):
        """Take the newest slot, and from every slot what it says was erased -> False when there is none to read."""
        if payload is None:
            return False
        try:
            record = cbor.decode(payload, MAX_KEYS_BYTES)
            k, v = record[0]
            if len(k) + len(v) != STATE_BYTES:
                return False
            rings, hashes = record[1], record[2]
            for _, other in self._slots.all():
                for purpose, generation in cbor.decode(other, MAX_KEYS_BYTES)[3].items():
                    self._erased[purpose] = max(generation, self._erased.get(purpose, -1))
            for keys in (rings, hashes):
                for purpose in list(keys):
                    if keys[purpose][0] <= self._erased.get(purpose, -1):
                        keys.pop(purpose)
        except (CborError, KeyError, TypeError, ValueError, AttributeError):
            return False
        self._stored = HmacDrbg.restore(k + v)
        self._rings, self._hashes = rings, hashes
        return True

    def seed(self, seed):
        """Start a new generator from the host's seed (at least 48 bytes): at provisioning only."""
        self._slots.load()
        self._rings, self._hashes, self._erased = {}, {}, {}
        self._stored = HmacDrbg(seed + self._entropy.read(32))
        self._start_boot()

    def _start_boot(self):
        boot_seed = self._stored.generate(32)
        self.save()
        self._working = HmacDrbg(boot_seed + self._entropy.read(32))

    def save(self):
        """Write all slots, the stored generator moved on and mixed with this boot's -> True if every one took it."""
        self._stored.mix(self._working.generate(32) if self._working else b"")
        state = self._stored.state()
        return self._slots.save_all(
            cbor.encode({0: [state[:32], state[32:]], 1: self._rings, 2: self._hashes, 3: self._erased})
        )

    def random(self, length):
        """`length` secret random bytes. Raises EntropyError without a generator."""
        if self._working is None:
            raise EntropyError("no generator state")
        return self._working.generate(length)

    def mix(self, entropy):
        """Mix host randomness (from an authenticated message) into this boot's generator."""
        self._working.mix(entropy)

    def ring_key(self, purpose, generation):
        """The key (32 bytes) of a purpose's ring in this generation; made and stored at first use."""
        entry = self._rings.get(purpose)
        if entry is None or entry[0] != generation:
            entry = [generation, self.random(32)]
            self._store(self._rings, purpose, entry)
        return entry[1]

    def _store(self, keys, purpose, entry):
        """Make a new key durable before anything is sealed or hashed under it. Raises FlashError; it then is no key."""
        before = keys.get(purpose)
        keys[purpose] = entry
        try:
            self.save()
        except FlashError:
            if before is None:
                keys.pop(purpose)
            else:
                keys[purpose] = before
            raise

    def has_ring_key(self, purpose):
        """True while a ring key of any generation is held for the purpose."""
        return purpose in self._rings

    def hash_key(self, purpose, generation, epoch_s, trust, now_s):
        """(epoch, key) for hashing now. A new random key when the epoch is over, by clock or uptime.

        `now_s` is on the scale of `trust`: unix seconds, or uptime for 0. A change of scale ends the epoch.
        """
        entry = self._hashes.get(purpose)
        over = (
            entry is None
            or entry[0] != generation
            or (entry[3] == 0) != (trust == 0)
            or not entry[4] <= now_s < entry[4] + epoch_s
        )
        if over:
            epoch = entry[1] + 1 if entry is not None and entry[0] == generation else 1
            entry = [generation, epoch, self.random(32), trust, now_s]
            self._store(self._hashes, purpose, entry)
        return entry[1], entry[2]

    def erase(self, purpose, generation):
        """Destroy the purpose's ring and hashing keys up to this generation, in every slot. Raises FlashError."""
        self._rings.pop(purpose, None)
        self._hashes.pop(purpose, None)
        self._erased[purpose] = max(generation, self._erased.get(purpose, -1))
        if not self.save():
            raise FlashError("a slot may still hold the key")

    def erase_all(self):
        """Destroy every ring and hashing key; generations begin anew with the next instance. Raises FlashError."""
        self._rings, self._hashes, self._erased = {}, {}, {}
        if not self.save():
            raise FlashError("a slot may still hold a key")

    def purposes(self):
        """Purposes that hold a key."""
        return set(self._rings) | set(self._hashes)
