# SPDX-License-Identifier: MIT
"""`usocket`: MicroPython's own sockets, which reach the host's network while packet data is up.

Documented: API_reference/en/stdlib/usocket.md. Without packet data no name is found, OSError(-2). A socket that is open
when packet data goes stays open here. Not imitated: `getsocketsta`, `IPPROTO_TCP_SER`, `TCP_CUSTOMIZE_PORT`. A thread
that waits in a socket of its own stands for time as it really is.
"""

import usocket as _host
from qpysim import network
from qpysim.faults import faulty
from usocket import *  # noqa: F403


@faulty("usocket.getaddrinfo")
def getaddrinfo(host, port):
    """-> list of (family, type, proto, canonname, sockaddr)."""
    if not network.online():
        raise OSError(-2)
    return _host.getaddrinfo(host, port)
