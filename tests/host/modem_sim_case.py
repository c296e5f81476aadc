# SPDX-License-Identifier: MIT
"""A running `quell modem-sim` for tests: its line, its events, its control, and short ways to talk with it."""

import json
import os
import queue
import re
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

FINAL = rb"(?:OK|ERROR|\+CME ERROR: [^\r\n]*)\r\n"
WAIT_S = 8


class Line:
    """A TCP connection with the modem; `rest` is what was received and not yet asked for."""

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self.rest = b""

    def send(self, data: str | bytes) -> None:
        """A command line, or bytes as they are."""
        self.socket.sendall(data if isinstance(data, bytes) else data.encode() + b"\r")

    def until(self, pattern: bytes | str, timeout_s: float = WAIT_S) -> bytes:
        """Everything up to the end of what matches."""
        wanted = re.compile(pattern.encode() if isinstance(pattern, str) else pattern, re.S)
        deadline = time.monotonic() + timeout_s
        while (found := wanted.search(self.rest)) is None:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"no {wanted.pattern!r} in {self.rest!r}")
            self.socket.settimeout(left)
            data = self.socket.recv(4096)
            if not data:
                raise EOFError(f"closed after {self.rest!r}")
            self.rest += data
        head, self.rest = self.rest[: found.end()], self.rest[found.end() :]
        return head

    def ask(self, command: str) -> list[str]:
        """The lines of the reply, the final one last."""
        self.send(command)
        return self.reply()

    def reply(self) -> list[str]:
        """The lines up to a final one."""
        return [part for part in self.until(FINAL).decode().split("\r\n") if part.strip("\r")]

    def say(self, *commands: str) -> None:
        """Commands that must end in OK."""
        for command in commands:
            assert self.ask(command)[-1] == "OK", command

    def quiet(self, for_s: float = 0.25) -> bool:
        """Whether nothing comes for a while."""
        self.socket.settimeout(for_s)
        try:
            self.rest += self.socket.recv(4096)
        except TimeoutError:
            pass
        return not self.rest

    def ended(self) -> bool:
        """Whether the modem hangs up soon; what comes before that is thrown away."""
        self.socket.settimeout(WAIT_S)
        try:
            while self.socket.recv(4096):
                pass
        except ConnectionResetError:
            pass
        return True


class Sim:
    """The command in a process of its own; `plan` and `device` are written to files in `folder`."""

    def __init__(self, folder: Path, *arguments: str, plan: Any = None, device: Any = None, urcs: bool = True) -> None:
        for name, value in (("--faults", plan), ("--device", device)):
            if value is not None:
                path = folder / f"{name[2:]}.json"
                path.write_text(json.dumps(value))
                arguments = (*arguments, name, str(path))
        if urcs:
            arguments = (*arguments, "--urcport", "uart1")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "quell_host.cli", "modem-sim", "--json", *arguments],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )  # fmt: skip
        self._events: queue.Queue[dict[str, Any]] = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()
        self.address = self.event("listening")["address"]

    def _listen(self) -> None:
        for text in self.process.stdout:
            self._events.put(json.loads(text))

    def event(self, name: str) -> dict[str, Any]:
        """The next event of this name; those before it are thrown away."""
        while True:
            found = self._events.get(timeout=WAIT_S)
            if found["event"] == name:
                return found

    def dial(self) -> Line:
        """Connect to its TCP port."""
        host, port = self.address.split(":")
        return Line(socket.create_connection((host, int(port)), WAIT_S))

    def booted(self) -> Line:
        """Connect, wait for the boot, switch the echo off."""
        line = self.dial()
        line.until("QIND: SMS DONE\r\n" if "--urcport" in self.process.args else "RDY\r\n")
        line.say("ATE0")
        return line

    def control(self, **values: Any) -> None:
        """A line for --control."""
        self.process.stdin.write(json.dumps(values) + "\n")
        self.process.stdin.flush()

    def __enter__(self) -> "Sim":
        return self

    def __exit__(self, *error: object) -> None:
        if self.process.poll() is None:
            self.process.terminate()
        assert self.process.wait(WAIT_S) == 0, self.process.stderr.read()
        assert "Traceback" not in self.process.stderr.read()


def online(line: Line, *settings: str) -> None:
    """Packet data and an MQTT client that is connected."""
    line.say('AT+QICSGP=1,1,"internet"', "AT+QIACT=1", *settings, 'AT+QMTOPEN=0,"broker.example",1883')
    line.until(r"\+QMTOPEN: 0,0\r\n")
    line.say('AT+QMTCONN=0,"tester"')
    line.until(r"\+QMTCONN: 0,0,0\r\n")
