# SPDX-License-Identifier: MIT
"""Lines on the console about whatever changed: names, codes and counts, never a value (`quell device logs` shows them).

    quell link answered
    quell link down: no SIM
    quell policy demo 3
    quell purpose 2 ConsentGiven generation 1
    quell counter 34 flush-refused 2
"""

from ports.reasons import NAMES
from ports.status import STATUS, state_of, trouble_of

_EVERY_MS = 1000
_COUNTERS_EVERY = 10  # looks: counts may rise all the time


class Console:
    """Prints through `say` (callable(str)) what changed in `agent` since it was looked at last.

    `modem`: ports.at_modem.modem.Modem, None where the board has another way into the network.
    """

    def __init__(self, agent, modem=None, say=print):
        self._agent = agent
        self._modem = modem
        self._say = say
        self._last = {}
        self._look_ms = 0
        self._looks = 0

    def step(self):
        """Look once a second."""
        now_ms = self._agent.clock.uptime_ms()
        if now_ms >= self._look_ms:
            self._look_ms = now_ms + _EVERY_MS
            self.look()

    def look(self):
        """Look now."""
        agent = self._agent
        session = agent.session
        trouble = trouble_of(session, self._modem)
        self._tell("link", state_of(session) + (": " + trouble if trouble else ""))
        if session.failures:
            self._tell("link failed", "%d %s" % (session.failures, session.last_error))
        policy = agent.data.policy
        self._tell("policy", "none" if policy is None else "%s %d" % (policy.name, policy.version))
        for purpose_id, entry in agent.consent.purposes.items():
            self._tell("purpose %d" % purpose_id, "%s generation %d" % (STATUS[entry.status], entry.generation))
        self._looks += 1
        if self._looks % _COUNTERS_EVERY != 1:  # 1.13: one look a second stays below 2^30
            return
        for reason, count in agent.counters.as_map().items():
            self._tell("counter %d" % reason, "%s %d" % (NAMES[reason], count))

    def _tell(self, what, text):
        if self._last.get(what) != text:
            self._last[what] = text
            self._say("quell %s %s" % (what, text))
