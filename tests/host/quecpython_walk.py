# SPDX-License-Identifier: MIT
"""Runs on a simulated module: the agent meets one fault after the other, while it runs and while it starts.

`/usr/walk.json` has the cases: [{"name", "way", "effect", "turn"}…]. Each is told on stdout as `case NAME WAY TURN ok`, or
`bad NAME WAY TURN WHAT`, and then `walked N`. Without the file the device is provisioned and gets its policy.
"""

import _thread

import quecpython_sim as control
import quell_board
import ujson
from life import ALSO, WHOLE, Life, called, fault, host, numbers, passed, text_of
from ports.catalogue import IDS
from ram_broker import attach
from sim_host import OPERATOR, SUBJECT, field, policy_file, purpose, request

from quell.codec import cbor
from quell.errors import QuellError

INT, TIME, IPV4, IMEI, IMSI, ICCID, PHONE, HEX, ID = 0, 4, 5, 8, 9, 10, 11, 14, 19
KEEP, HASH = 0, 2
FAULTY_S, STARTED_S = 6, 4
KINDS = {
    "modem.imei": (IMEI, HASH), "modem.imsi": (IMSI, HASH), "modem.iccid": (ICCID, HASH), "modem.phone": (PHONE, HASH),
    "modem.serial": (ID, HASH), "modem.cell-id": (HEX, HASH), "modem.lac": (HEX, HASH), "net.ipv4": (IPV4, HASH),
    "modem.model": (ID, HASH), "modem.firmware": (ID, HASH), "modem.operator": (ID, HASH), "modem.rssi": (INT, KEEP),
    "modem.registration": (INT, KEEP), "modem.mcc": (INT, KEEP), "modem.mnc": (INT, KEEP),
    "modem.battery-mv": (INT, KEEP), "modem.sim-status": (INT, KEEP),
}  # fmt: skip
NAMES = sorted(KINDS)


def policy():
    """Purpose 1: what the application emits, by consent. Purpose 2: everything that can be sampled."""
    fields = [field(1, "number", IDS["app.int"], INT)]
    for i, name in enumerate(NAMES):
        kind, action = KINDS[name]
        fields.append(field(10 + i, name, IDS[name], kind, action, purposes=(2,)))
    fields.append(field(40, "now", IDS["time.now"], TIME, purposes=(2,)))
    purposes = [purpose(1, "usage"), purpose(2, "care", 2, k11=4, k13=0x7FFFFFFF)]
    return policy_file(purposes, fields)


def left():
    """What left the device and is no whole value: bytes are pseudonyms, of which each field may have one."""
    found = []
    pseudonyms = {}
    for (_, purpose_id, _), records in host.stored.items():
        for record in records.values() if purpose_id == 2 else ():
            for i, name in enumerate(NAMES):
                value = record[4].get(10 + i)
                if value is None:
                    continue
                if KINDS[name][1] == HASH:
                    pseudonyms.setdefault((record[3], name), set()).add(value)
                elif value != WHOLE[name] and value not in ALSO.get(name, ()):
                    found.append("left: %s %r" % (name, value))
    for (_, name), values in pseudonyms.items():
        if len(values) > 1:
            found.append("left: %s of %d values" % (name, len(values)))
    return found


def boot():
    """Power on, without faults -> Life."""
    life = Life()
    passed(lambda: life.over, 600)
    if life.raised is not None:
        life.found.append("start raised " + text_of(life.raised))
    return life


def case_of(life, case):
    """-> (the next Life, what was wrong)."""
    hangs = case["way"] == "hang"
    host.auto = not case.get("mute")
    strict = life.strict = case["strict"]
    fault(case)
    alive = life.live(case.get("seconds", FAULTY_S))
    fault()
    host.auto = True
    if not alive and not hangs:
        life.found.append("does not step")
    found = life.found
    if alive and not hangs:
        life.settled() or found.append("nothing new came after the fault")
        life.audit()
    if not case["boot"] and not hangs:
        return judged(life)
    life.kill()
    promised = life.promised
    fault(case)
    life = Life(strict)
    passed(lambda: life.over, 60)
    if life.over and life.raised is None:
        if not life.live(STARTED_S) and not hangs:
            life.found.append("does not step after a start")
    elif not life.over and not hangs:
        life.found.append("start never ends")
    fault()
    if strict and life.raised is not None and not isinstance(life.raised, (QuellError, OSError)):
        found.append("start raised " + text_of(life.raised))
    if life.raised is not None or hangs:
        found += life.found
        life.kill()
        life = boot()
        if life.raised is not None:
            return life, found + life.found
    life.settled() or life.found.append("nothing new came after the start")
    life.audit()
    life.promised += promised
    life.found += found
    return judged(life)


def judged(life):
    """-> (the Life, all that was wrong in it), and its sheet is clean again."""
    broken = [n for n in life.promised if n not in numbers()]
    if broken:
        life.found.append("%d durable records never came" % len(broken))
    found = life.found + left()
    life.promised, life.found = [], []
    host.batches, host.receipts = [], []
    return life, found


def prepare():
    quell_board.make().provision(cbor.encode(request()))
    life = boot()
    passed(lambda: life.agent.session.answered and life.agent.consent.instance == host.instance, 120)
    host.bundle(OPERATOR, [host.push(Life.body, 1)])
    life.restart = True
    passed(lambda: life.agent.data.policy is not None and host.entry_of(1), 120)
    host.bundle(SUBJECT, [host.grant(1)])
    life.restart = True
    passed(lambda: life.agent.consent.purposes[1].status == 1, 120) or life.found.append("no consent")
    life.runner.stop()
    passed(lambda: life.runner.ended, 60)
    life.kill()
    print("prepared", life.found)


def walk(cases):
    life = boot()
    if life.raised is not None:
        print("bad start 0 0", life.found)
        return
    host.instance = life.agent.consent.instance
    life.settled()
    life.audit()
    for case in cases:
        began_ms = control.now_ms()
        life, found = case_of(life, case)
        where = "%s %s %d" % (case["name"], case["way"], case["turn"])
        for text in sorted(set(found)):
            print("bad", where, text)
        if not found:
            print("case", where, "ok", (control.now_ms() - began_ms) / 1000)
        if life.raised is not None:
            print("bad", where, "the module is lost")
            return
    life.runner.stop()
    passed(lambda: life.runner.ended, 60)
    life.kill()
    fault()
    print("called", " ".join(sorted(called)))
    print("walked", len(cases))


def simply(first, most_s):
    """Records for so long under the plan of the command line, which may cut the power; each word is said at once."""
    Life.number = first
    life = boot()
    if life.raised is not None:
        print("not started", life.found)
        return
    host.instance = life.agent.consent.instance
    told = set()
    for _ in range(most_s):
        life.live(1)
        for kind, found in (("durable", life.promised), ("arrived", numbers())):
            for n in found:
                if (kind, n) not in told:
                    told.add((kind, n))
                    print(kind, n)
    if most_s:
        life.settled()
        for n in numbers():
            print("arrived", n)
    for text in life.found:
        print(text)
    fault()
    life.kill()


attach(host)
Life.body = policy()
try:
    with open("/usr/walk.json") as file:
        todo = ujson.load(file)
except OSError:
    todo = None
_thread.stack_size(32768)
if todo is None:
    prepare()
elif isinstance(todo, dict):
    simply(todo["first"], todo["most_s"])
else:
    walk(todo)
