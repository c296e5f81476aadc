# SPDX-License-Identifier: MIT
"""Files of the modem (QFUPL, QFLST, QFDEL) and what TLS is made of: QSSLCFG, real certificates, real verification."""

import datetime
import fnmatch
import ssl
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography import x509

from quell_host.modem_sim.line import FILE_EXISTS, FILE_TIMEOUT, NO_FILE, NO_SPACE, AtError, Command, Form

if TYPE_CHECKING:
    from quell_host.modem_sim.modem import Modem

MAX_FILES_BYTES = 512 * 1024
_NO_CHECK_TIME = 0x200000  # X509_V_FLAG_NO_CHECK_TIME: the modem's own clock is looked at instead
_ALL_SUITES = 0xFFFF
_SUITES = {
    0x002F: "AES128-SHA", 0x0035: "AES256-SHA", 0x003C: "AES128-SHA256", 0x003D: "AES256-SHA256",
    0x009C: "AES128-GCM-SHA256", 0x009D: "AES256-GCM-SHA384", 0xC013: "ECDHE-RSA-AES128-SHA",
    0xC014: "ECDHE-RSA-AES256-SHA", 0xC009: "ECDHE-ECDSA-AES128-SHA", 0xC00A: "ECDHE-ECDSA-AES256-SHA",
    0xC023: "ECDHE-ECDSA-AES128-SHA256", 0xC027: "ECDHE-RSA-AES128-SHA256",
    0xC028: "ECDHE-RSA-AES256-SHA384", 0xC02B: "ECDHE-ECDSA-AES128-GCM-SHA256",
    0xC02C: "ECDHE-ECDSA-AES256-GCM-SHA384", 0xC02F: "ECDHE-RSA-AES128-GCM-SHA256",
    0xC030: "ECDHE-RSA-AES256-GCM-SHA384",
}  # fmt: skip
_VERSIONS = (ssl.TLSVersion.SSLv3, ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1_2)
_ALL_VERSIONS = 4


@dataclass
class TlsContext:
    """What QSSLCFG set for one of the contexts 0 to 5."""

    sslversion: int = _ALL_VERSIONS
    ciphersuite: int = _ALL_SUITES
    seclevel: int = 0
    cacert: str = ""
    clientcert: str = ""
    clientkey: str = ""
    ignorelocaltime: int = 0
    sni: int = 0
    negotiatetime: int = 300


_NUMBERS = {"sslversion": 4, "seclevel": 2, "ignorelocaltime": 1, "sni": 1, "negotiatetime": 300}
_FILES = ("cacert", "clientcert", "clientkey")


def fresh_contexts() -> list[TlsContext]:
    """The contexts after a boot."""
    return [TlsContext() for _ in range(6)]


def _name(text: str) -> str:
    if not text or len(text) > 80 or not text.isprintable():
        raise AtError
    return text if text.startswith(("UFS:", "RAM:")) else f"UFS:{text}"


async def _qfupl(modem: "Modem", command: Command) -> list[str] | None:
    if command.form is Form.TEST:
        return ["+QFUPL: <filename>,(1-524288),(1-65535),(0,1)"]
    command.at_most(4)
    name = _name(command.text(0))
    size = command.number(1, 1, MAX_FILES_BYTES)
    timeout_s = command.number(2, 1, 65535, 5)
    if name in modem.files:
        raise AtError(FILE_EXISTS)
    if size + sum(map(len, modem.files.values())) > MAX_FILES_BYTES:
        raise AtError(NO_SPACE)
    await modem.prompt("CONNECT\r\n")
    data = await modem.wire.data(size, timeout_s)
    if data is None:
        raise AtError(FILE_TIMEOUT)
    modem.files[name] = data
    return [f"+QFUPL: {size},{checksum(data):x}"]


def checksum(data: bytes) -> int:
    """All pairs of bytes, high byte first, combined by exclusive or; an odd last byte is a high one."""
    even = data + b"\0" * (len(data) % 2)
    found = 0
    for at in range(0, len(even), 2):
        found ^= even[at] << 8 | even[at + 1]
    return found


async def _qflst(modem: "Modem", command: Command) -> list[str] | None:
    if command.form is Form.TEST:
        return ["+QFLST: <filename>"]
    pattern = command.text(0) if command.has(0) else "*"
    wanted = pattern if pattern.startswith(("UFS:", "RAM:")) else f"UFS:{pattern}"
    return [
        f'+QFLST: "{name}",{len(data)}'
        for name, data in sorted(modem.files.items())
        if fnmatch.fnmatchcase(name, wanted)
    ]


