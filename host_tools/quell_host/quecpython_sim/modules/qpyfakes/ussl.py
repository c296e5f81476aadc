# SPDX-License-Identifier: MIT
"""`ussl`: TLS that **authenticates no server**.

Documented: API_reference/en/networklib/ussl.md; modussl_mbedtls.c (2021), which has MBEDTLS_SSL_VERIFY_NONE built in.
There is no argument for a certificate authority, and `server_hostname` is only sent. A client's certificate and key can
be shown, as PEM or DER. Not on all models; not on G2. The cipher suites are those of mbedTLS 3.6 here.
"""

import tls
from qpyfakes.umqtt_wire import Wire
from qpysim import clock
from qpysim.faults import faulty
from ubinascii import a2b_base64


def _der(data):
    """The first object of a PEM text, or DER as it is."""
    text = data if isinstance(data, str) else str(data, "latin1") if data[:5] == b"-----" else None
    if text is None:
        return data
    body = text.split("-----BEGIN")[1].split("-----")[1]
    return a2b_base64(body.replace("\n", "").replace("\r", ""))


@faulty("ussl.wrap_socket")
def wrap_socket(sock, server_hostname=None, cert=None, key=None):
    """-> a stream. Raises OSError when the handshake fails, never because of who the server is."""
    context = tls.SSLContext(tls.PROTOCOL_TLS_CLIENT)
    context.verify_mode = tls.CERT_NONE
    if cert:
        context.load_cert_chain(_der(cert), _der(key))
    raw = sock.raw if isinstance(sock, Wire) else sock
    left = clock.go_outside()
    try:
        stream = context.wrap_socket(raw, server_hostname=server_hostname)
    finally:
        clock.come_back(left)
    if isinstance(sock, Wire):
        sock.over(stream)
        return sock
    return stream
