# SPDX-License-Identifier: MIT
"""A real agent, broker and receiver: kills, lost state, replays, TLS and the local button."""

import asyncio
import os
from collections.abc import Callable

import aiomqtt
import pytest
from e2e.deployment import Deployment

from quell_host.demo.tap import DOWN

pytestmark = pytest.mark.timeout(180)
Deploy = Callable[..., Deployment]


def publish(lab: Deployment, topic: str, payload: bytes, retain: bool = True) -> None:
    """Publish as somebody who is on the broker."""

    async def run() -> None:
        async with aiomqtt.Client("127.0.0.1", lab.broker.port) as client:
            await client.publish(topic, payload, qos=1, retain=retain)

    asyncio.run(run())


def test_killed_again_and_again_it_loses_and_repeats_no_durable_record(deploy: Deploy) -> None:
    lab = deploy().with_policy().granted()
    lab.produce()
    for kill in range(4):
        before = len(lab.durable())
        lab.wait(f"records before kill {kill}", lambda before=before: len(lab.durable()) >= before + 30)
        lab.kill_agent()
        lab.start_agent()
    lab.wait("records after the last kill", lambda: lab.status().get("boot", 0) >= 5 and len(lab.durable()) > 150)
    lab.produce(False)
    lab.wait("the ring to drain", lambda: lab.purpose().get("ring", {}).get("records") == 0)
    lab.wait("all durable records", lambda: set(lab.durable()) <= set(lab.numbers()))
    numbers = lab.numbers()
    assert len(numbers) == len(set(numbers)), "a record was stored twice"
    assert numbers == sorted(numbers), "the order changed"


def test_state_lost_between_boots_means_new_instance_and_no_old_grant(deploy: Deploy) -> None:
    lab = deploy().with_policy().granted()
    lab.produce()
    lab.wait("records", lambda: len(lab.numbers()) >= 5)
    lab.produce(False)
    lab.wait("the ring to drain", lambda: lab.purpose()["ring"]["records"] == 0)
    held = lab.numbers()
    old_instance = lab.status()["instance"]
    old_grants = [p for p in lab.tap.seen("", DOWN) if "/cmd/" in p.topic and p.payload]
    lab.kill_agent()
    for file in lab.device.iterdir():
        if not file.name.startswith(("prov.", "keys.")):
            file.unlink()
    lab.start_agent()
    lab.wait("a new instance", lambda: lab.status().get("instance") not in (None, "", old_instance))
    lab.wait("the policy again", lambda: lab.purpose().get("status") == "ConsentUnknown")
    lab.produce()
    for old in old_grants:
        publish(lab, old.topic, old.payload)
    lab.wait("the replay", lambda: lab.status()["counters"].get("no-consent", 0) > 20)
    assert lab.purpose()["status"] == "ConsentUnknown"
    assert lab.numbers() == held
    lab.granted()
    lab.wait("records of the new instance", lambda: len(lab.numbers()) >= len(held) + 5)
    # the application counts from the start again: equal numbers, and no record taken for a duplicate
    assert lab.numbers().count(held[0]) == 2


def test_a_replayed_withdrawal_changes_nothing_after_a_new_grant(deploy: Deploy) -> None:
    lab = deploy().with_policy().granted()
    lab.consent("withdraw")
    withdrawals = [p for p in lab.tap.seen("", DOWN) if "/cmd/" in p.topic and p.payload]
    lab.granted()
    lab.wait("the new grant", lambda: lab.purpose()["status"] == "ConsentGiven")
    generation = lab.purpose()["generation"]
    publish(lab, withdrawals[-1].topic, withdrawals[-1].payload)
    lab.produce()
    lab.wait("records", lambda: len(lab.numbers()) >= 5)
    assert (lab.purpose()["status"], lab.purpose()["generation"]) == ("ConsentGiven", generation)