async def _qfdel(modem: "Modem", command: Command) -> list[str] | None:
    if command.form is Form.TEST:
        return ["+QFDEL: <filename>"]
    wanted = _name(command.text(0))
    found = [name for name in modem.files if fnmatch.fnmatchcase(name, wanted)]
    if not found and not wanted.endswith("*"):
        raise AtError(NO_FILE)
    for name in found:
        del modem.files[name]
    return None


async def _qflds(modem: "Modem", command: Command) -> list[str] | None:
    if command.form is Form.TEST:
        return ["+QFLDS: <name>"]
    used = sum(map(len, modem.files.values()))
    return [f"+QFLDS: {MAX_FILES_BYTES - used},{MAX_FILES_BYTES}"]


async def _qsslcfg(modem: "Modem", command: Command) -> list[str] | None:
    if command.form is Form.TEST:
        lines = [f'+QSSLCFG: "{name}",(0-5),(0-{most})' for name, most in _NUMBERS.items()]
        return [
            *lines,
            '+QSSLCFG: "ciphersuite",(0-5),(0X0000-0XFFFF)',
            *(f'+QSSLCFG: "{name}",(0-5),<path>' for name in _FILES),
        ]
    what = command.text(0).lower()
    index = command.number(1, 0, 5)
    context = modem.tls[index]
    command.at_most(3)
    if what not in _NUMBERS and what not in _FILES and what != "ciphersuite":
        raise AtError
    if not command.has(2):
        value = getattr(context, what)
        shown = f'"{value}"' if what in _FILES else f"0X{value:04X}" if what == "ciphersuite" else value
        return [f'+QSSLCFG: "{what}",{index},{shown}']
    if what in _NUMBERS:
        setattr(context, what, command.number(2, 0, _NUMBERS[what]))
    elif what in _FILES:
        setattr(context, what, _name(command.text(2)))
    else:
        context.ciphersuite = _suite(command.text(2))
    return None


def _suite(text: str) -> int:
    try:
        suite = int(text, 16)
    except ValueError:
        raise AtError from None
    if suite not in _SUITES and suite != _ALL_SUITES:
        raise AtError
    return suite


def made(modem: "Modem", index: int) -> ssl.SSLContext:
    """The context for a connection. Raises OSError or ValueError where its files are no good.

    seclevel 0 verifies nothing, 1 the broker's chain against cacert, 2 as 1 and shows a client certificate. The
    broker's name is verified where sni is 1: then it was sent, too.
    """
    own = modem.tls[index]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.minimum_version = ssl.TLSVersion.TLSv1
    if own.sslversion != _ALL_VERSIONS:
        context.maximum_version = context.minimum_version = _VERSIONS[own.sslversion]
    if own.ciphersuite != _ALL_SUITES:
        context.set_ciphers(_SUITES[own.ciphersuite])
    if own.seclevel:
        context.verify_mode = ssl.CERT_REQUIRED
        context.check_hostname = bool(own.sni)
        context.verify_flags |= _NO_CHECK_TIME
        context.load_verify_locations(cadata=_file(modem, own.cacert).decode("ascii"))
    if own.seclevel == 2:
        with tempfile.TemporaryDirectory() as folder:
            paths = []
            for name in ("clientcert", "clientkey"):
                path = Path(folder) / name
                path.touch(0o600)
                path.write_bytes(_file(modem, getattr(own, name)))
                paths.append(path)
            context.load_cert_chain(*paths, password="")
    return context


def _file(modem: "Modem", name: str) -> bytes:
    if name not in modem.files:
        raise ValueError(name)
    return modem.files[name]


def in_time(modem: "Modem", index: int, certificate: bytes | None) -> bool:
    """Whether the broker's certificate is valid at the time that the modem's clock shows, where that counts."""
    own = modem.tls[index]
    if not own.seclevel or own.ignorelocaltime:
        return True
    if certificate is None:
        return False
    now = datetime.datetime.fromtimestamp(modem.clock.now(), datetime.UTC)
    try:
        found = x509.load_der_x509_certificate(certificate)
    except ValueError:
        return False
    return found.not_valid_before_utc <= now <= found.not_valid_after_utc


COMMANDS = {"+QFUPL": _qfupl, "+QFLST": _qflst, "+QFDEL": _qfdel, "+QFLDS": _qflds, "+QSSLCFG": _qsslcfg}
