# SPDX-License-Identifier: MIT
"""The connection as both paths share it: connect, say who we are, hear the answer, then data may go (SPEC §5).

The signed `state` receipt tells instance, policy and challenges; the host's answer echoes its nonce.
Until then no batch is sent. Back-off doubles up to a cap, with jitter, so that a hundred thousand devices
do not come back at once.
"""

from quell.codec.builtin import hex_text, same
from quell.counters import ACK_BAD, LINK_FAILED, MESSAGE_DROPPED
from quell.data import ack as acks
from quell.errors import LinkError
from quell.limits import (
    ANSWER_TIMEOUT_MS,
    BACKOFF_CAP_MS,
    BACKOFF_FIRST_MS,
    MAX_INBOX,
    MAX_STATE_RECEIPTS,
    OPEN_TIMEOUT_MS,
    RECEIPT_RETRY_MS,
)
from quell.state.provisioning import POLICY_SIGNER


class Session:
    """One connection after another. `agent` gives link, keys, consent and where messages go."""

    def __init__(self, agent):
        self._agent = agent
        self._link = agent.port.link
        self._counters = agent.counters
        self.connecting = False  # the link opens, over several steps
        self.connected = False
        self.answered = False
        self.failures = 0
        self.last_error = ""
        self._retry_ms = 0
        self._opening_ms = 0
        self._nonce = b""
        self._state_sent_ms = 0
        self._states_sent = 0
        self._receipt_sent_ms = {}  # receipt hash -> when

    # connecting ------------------------------------------------------------------------------

    def step(self, now_ms):
        """Connect when it is time, take what has come, send what is owed. Never raises LinkError."""
        try:
            if not self.connected:
                if now_ms < self._retry_ms or not self._connect(now_ms):
                    return
            self._receive()
            if not self.connected:
                return
            if not self.answered and now_ms - self._state_sent_ms >= ANSWER_TIMEOUT_MS:
                if self._states_sent >= MAX_STATE_RECEIPTS:
                    raise LinkError("no answer from the host")
                self.send_state()
            self._send_receipts(now_ms)
        except LinkError as error:
            self._lost(now_ms, str(error))

    def _connect(self, now_ms):
        """One slice of opening the link; once it is open, say who we are -> whether it is."""
        provisioning = self._agent.provisioning
        if not self.connecting:
            self.connecting = True
            self._opening_ms = now_ms
        if not self._link.connect(provisioning.device_hex):
            if now_ms - self._opening_ms >= OPEN_TIMEOUT_MS:
                raise LinkError("not opened in time")
            return False
        self.connecting = False
        self.connected = True
        self._states_sent = 0
        self._receipt_sent_ms = {}
        self._agent.uplink.forget()
        self._link.subscribe(provisioning.topic("ack"))
        for anchor in provisioning.anchors:
            if anchor.role != POLICY_SIGNER:
                self._link.subscribe(provisioning.topic("cmd/" + hex_text(anchor.kid)))
        self.send_state()
        return True

    def send_state(self):
        """Send a state receipt; data waits for its answer."""
        if not self.connected:
            return
        self.answered = False
        self._nonce = self._agent.keys.random(16)
        self._state_sent_ms = self._agent.clock.uptime_ms()
        self._states_sent += 1
        self._link.publish(
            self._agent.provisioning.topic("rcpt"), self._agent.receipts.state(self._nonce)
        )

    def _lost(self, now_ms, why):
        self._counters.add(LINK_FAILED)
        self.last_error = why
        self._close()
        self.failures += 1
        wait = min(BACKOFF_FIRST_MS << min(self.failures - 1, 10), BACKOFF_CAP_MS)
        # full jitter over the upper half
        jitter = int.from_bytes(self._agent.keys.random(2), "big")
        self._retry_ms = now_ms + (wait >> 1) + (((wait >> 1) * jitter) >> 16)

    def _close(self):
        self._link.close()
        self.connecting = self.connected = self.answered = False
        self._agent.control.connection_lost()

    def restart(self):
        """Close and connect clean at the next step: nothing handed to the link before goes later."""
        if self.connected or self.connecting:
            self._close()
            self._retry_ms = 0

    def ready(self):
        """True when data may go: the host answered, and what the bundles say is applied."""
        return self.answered and self._agent.consent.reconciled and self._agent.control.idle()

    # sending ---------------------------------------------------------------------------------

    def publish(self, suffix, payload):
        """Publish on the device's own topic; a lost connection is noted, not raised."""
        if not self.connected:
            return
        try:
            self._link.publish(self._agent.provisioning.topic(suffix), payload)
        except LinkError as error:
            self._lost(self._agent.clock.uptime_ms(), str(error))

    def subscribe(self, topic):
        """Subscribe to one more topic (a policy chunk)."""
        if not self.connected:
            return
        try:
            self._link.subscribe(topic)
        except LinkError as error:
            self._lost(self._agent.clock.uptime_ms(), str(error))

    def _send_receipts(self, now_ms):
        waiting = list(self._agent.consent.unacknowledged)
        self._receipt_sent_ms = {r: ms for r, ms in self._receipt_sent_ms.items() if r in waiting}
        for receipt in waiting:
            sent_ms = self._receipt_sent_ms.get(receipt)
            if sent_ms is None or now_ms - sent_ms >= RECEIPT_RETRY_MS:
                self._receipt_sent_ms[receipt] = now_ms
                self._link.publish(self._agent.provisioning.topic("rcpt"), receipt)

    # receiving -------------------------------------------------------------------------------

    def _receive(self):
        for _ in range(MAX_INBOX):
            message = self._link.poll()
            if message is None:
                return
            topic, payload = message
            own = self._agent.provisioning.topic("")
            if topic == own + "ack":
                self._take_ack(payload)
            elif topic.startswith(own + "cmd/"):
                self._agent.control.inbox.take(payload)
            elif topic.startswith("quell/1/p/"):
                self._agent.control.take_chunk(topic, payload)
            else:
                self._counters.add(MESSAGE_DROPPED)
            if not self.connected:
                return

    def _take_ack(self, payload):
        agent = self._agent
        ack = acks.verify(payload, agent.provisioning, agent.consent.instance)
        if ack is None or (ack.kind == acks.ANSWER and not same(ack.a, self._nonce)):
            self._counters.add(ACK_BAD)
            return
        agent.keys.mix(ack.entropy)
        agent.clock.authenticated(ack.time_s)
        if ack.kind == acks.ANSWER:
            self.answered = True
            self.failures = 0
            self.last_error = ""
            self._nonce = b""
            agent.answered(ack.b)
        elif ack.kind == acks.RECEIPT:
            agent.receipt_acknowledged(ack.a, ack.b)
        else:
            agent.data.acknowledge(ack)
