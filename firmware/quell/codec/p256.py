# SPDX-License-Identifier: MIT
"""ECDSA on P-256 with SHA-256 (FIPS 186-5, SEC 1 §4.1; nonces by RFC 6979), without division.

MicroPython 1.13 computes `%`, `//` and `pow(a, b, m)` of big integers wrongly and can loop for ever
on crafted operands. Reduction here is Barrett's: two multiplications, shifts and a few
subtractions. Not constant in time: an attacker who can time single operations on the module itself
is outside the threat model (DESIGN.md).
"""

from quell.codec.drbg import HmacDrbg

P = 0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
GX = 0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296
GY = 0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5

# floor(2^512 / m), for Barrett reduction
_MU_P = 0x100000000FFFFFFFFFFFFFFFEFFFFFFFEFFFFFFFEFFFFFFFF0000000000000003
_MU_N = 0x100000000FFFFFFFFFFFFFFFEFFFFFFFF43190552DF1A6C21012FFD85EEDF9BFE


def _mod_p(x):
    """x mod P for 0 <= x < 2^516."""
    x -= (((x >> 255) * _MU_P) >> 257) * P
    while x >= P:
        x -= P
    return x


def _mod_n(x):
    """x mod N for 0 <= x < 2^516."""
    x -= (((x >> 255) * _MU_N) >> 257) * N
    while x >= N:
        x -= N
    return x


def _invert(x, modulus, reduce):
    """x^-1 by Fermat, x^(modulus - 2), modulus prime, 0 < x < modulus."""
    exponent = modulus - 2
    result = x
    for bit in range(254, -1, -1):
        result = reduce(result * result)
        if (exponent >> bit) & 1:
            result = reduce(result * x)
    return result


# Points are Jacobian (X, Y, Z): x = X/Z^2, y = Y/Z^3; Z = 0 is the point at infinity.
_INFINITY = (1, 1, 0)


def _double(point):
    x, y, z = point
    if z == 0 or y == 0:
        return _INFINITY
    delta = _mod_p(z * z)
    gamma = _mod_p(y * y)
    beta = _mod_p(x * gamma)
    alpha = _mod_p(3 * (x + P - delta) * (x + delta))
    x3 = _mod_p(alpha * alpha + 8 * (P - beta))
    z3 = _mod_p((y + z) * (y + z) + 2 * P - gamma - delta)
    y3 = _mod_p(alpha * (4 * beta + P - x3) + 8 * (P * P - gamma * gamma))
    return x3, y3, z3


def _add(a, b):
    x1, y1, z1 = a
    x2, y2, z2 = b
    if z1 == 0:
        return b
    if z2 == 0:
        return a
    z1z1 = _mod_p(z1 * z1)
    if z2 == 1:
        u1, s1 = x1, y1
    else:
        z2z2 = _mod_p(z2 * z2)
        u1 = _mod_p(x1 * z2z2)
        s1 = _mod_p(y1 * _mod_p(z2 * z2z2))
    h = _mod_p(_mod_p(x2 * z1z1) + P - u1)
    r = _mod_p(_mod_p(y2 * _mod_p(z1 * z1z1)) + P - s1)
    if h == 0:
        return _double(a) if r == 0 else _INFINITY
    hh = _mod_p(h * h)
    hhh = _mod_p(h * hh)
    v = _mod_p(u1 * hh)
    x3 = _mod_p(r * r + 3 * P - hhh - 2 * v)
    y3 = _mod_p(r * (v + P - x3) + P * P - s1 * hhh)
    z3 = _mod_p(z1 * h if z2 == 1 else _mod_p(z1 * h) * z2)
    return x3, y3, z3


def _multiply_base(k):
    result = _INFINITY
    for bit in range(255, -1, -1):
        result = _double(result)
        if (k >> bit) & 1:
            result = _add(result, (GX, GY, 1))
    return result


def _multiply_two(u1, u2, q):
    """u1*G + u2*Q in one pass (Shamir's trick)."""
    g = (GX, GY, 1)
    both = _add(q, g)
    result = _INFINITY
    for bit in range(255, -1, -1):
        result = _double(result)
        first, second = (u1 >> bit) & 1, (u2 >> bit) & 1
        if first:
            result = _add(result, both if second else g)
        elif second:
            result = _add(result, q)
    return result


def _affine(point):
    x, y, z = point
    inverse = _invert(z, P, _mod_p)
    square = _mod_p(inverse * inverse)
    return _mod_p(x * square), _mod_p(y * _mod_p(square * inverse))


def _load_public(public):
    """64 bytes X ‖ Y -> affine point, or None when it is no point of the curve."""
    if len(public) != 64:
        return None
    x, y = int.from_bytes(public[:32], "big"), int.from_bytes(public[32:], "big")
    if x >= P or y >= P:
        return None
    # y^2 = x^3 - 3x + b
    right = _mod_p(_mod_p(x * x) * x + 3 * (P - x) + B)
    if _mod_p(y * y) != right:
        return None
    return x, y, 1


def valid_public(public):
    """True if the 64 bytes are a point of the curve (SP 800-56A §5.6.2.3.4; the cofactor is 1)."""
    return _load_public(public) is not None


def valid_private(private):
    """True if the 32 bytes are a scalar in 1…N-1."""
    return len(private) == 32 and 0 < int.from_bytes(private, "big") < N


def public_key(private):
    """32-byte scalar -> public key, 64 bytes X ‖ Y."""
    x, y = _affine(_multiply_base(int.from_bytes(private, "big")))
    return x.to_bytes(32, "big") + y.to_bytes(32, "big")  # 1.13: below P


def verify(public, hashed, signature):
    """True if `signature` (64 bytes r ‖ s) over the 32-byte hash verifies under the 64-byte key."""
    q = _load_public(public)
    if q is None or len(signature) != 64 or len(hashed) != 32:
        return False
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    if not (0 < r < N and 0 < s < N):
        return False
    w = _invert(s, N, _mod_n)
    e = _mod_n(int.from_bytes(hashed, "big"))
    x, _, z = _multiply_two(_mod_n(e * w), _mod_n(r * w), q)
    if z == 0:
        return False
    # compare in Jacobian form: x = X/Z^2, and r may stand for r or r + N, both below P
    z2 = _mod_p(z * z)
    if _mod_p(r * z2) == x:
        return True
    return r + N < P and _mod_p((r + N) * z2) == x


def sign(private, hashed):
    """Sign a 32-byte hash with a 32-byte scalar -> 64 bytes r ‖ s.

    RFC 6979 §3.2: the nonce comes from key and hash, so that a bad generator cannot leak the key.
    """
    d = int.from_bytes(private, "big")
    e = _mod_n(int.from_bytes(hashed, "big"))
    # §3.2 d-h is HMAC_DRBG seeded with int2octets(x) ‖ bits2octets(h)
    nonces = HmacDrbg(private + e.to_bytes(32, "big"))  # 1.13: below N
    while True:
        k = int.from_bytes(nonces.generate(32), "big")
        if not 0 < k < N:
            continue
        x, _ = _affine(_multiply_base(k))
        r = _mod_n(x)
        s = _mod_n(_invert(k, N, _mod_n) * _mod_n(e + r * d))
        if r and s:
            return r.to_bytes(32, "big") + s.to_bytes(32, "big")  # 1.13: below N
