# SPDX-License-Identifier: MIT
"""The unix port's link against a real mosquitto, over TLS, and against a broker that lies."""

import contextlib
import json
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from e2e.certificates import Authority

from quell_host import runtime
from quell_host.demo.servers import Broker, running_broker

PROBE = Path(__file__).parent / "probe_link.py"
CONNACK = b"\x20\x02\x00\x00"


def probe(stay_s: float = 1.0, **broker: object) -> dict:
    """Run the probe -> its result."""
    command = [str(runtime.micropython()), str(PROBE), json.dumps({"host": "127.0.0.1", **broker}), str(stay_s)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=runtime.environment())
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def plain(tmp_path: Path) -> Iterator[Broker]:
    with running_broker(tmp_path / "broker") as broker:
        yield broker


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "ca")


@pytest.fixture
def tls(tmp_path: Path, authority: Authority) -> Iterator[Broker]:
    with running_broker(tmp_path / "broker", tls=authority.server("broker.test")) as broker:
        yield broker


def test_publish_and_hear_over_plain_tcp(plain: Broker) -> None:
    assert probe(port=plain.port) == {"connected": True, "heard": True, "error": "", "malformed": 0}


def test_a_quiet_connection_is_kept_alive_by_pings(plain: Broker) -> None:
    # the broker drops a client after 1.5 times its keep-alive of 2 s
    assert probe(4.5, port=plain.port, keepalive_s=2)["error"] == ""


def test_tls_with_the_right_ca_and_name_connects(tls: Broker, authority: Authority) -> None:
    result = probe(port=tls.port, ca=str(authority.ca), server_name="broker.test")
    assert (result["connected"], result["heard"]) == (True, True)


def test_tls_with_another_ca_is_refused(tls: Broker, tmp_path: Path) -> None:
    other = Authority(tmp_path / "other", "another CA")
    result = probe(port=tls.port, ca=str(other.ca), server_name="broker.test")
    assert not result["connected"] and result["error"]


def test_tls_with_another_name_is_refused(tls: Broker, authority: Authority) -> None:
    result = probe(port=tls.port, ca=str(authority.ca), server_name="elsewhere.test")
    assert not result["connected"] and result["error"]


def test_tls_with_a_ca_file_without_certificate_is_refused(tls: Broker, tmp_path: Path) -> None:
    empty = tmp_path / "empty.pem"
    empty.write_text("nothing here")
    assert not probe(port=tls.port, ca=str(empty))["connected"]


class LyingBroker:
    """Accepts one connection and answers each packet with what `script` says; then stays silent."""

    def __init__(self, script: list[bytes]) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._script = script
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        client, _ = self._listener.accept()
        with client, contextlib.suppress(ConnectionError):
            for answer in self._script:
                if not client.recv(4096):
                    return
                client.sendall(answer)
            while client.recv(4096):
                pass


def _publish(body: bytes, qos: int = 0) -> bytes:
    return bytes([0x30 | qos << 1, len(body)]) + body


LIES = {
    "a length of 256 MB": [CONNACK, b"\x30\xff\xff\xff\x7f"],
    "a length that never ends": [CONNACK, b"\x30\xff\xff\xff\xff\xff\xff"],
    "a packet over the cap": [CONNACK, b"\x30\xff\x20" + bytes(4095)],
    "a topic longer than its packet": [CONNACK, _publish(b"\xff\xffab")],
    "a publish without a topic": [CONNACK, _publish(b"")],
    "a publish of QoS 2": [CONNACK, _publish(b"\x00\x01a\x00\x01", 2)],
    "a publish of QoS 1 without its id": [CONNACK, _publish(b"\x00\x03abc", 1)],
    "a suback of another length": [CONNACK, b"\x90\x01\x00"],
    "a packet of no known type": [CONNACK, b"\xf0\x00"],
    "a connack of another length": [b"\x20\x7f\x00"],
    "a refusal": [b"\x20\x02\x00\x05"],
    "garbage": [b"\x00\x01\x02\x03\x04\x05\x06\x07"],
    "an early end": [CONNACK, b""],
}


@pytest.mark.parametrize("lie", LIES)
def test_what_a_lying_broker_sends_ends_the_connection_and_nothing_else(lie: str) -> None:
    result = probe(port=LyingBroker(LIES[lie]).port)
    assert result["error"] and not result["heard"]


def test_a_topic_that_is_not_utf8_is_dropped_and_the_connection_goes_on() -> None:
    suback, puback = b"\x90\x03\x00\x01\x01", b"\x40\x02\x00\x02"
    script = [CONNACK, suback, puback + _publish(b"\x00\x02\xff\xfex") + _publish(b"\x00\x01ab")]
    result = probe(port=LyingBroker(script).port)
    assert (result["error"], result["malformed"]) == ("", 1)


def test_an_empty_message_is_a_message_and_does_not_wait_for_the_next_packet() -> None:
    script = [CONNACK, b"\x90\x03\x00\x01\x01", b"\x40\x02\x00\x02" + _publish(b"\x00\x02ab")]
    assert probe(port=LyingBroker(script).port)["error"] == ""
