# SPDX-License-Identifier: MIT
"""The application on the emulated board: numbered durable records; the console says which the agent called durable.

`app durable NUMBER GENERATION`; after a cut the line may be missing, but it is never there too early. `app buffered NUMBER`:
the agent took the record, and it waits in RAM.
"""

REFUSED, BUFFERED, DURABLE = 0, 1, 2
USAGE = 1
_state = {"n": 0}


def step(agent):
    number = agent.consent.boots * 100000 + _state["n"]
    outcome = agent.emit("usage", {"number": number}, durable=True)
    if outcome != REFUSED:
        _state["n"] += 1
    if outcome == DURABLE:
        print("app durable %d %d" % (number, agent.consent.purposes[USAGE].generation))
    elif outcome == BUFFERED:
        print("app buffered %d" % number)
