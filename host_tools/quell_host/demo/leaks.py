# SPDX-License-Identifier: MIT
"""Search bytes for raw identifiers in every form in which somebody might have let them through."""

import base64
import hashlib
import ipaddress
import re
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

FORMS = (
    "plain",
    "upper",
    "lower",
    "no separators",
    "raw bytes",
    "hex",
    "base64",
    "reversed",
    "md5",
    "sha1",
    "sha256",
)
_LEAST_CHARACTERS = 6
"""A shorter name is found by chance in any file."""


@dataclass(frozen=True)
class Leak:
    """An identifier that was found: which, in which form, in which file."""

    name: str
    form: str
    file: str


def _read(path: str) -> str:
    try:
        return Path(path).read_text(errors="replace").strip().strip("\0")
    except OSError:
        return ""


def machine_identifiers() -> dict[str, str]:
    """What identifies this machine, by name: read from the kernel, not through the agent."""
    found = {
        "machine-id": _read("/etc/machine-id"),
        "boot-id": _read("/proc/sys/kernel/random/boot_id"),
        "hostname": socket.gethostname(),
        "product-serial": _read("/sys/class/dmi/id/product_serial"),
        "product-uuid": _read("/sys/class/dmi/id/product_uuid"),
    }
    for path in sorted(Path("/sys/class/net").glob("*/address")):
        address = _read(str(path))
        if path.parent.name != "lo" and address.strip("0:"):
            found[f"mac of {path.parent.name}"] = address
    trie = re.findall(r"\|-- (\S+)\n\s+/32 host LOCAL", _read("/proc/net/fib_trie"))
    for number, address in enumerate(sorted(set(trie))):
        if not address.startswith("127."):
            found[f"ipv4 {number}"] = address
    for line in _read("/proc/net/if_inet6").splitlines():
        digits, *_, interface = line.split()
        if interface != "lo":
            found[f"ipv6 of {interface}"] = str(ipaddress.ip_address(bytes.fromhex(digits)))
    return {name: value for name, value in found.items() if len(value) >= _LEAST_CHARACTERS}


def _raw(value: str) -> bytes:
    """The value's own bytes: an address packed, hex digits unpacked; empty when it has none."""
    try:
        return ipaddress.ip_address(value).packed
    except ValueError:
        pass
    plain = re.sub(r"[:\-. ]", "", value)
    if re.fullmatch(r"(?:[0-9A-Fa-f]{2}){6,}", plain):
        return bytes.fromhex(plain)
    return b""


def _base64_cores(data: bytes) -> list[bytes]:
    """What of the base64 text of `data` is the same wherever in a longer text it begins."""
    cores = []
    for shift in range(3):
        text = base64.b64encode(bytes(shift) + data)
        cut = len(base64.b64encode(bytes(shift))) if shift else 0
        core = text[cut:].rstrip(b"=")
        core = core[: -1 if (shift + len(data)) % 3 else None]
        if len(core) >= _LEAST_CHARACTERS:
            cores.append(core)
    return cores


def _digests(name: str, texts: Iterable[bytes]) -> list[bytes]:
    found = []
    for text in texts:
        digest = hashlib.new(name, text, usedforsecurity=False)
        found += [digest.digest(), digest.hexdigest().encode(), digest.hexdigest().upper().encode()]
        found += _base64_cores(digest.digest())
    return found


def forms(value: str) -> dict[str, list[bytes]]:
    """Every form of an identifier to search for, by name (FORMS)."""
    plain = value.encode()
    bare = re.sub(r"[:\-. ]", "", value).encode()
    raw = _raw(value)
    texts = {plain, value.upper().encode(), value.lower().encode(), bare, bare.lower(), bare.upper()}
    return {
        "plain": [plain],
        "upper": [value.upper().encode()],
        "lower": [value.lower().encode()],
        "no separators": [bare, bare.upper(), bare.lower()],
        "raw bytes": [raw] if len(raw) >= 4 else [],
        "hex": [plain.hex().encode(), plain.hex().upper().encode()],
        "base64": _base64_cores(plain),
        "reversed": [plain[::-1], bare[::-1]],
        "md5": _digests("md5", texts),
        "sha1": _digests("sha1", texts),
        "sha256": _digests("sha256", texts | ({raw} if raw else set())),
    }


def search(identifiers: dict[str, str], files: Iterable[Path]) -> tuple[list[Leak], int, int]:
    """Look for every form of every identifier in every file -> leaks, needles, bytes searched."""
    needles = [
        (name, form, needle)
        for name, value in identifiers.items()
        for form, found in forms(value).items()
        for needle in set(found)
        if needle
    ]
    leaks, total = [], 0
    for file in files:
        data = file.read_bytes()
        total += len(data)
        leaks += [Leak(name, form, file.name) for name, form, needle in needles if needle in data]
    return leaks, len(needles), total
