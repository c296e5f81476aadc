# SPDX-License-Identifier: MIT
"""The demo's world, bent for tests: TLS, an application that counts, an agent that is killed and started again."""

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from e2e.certificates import Authority

from quell_host.demo.servers import Broker
from quell_host.demo.tap import Tap
from quell_host.demo.world import World

APP = Path(__file__).parent / "counting_app.py"


def deploying(made: Path, folder: Path, kind: type[Any], **always: Any) -> Iterator[Callable[..., Any]]:
    """What a fixture yields from: `start(**options)` makes a deployment of `kind` from a copy of `made`, and starts it.

    `always`: options of each. All of them end with the test.
    """
    started = []

    def start(**options: Any) -> Any:
        shutil.copytree(made, folder, dirs_exist_ok=True)
        deployment = kind(folder, **always, **options)
        started.append(deployment)
        deployment.start_all()
        return deployment

    yield start
    for deployment in started:
        deployment.end()


def make_keys(world: World) -> None:
    """A key of each kind that a deployment needs."""
    for kind, name in (("policy", "publisher"), ("operator", "operator"), ("subject", "owner"), ("region", "eu")):
        world.quell("keys", "new", "--kind", kind, name)


class Deployment(World):
    """`tls`: broker and agent speak TLS, without a tap. `agent_broker`: changes of the agent's broker settings."""

    def __init__(self, folder: Path, tls: bool = False, agent_broker: dict[str, Any] | None = None) -> None:
        super().__init__(folder)
        self.tls = tls
        self.agent_broker = agent_broker or {}
        self.agent: subprocess.Popen[bytes] | None = None
        self.authority = Authority(folder / "ca") if tls else None
        if self.authority is not None:
            self.broker = Broker(folder / "broker", tls=self.authority.server("localhost"))
            self._env["QUELL_BROKER"] = f"mqtts://localhost:{self.broker.port}"

    def start_all(self) -> None:
        """Broker, tap, a provisioned device, receiver and agent; the policy is in force."""
        self.broker.start()
        if not self.tls:
            self.tap = Tap(self.folder / "wire.bin", self.broker.port)
        self.make_device()
        self.start_receiver()
        self.wait("the receiver", self.receiver_listens)
        self.start_agent()

    def make_device(self) -> None:
        """Provision it."""
        self.provision(
            "--name", "lab", "--region", "eu", "--operator", "operator", "--subject", "owner", "--policy-key", "publisher"
        )

    def start_receiver(self) -> None:
        arguments = ["receive", "--json", "--operator-key", "operator", *self.ca_option()]
        self.receiver = self.start("receiver", [*self.command(), *arguments])

    def ca_option(self) -> list[str]:
        """`--ca FILE` where the broker speaks TLS."""
        return ["--ca", str(self.authority.ca)] if self.authority else []

    def start_agent(self) -> subprocess.Popen[bytes]:
        self.agent = super().start_agent()
        return self.agent

    def agent_config(self) -> dict[str, Any]:
        config = super().agent_config() if self.tap else {"dir": str(self.device), "poll_ms": 20}
        if self.authority is not None:
            config["broker"] = {
                "host": "127.0.0.1",
                "port": self.broker.port,
                "ca": str(self.authority.ca),
                "server_name": "localhost",
            }
        config["broker"] |= self.agent_broker
        config["withdraw_file"] = str(self.folder / "withdraw")
        config["app"] = str(APP)
        return config

    def kill_agent(self) -> None:
        """SIGKILL, as a power cut between two writes."""
        assert self.agent is not None
        self.agent.kill()
        self.agent.wait()
        self.forget(self.agent)

    def with_policy(self) -> "Deployment":
        """Push the policy and wait for its receipt."""
        self.wait("an instance", self.answered)
        self.quell(
            "policy", "push", str(self.folder / "policy.quell"), "--device", "lab", "--signer", "operator",
            "--wait", "30", *self.ca_option(),
        )  # fmt: skip
        return self

    def granted(self, purpose: str = "usage") -> "Deployment":
        """Grant the purpose as the owner and wait for its receipt."""
        self.consent("grant", purpose)
        return self

    def consent(self, verb: str, purpose: str = "usage", ok: tuple[int, ...] = (0,), wait_s: int = 30) -> str:
        """`quell consent VERB` by the owner."""
        return self.quell(
            "consent", verb, "--device", "lab", "--purpose", purpose, "--signer", "owner",
            "--wait", str(wait_s), *self.ca_option(), ok=ok,
        )  # fmt: skip

    def durable(self) -> list[int]:
        """Numbers of the records that the agent called durable, in order, over all boots."""
        path = self.folder / "durable.txt"
        return [int(line) for line in path.read_text().split()] if path.exists() else []

    def numbers(self) -> list[int]:
        """Numbers of the records that the receiver holds, in order of arrival."""
        rows = self.rows("select json_extract(fields, '$.number') from v_records where purpose = 'usage' order by seq")
        return [row[0] for row in rows]

    def purpose(self, name: str = "usage") -> dict[str, Any]:
        """The agent's own word about a purpose; {} while there is none."""
        return next((p for p in self.status().get("purposes", []) if p["name"] == name), {})

    def receipts(self) -> list[dict[str, Any]]:
        """The receipts that the ledger holds."""
        shown = json.loads(self.quell("receipt", "list", "--device", "lab", "--json"))
        return shown["devices"][0]["receipts"]

    def withdrawal(self) -> dict[str, Any]:
        """The last receipt of a withdrawal, verified, as `quell receipt verify --json` shows it."""
        number = [r for r in self.receipts() if r["kind"] == "withdraw"][-1]["number"]
        return json.loads(self.quell("receipt", "verify", str(number), "--device", "lab", "--json"))["receipt"]
