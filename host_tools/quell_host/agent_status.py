# SPDX-License-Identifier: MIT
"""The agent's status file in words: above all, why nothing arrives."""

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from quell_host.errors import ExitCode, QuellError

MAX_STATUS_BYTES = 65536
STALE_AFTER_S = 30
_INDENT = "  "

_WHY = {
    "no-policy": "no policy yet: quell policy push",
    "policy-expired": "the policy has expired: push a newer one",
    "no-consent": "no consent yet: quell consent grant",
    "no-instance": "the receiver has not given it an instance: run quell receive",
}


@dataclass(frozen=True)
class AgentStatus:
    """A status file and its age in seconds."""

    shape: dict[str, Any]
    age_s: float


def read_status(folder: Path) -> AgentStatus:
    """Read DIR/status.json. Raises QuellError (UNREACHABLE) when the agent never wrote one."""
    path = folder / "status.json"
    try:
        age_s = max(0.0, time.time() - path.stat().st_mtime)
        with path.open("rb") as file:
            data = file.read(MAX_STATUS_BYTES)
    except FileNotFoundError:
        what = f"no {path}: the agent never ran with this folder"
        hint = "start it: quell agent run --config FILE"
        raise QuellError(what, hint, ExitCode.UNREACHABLE) from None
    except OSError as error:
        raise QuellError(f"cannot read {path}: {error.strerror}") from None
    try:
        shape = json.loads(data)
        if not isinstance(shape, dict) or shape.get("schema") != 1:
            raise ValueError
        _check(shape)
    except (ValueError, TypeError, KeyError, RecursionError):
        hint = "is this the agent's folder, and is it of this version?"
        raise QuellError(f"{path} is not a status of schema 1", hint) from None
    return AgentStatus(shape, age_s)


def _check(shape: dict[str, Any]) -> None:
    for name in ("version", "device", "boot", "purposes", "link", "counters"):
        shape[name]
    for purpose in shape["purposes"]:
        for name in ("name", "status", "collecting", "why", "ring"):
            purpose[name]
        for name in ("records", "acked", "lost") if purpose["ring"] else ():
            purpose["ring"][name]
    shape["link"]["state"], shape["counters"].items()


def explain(status: AgentStatus) -> list[str]:
    """Lines for a person: what stands between the device and its data first."""
    shape = status.shape
    lines = [f"device {shape['device'][:8]}  agent {shape['version']}  boot {shape['boot']}"]
    if status.age_s > STALE_AFTER_S:
        lines.append(f"! not running: the status is {_age(status.age_s)} old")
    lines += _link(shape["link"])
    if not shape.get("instance"):
        lines.append("! " + _WHY["no-instance"])
    policy = shape.get("policy")
    if policy is None:
        lines.append("! " + _WHY["no-policy"])
    else:
        lines.append(f"policy {policy['name']} version {policy['version']}{_expiry(policy)}")
    for purpose in shape["purposes"]:
        lines += _purpose(purpose)
    counters = {name: count for name, count in shape["counters"].items() if count}
    if counters:
        lines.append("counted since its start")
        lines += [f"{_INDENT}{count:>8}  {name}" for name, count in sorted(counters.items())]
    return lines


def _link(link: dict[str, Any]) -> list[str]:
    state = link["state"]
    if state == "answered":
        return ["link   connected, the receiver answers"]
    if state == "connected":
        hint = "is quell receive running?"
        return [f"! link   connected to the broker, but the receiver does not answer: {hint}"]
    failures, error = link.get("failures", 0), str(link.get("last_error") or "no attempt yet")
    return [f"! link   no broker after {failures} attempts: {error[:120]}"]


def _expiry(policy: dict[str, Any]) -> str:
    return "" if policy.get("expires", 0) > time.time() else ", EXPIRED"


def _purpose(purpose: dict[str, Any]) -> list[str]:
    ring = purpose["ring"]
    mark = "" if purpose["collecting"] else "! "
    what = "collects" if purpose["collecting"] else "does not collect"
    line = f"{mark}{purpose['name']}  {what}, {purpose['status']}"
    held = f"{_INDENT}nothing stored yet"
    if ring:
        held = f"{_INDENT}ring holds {ring['records']} records, {ring['acked']} delivered"
        held += f", {ring['lost']} lost" if ring["lost"] else ""
    if purpose["collecting"]:
        return [line, held]
    why = str(purpose["why"] or "no reason given")
    return [line, f"{_INDENT}why: {_WHY.get(why, why)}", held]


def _age(seconds: float) -> str:
    for size, unit in ((86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
