# SPDX-License-Identifier: MIT
"""What a thief of the flash can do with an image: find every key and generator state, derive what they give, try it on every record.

He knows the format, the platform's random bytes (the worst case), and has kept every ciphertext that was ever there.
"""

from quell.codec import cbor
from quell.codec.builtin import hexlify, struct
from quell.codec.drbg import HmacDrbg
from quell.errors import CborError, CoseError
from quell.store.sealer import Sealer
from quell.store.sector import DATA, FRAME_BYTES, Header, frames
from quell.store.segment import Segment
from sim.sim_port import SimEntropy

_KEYS = b"QS\x01\x02"
_SECTOR = b"QN\x01"
_SEGMENT = b"QR\x02"
_OUTPUTS = 40  # of a generator that are tried


def _places(image, needle):
    at = image.find(needle)
    while at >= 0:
        yield at
        at = image.find(needle, at + 1)


def key_stores(image):
    """Every key store that is anywhere in the image, old copies too -> [(ring keys, generator state)…]."""
    found = []
    for at in _places(image, _KEYS):
        length = struct.unpack_from("<I", image, at + 8)[0]
        try:
            record = cbor.decode(bytes(image[at + 16 : at + 16 + length]), 8192)
            keys = [entry[1] for entry in record[1].values()] + [entry[2] for entry in record[2].values()]
            found.append((keys, record[0][0] + record[0][1]))
        except (CborError, KeyError, TypeError, IndexError, AttributeError):
            pass
    return found


def candidates(image):
    """Every key that the image gives: stored, or made by a generator state in it, at once or in the boot that it seeds."""
    found = set()
    for keys, state in key_stores(image):
        found.update(keys)
        stored = HmacDrbg.restore(state)
        for _ in range(4):
            output = stored.generate(32)
            found.add(output)
            working = HmacDrbg(output + SimEntropy().read(32))
            for _ in range(_OUTPUTS):
                found.add(working.generate(32))
    return found


def sealed_records(image, sector_bytes=4096):
    """Every sealed record in the image -> [(salt, purpose, generation, policy version, place, sequence, sealed)…]."""
    found = []
    for at in _places(image, _SECTOR):
        if at % sector_bytes == 0:
            data = bytes(image[at : at + sector_bytes])
            for index in range(at // sector_bytes + 1):  # its index in a partition that begins somewhere
                try:
                    head = Header(data, index)
                except ValueError:
                    continue
                for place, kind, sequence, _, length in frames(data, head.number)[0]:
                    if kind == DATA:
                        body = data[place + FRAME_BYTES : place + FRAME_BYTES + length]
                        found.append((head.salt, head.purpose, head.generation, head.policy_version, place, sequence, body))
    for at in _places(image, _SEGMENT):
        try:
            segment = Segment(bytes(image[at : at + 16400]))
        except ValueError:
            continue
        start = 0
        for index in range(segment.count):
            length, offset = struct.unpack_from("<HH", segment.body, start)
            body = segment.body[start + 4 : start + 4 + length]
            start += 4 + length
            found.append((segment.salt, segment.purpose, segment.generation, segment.policy_version, index, segment.first + offset, body))
    return found


def opened(keys, records):
    """The records that one of the keys opens -> [plaintext…]."""
    out = []
    for salt, purpose, generation, policy_version, place, sequence, sealed in records:
        for key in keys:
            try:
                out.append(Sealer(key, salt, purpose, generation, policy_version).open(place, sequence, sealed))
                break
            except CoseError:
                pass
    return out


def forms(text):
    """An identifier (str) as it might stand in flash -> {name: bytes}."""
    raw = text.encode()
    digits = "".join([c for c in text if c in "0123456789abcdefABCDEF"])
    out = {"text": raw, "backwards": bytes(list(raw)[::-1]), "hex": hexlify(raw), "utf-16": b"".join([bytes([b, 0]) for b in raw])}
    if len(digits) >= 8:
        even = digits if len(digits) % 2 == 0 else digits + "F"
        packed = bytes([int(even[i : i + 2], 16) for i in range(0, len(even), 2)])
        out["packed"] = packed
        out["swapped nibbles"] = bytes([(b >> 4) | (b & 15) << 4 for b in packed])
        out["digits"] = digits.encode()
    if digits.isdigit() and len(digits) >= 8:
        number = int(digits)
        out["number"] = bytes([(number >> 8 * i) & 255 for i in (7, 6, 5, 4, 3, 2, 1, 0)])
    return out
