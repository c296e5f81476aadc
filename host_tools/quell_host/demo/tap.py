# SPDX-License-Identifier: MIT
"""A tap on the wire: a TCP relay between agent and broker that keeps every byte that crosses it."""

import socket
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from quell_host.demo.servers import free_port

UP = "up"
DOWN = "down"


@dataclass(frozen=True)
class Publication:
    """One MQTT PUBLISH that crossed. `at`: monotonic seconds; `direction`: UP from the agent, DOWN to it."""

    at: float
    direction: str
    topic: str
    payload: bytes
    wire_bytes: int


class _Packets:
    """Cuts one direction of one connection into MQTT packets (MQTT 3.1.1 §2.2)."""

    def __init__(self) -> None:
        self._data = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        self._data += data
        found = []
        while True:
            length, shift, at = 0, 0, 1
            while True:
                if at >= len(self._data):
                    return found
                byte = self._data[at]
                length |= (byte & 0x7F) << shift
                shift, at = shift + 7, at + 1
                if not byte & 0x80:
                    break
            if len(self._data) < at + length:
                return found
            found.append(bytes(self._data[: at + length]))
            del self._data[: at + length]


def _publication(packet: bytes, direction: str) -> Publication | None:
    if packet[0] & 0xF0 != 0x30:
        return None
    at = 1
    while packet[at] & 0x80:
        at += 1
    at += 1
    length = int.from_bytes(packet[at : at + 2], "big")
    topic = packet[at + 2 : at + 2 + length].decode("utf-8", "replace")
    body = at + 2 + length + (2 if packet[0] & 6 else 0)
    return Publication(time.monotonic(), direction, topic, packet[body:], len(packet))


class Tap:
    """Listens on 127.0.0.1:`port`, relays to `target_port`, writes all bytes to `file`."""

    def __init__(self, file: Path, target_port: int) -> None:
        self.port = free_port()
        self.publications: list[Publication] = []
        self._target_port = target_port
        self._file = file.open("wb")
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self._closed = False
        self._muted = False
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while not self._closed:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self._target_port), 5)
            except OSError:
                client.close()
                continue
            server.settimeout(None)
            for source, sink, direction in ((client, server, UP), (server, client, DOWN)):
                threading.Thread(target=self._relay, args=(source, sink, direction), daemon=True).start()

    def _relay(self, source: socket.socket, sink: socket.socket, direction: str) -> None:
        packets = _Packets()
        try:
            while data := source.recv(65536):
                if self._muted:
                    continue
                self._keep(packets, data, direction)
                sink.sendall(data)
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            end.close()

    def _keep(self, packets: _Packets, data: bytes, direction: str) -> None:
        with self._lock:
            if self._closed:
                return
            self._file.write(data)
            for packet in packets.feed(data):
                publication = _publication(packet, direction)
                if publication is not None:
                    self.publications.append(publication)

    def seen(self, suffix: str, direction: str = UP, since: float = 0.0) -> list[Publication]:
        """Publications whose topic ends with `suffix`, since a monotonic time."""
        with self._lock:
            found = list(self.publications)
        return [p for p in found if p.direction == direction and p.at >= since and p.topic.endswith(suffix)]

    def mute(self, muted: bool) -> None:
        """Swallow what comes, with the connections open: half-open, as a lost radio link leaves them."""
        self._muted = muted

    def close(self) -> None:
        """Stop relaying; the file is complete."""
        with self._lock:
            self._closed = True
            self._file.close()
        self._listener.close()