@pytest.mark.parametrize("kind", ["file", "fifo", "fifo without a newline"])
def test_the_local_button_withdraws_without_network_and_the_receipt_follows(deploy: Deploy, kind: str) -> None:
    lab = deploy()
    if kind != "file":
        os.mkfifo(lab.folder / "withdraw")
    lab.with_policy().granted()
    lab.produce()
    lab.wait("records", lambda: len(lab.numbers()) >= 5)
    lab.broker.kill()
    if kind != "file":
        with (lab.folder / "withdraw").open("w") as fifo:
            fifo.write("usage\n" if kind == "fifo" else "usage")
    else:
        (lab.folder / "withdraw").write_text("usage\n")
    lab.wait("the withdrawal", lambda: lab.purpose().get("status") == "ConsentWithdrawn")
    assert not lab.purpose()["collecting"]
    lab.broker.start()
    lab.wait("the receiver to delete", lambda: lab.numbers() == [])
    receipt = [r for r in lab.receipts() if r["kind"] == "withdraw"][-1]
    assert receipt["outcome"] == "done"


def test_a_contract_purpose_runs_without_consent_and_cannot_be_withdrawn(deploy: Deploy) -> None:
    lab = deploy().with_policy()
    lab.wait("records of the contract", lambda: lab.stored("care") > 0)
    lab.consent("withdraw", "care", ok=(2,))
    assert lab.stored("usage") == 0


def test_an_objection_outlives_the_loss_of_the_devices_state(deploy: Deploy) -> None:
    lab = deploy().with_policy()
    lab.wait("records of the interest", lambda: lab.stored("alerts") > 0)
    lab.consent("withdraw", "alerts")
    assert lab.stored("alerts") == 0
    old_instance = lab.status()["instance"]
    lab.kill_agent()
    for file in lab.device.iterdir():
        if not file.name.startswith(("prov.", "keys.")):
            file.unlink()
    lab.start_agent()
    lab.wait("a new instance", lambda: lab.status().get("instance") not in (None, "", old_instance))
    lab.wait("the objection again", lambda: lab.purpose("alerts").get("status") == "ConsentWithdrawn")
    assert lab.stored("alerts") == 0
    lab.consent("grant", "alerts")
    lab.wait("records after the objection was taken back", lambda: lab.stored("alerts") > 0)


def test_a_silent_connection_is_left_and_nothing_is_lost(deploy: Deploy) -> None:
    lab = deploy(agent_broker={"keepalive_s": 4}).with_policy().granted()
    lab.produce()
    lab.wait("records", lambda: len(lab.numbers()) >= 5)
    lab.tap.mute(True)
    failures = lab.status()["counters"].get("link-failed", 0)
    lab.wait("the agent to notice", lambda: lab.status()["counters"].get("link-failed", 0) > failures)
    lab.tap.mute(False)
    lab.produce(False)
    durable = lab.durable()
    lab.wait("all records", lambda: set(durable) <= set(lab.numbers()))
    numbers = lab.numbers()
    assert len(numbers) == len(set(numbers))


def test_the_whole_job_over_tls(deploy: Deploy) -> None:
    lab = deploy(tls=True).with_policy().granted()
    lab.produce()
    lab.wait("records", lambda: len(lab.numbers()) >= 5)
    lab.consent("withdraw")
    assert lab.numbers() == []


def test_a_broker_of_another_name_gets_nothing(deploy: Deploy) -> None:
    lab = deploy(tls=True, agent_broker={"server_name": "elsewhere.test"})
    lab.wait("a refused connection", lambda: lab.status().get("counters", {}).get("link-failed", 0) >= 1)
    assert lab.status()["instance"] == ""


def test_bundles_of_a_stranger_cost_nothing_but_a_count(deploy: Deploy) -> None:
    lab = deploy().with_policy().granted()
    device = lab.status()["device"]
    kid = next(p.topic for p in lab.tap.seen("", DOWN) if "/cmd/" in p.topic).rsplit("/", 1)[1]
    for payload in (b"\x00", b"\xff" * 1400, b"\x9f" * 500, bytes(1000)):
        publish(lab, f"quell/1/{device}/cmd/{kid}", payload, retain=False)
    lab.wait("the counts", lambda: lab.status()["counters"].get("command-malformed", 0) >= 4)
    lab.produce()
    lab.wait("records", lambda: len(lab.numbers()) >= 5)
