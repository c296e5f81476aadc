# SPDX-License-Identifier: MIT
"""What a Linux host tells about itself: small readers of /proc, /sys and /etc, one per source.

Each returns None when the host does not say, and may raise OSError: the collector counts both.
"""

import os

from quell import __version__


def _first_line(path):
    with open(path) as file:
        return file.readline().strip().replace("\0", "")


def _value_of(path, key, separator):
    """The value behind `key` in a file of `key<separator>value` lines, or None."""
    with open(path) as file:
        for line in file:
            name, _, value = line.partition(separator)
            if name.strip() == key:
                return value.strip().strip('"')
    return None


def model():
    for path in ("/sys/class/dmi/id/product_name", "/proc/device-tree/model"):
        try:
            found = _first_line(path)
            if found:
                return found[:64]
        except OSError:
            continue
    return (_value_of("/proc/cpuinfo", "model name", ":") or "")[:64] or None


def os_version():
    return (_value_of("/etc/os-release", "PRETTY_NAME", "=") or "Linux")[:64]


def locale():
    return os.getenv("LC_ALL") or os.getenv("LANG") or "C"


def timezone():
    zone = os.getenv("TZ")
    if zone:
        return zone
    try:
        return _first_line("/etc/timezone")
    except OSError:
        return "UTC"


def uptime_s():
    return int(_first_line("/proc/uptime").split(".")[0])


def _memory_kib(key):
    return int(_value_of("/proc/meminfo", key, ":").split(" ")[0])


def machine_id():
    return _first_line("/etc/machine-id")


def mac():
    """Address of the first interface that has one and is not the loopback."""
    for name in sorted(os.listdir("/sys/class/net")):
        if name != "lo":
            found = _first_line("/sys/class/net/" + name + "/address")
            if found and found != "00:00:00:00:00:00":
                return found
    return None


def ipv4():
    """First local address that is not of the loopback, from the kernel's routing trie."""
    address = None
    with open("/proc/net/fib_trie") as file:
        for line in file:
            if "|-- " in line:
                address = line.split("|-- ")[1].strip()
            elif "/32 host LOCAL" in line and address and not address.startswith("127."):
                return address
    return None


def ipv6():
    with open("/proc/net/if_inet6") as file:
        for line in file:
            parts = line.split()
            if parts[-1] != "lo":
                digits = parts[0]
                return ":".join([digits[i : i + 4] for i in range(0, 32, 4)])
    return None


def now_s():
    import time

    return int(time.time())


READERS = {
    "device.model": model,
    "device.os": os_version,
    "device.agent": lambda: __version__,
    "device.locale": locale,
    "device.timezone": timezone,
    "device.uptime": uptime_s,
    "device.memory-total": lambda: _memory_kib("MemTotal"),
    "device.memory-free": lambda: _memory_kib("MemAvailable"),
    "device.machine-id": machine_id,
    "net.mac": mac,
    "net.ipv4": ipv4,
    "net.ipv6": ipv6,
    "time.now": now_s,
}
