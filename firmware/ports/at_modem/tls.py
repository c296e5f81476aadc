# SPDX-License-Identifier: MIT
"""TLS in the modem: certificates into its file system, once, and the settings that make it verify the server.

The modem verifies the chain against our CA. That it also compares the host's name is documented nowhere: use a CA of
your own, not a public one. `ignore_local_time` lets a modem connect whose clock was never set; it then also accepts a
certificate that has expired or is not yet valid. Messages authenticate themselves in any case.
"""

from ports.at_modem.at import QUICK_MS, AtError
from ports.at_modem.fields import number, split
from quell.codec.builtin import const, digest, hex_text
from quell.errors import LinkError

CONTEXT = const(1)
_MAX_PEM_BYTES = const(8192)
_UPLOAD_MS = const(10000)
_FILE_MS = const(2000)


def read_pem(source):
    """`source`: PEM text, or a path on the board -> bytes. Raises LinkError."""
    if source.startswith("-----BEGIN"):
        data = source.encode()
    else:
        try:
            with open(source, "rb") as file:
                data = file.read(_MAX_PEM_BYTES + 1)
        except OSError:
            raise LinkError("a certificate or key file cannot be read")
    if len(data) > _MAX_PEM_BYTES or b"-----BEGIN" not in data:
        raise LinkError("a certificate or key file is not PEM, or too long")
    return data


def file_name(data):
    """The name in the modem: another content has another name, so size and name tell whether it is there."""
    return "UFS:q" + hex_text(digest(data)[:4]) + ".pem"


def checksum(data):
    """XOR of the bytes in pairs, as QFUPL reports it -> int."""
    high = low = 0
    for i in range(0, len(data) - 1, 2):
        high ^= data[i]
        low ^= data[i + 1]
    if len(data) & 1:
        high ^= data[-1]
    return high << 8 | low


def _stored_bytes(at, name):
    """A generator: bytes of file `name` in the modem, None if it is not there."""
    try:
        lines = yield from at.asking('AT+QFLST="' + name + '"', "+QFLST", _FILE_MS, 0)
    except AtError:
        if at.stale:
            raise
        return None
    for line in lines:
        parts = split(line)
        if len(parts) == 2 and parts[0].split(":")[-1] == name.split(":")[-1]:
            return number(parts[1])
    return None


def storing(at, source):
    """A generator (see At.asking): `source` is in the modem afterwards; its value is the name there."""
    data = read_pem(source)
    name = file_name(data)
    size = yield from _stored_bytes(at, name)
    if size == len(data):
        return name
    if size is not None:
        yield from at.asking('AT+QFDEL="' + name + '"', None, _FILE_MS)
    line = 'AT+QFUPL="%s",%d,%d' % (name, len(data), _UPLOAD_MS // 1000)
    lines = yield from at.asking(line, "+QFUPL", _UPLOAD_MS, 1, False, data)
    parts = split(lines[0])
    try:
        good = number(parts[0]) == len(data) and int(parts[1], 16) == checksum(data)
    except (ValueError, IndexError):
        good = False
    if not good:
        yield from at.asking('AT+QFDEL="' + name + '"', None, _FILE_MS)
        raise LinkError("a certificate did not reach the modem whole")
    return name


def preparing(at, broker):
    """A generator (see At.asking) that sets up CONTEXT for the `broker` of the configuration, which has a `ca`."""
    ca = yield from storing(at, broker["ca"])
    level = 2 if broker["cert"] else 1
    settings = [
        ("sslversion", "3"),  # TLS 1.2; 4 would let the server choose 1.0
        ("ciphersuite", "0XFFFF"),
        ("seclevel", str(level)),
        ("cacert", '"' + ca + '"'),
    ]
    if broker["cert"]:
        cert = yield from storing(at, broker["cert"])
        key = yield from storing(at, broker["key"])
        settings += [("clientcert", '"' + cert + '"'), ("clientkey", '"' + key + '"')]
    wished = [("sni", "1"), ("ignorelocaltime", "1" if broker["ignore_local_time"] else "0")]
    for name, value in settings + wished:
        try:
            yield from at.asking('AT+QSSLCFG="%s",%d,%s' % (name, CONTEXT, value), None, QUICK_MS)
        except AtError:
            # what verifies is needed; not every firmware knows the others
            if at.stale or (name, value) not in wished:
                raise LinkError("the modem refuses the TLS setting " + name)
