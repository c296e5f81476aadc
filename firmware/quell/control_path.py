# SPDX-License-Identifier: MIT
"""CONTROL: command -> verify -> apply -> purge -> receipt.

No stage has an effect before verify. One command a step, in the order that the inbox gives.
"""

from quell.codec.builtin import same
from quell.control import apply, purge, verify
from quell.control.command import GRANT, WITHDRAW
from quell.control.fetch import Fetch
from quell.control.inbox import Inbox
from quell.control.receipt import answering, fields_of
from quell.counters import (
    COMMAND_BAD_SIGNATURE,
    COMMAND_REFUSED,
    COMMAND_UNKNOWN_SIGNER,
    FLASH_FAILED,
)
from quell.errors import FlashError, PolicyError
from quell.limits import FETCH_TIMEOUT_MS, PURGE_RETRY_MS
from quell.outcomes import (
    ALREADY,
    DONE,
    REFUSED_EXPIRED,
    REFUSED_POLICY,
    REFUSED_ROLE,
    REFUSED_ROLLBACK,
    REFUSED_SPACE,
    REFUSED_STALE,
    REFUSED_UNKNOWN_PURPOSE,
    RESTRICTED,
)
from quell.state import policy as policies
from quell.state.consent import Entry
from quell.state.provisioning import BUTTON, POLICY_SIGNER


class ControlPath:
    """Carries out signed commands. `agent` gives the parts: state, rings, uplink, session, port."""

    def __init__(self, agent):
        self._agent = agent
        self._consent = agent.consent
        self._receipts = agent.receipts
        self._counters = agent.counters
        self.inbox = Inbox(agent.provisioning, agent.keys, agent.receipts, agent.counters)
        self._fetch = None
        self._fetch_ms = 0
        self._purge_next_ms = 0

    # the path --------------------------------------------------------------------------------

    def step(self, now_ms):
        """One bounded slice: an unfinished purge, else the local button, else one command."""
        if self._consent.intents and now_ms >= self._purge_next_ms:
            self._purge_next_ms = now_ms + PURGE_RETRY_MS
            for purpose_id in list(self._consent.intents):
                self.purge(purpose_id)
        self._button()
        if self._fetch is not None and now_ms - self._fetch_ms >= FETCH_TIMEOUT_MS:
            self._give_up_fetch()
        command = self.inbox.next(now_ms, self._fetch is not None)
        if command is None:
            return
        try:
            anchor = self.verify(command)
            if anchor is not None:
                self.apply(command, anchor)
        except MemoryError:
            # no queue drops a withdrawal: make room and take it first at the next step
            if command.kind == WITHDRAW:
                self.inbox.put_back(command)
            raise

    def idle(self):
        """True when no command waits: the bundles seen so far are reconciled."""
        return self.inbox.empty() and self._fetch is None

    def verify(self, command):
        """-> the signer's Anchor, or None when the command is not (or not yet) to be applied."""
        anchor = self._agent.provisioning.anchor(command.kid)
        if anchor is None or anchor.role == POLICY_SIGNER:
            self._counters.add(COMMAND_UNKNOWN_SIGNER)
            return None
        if self._stored_answer(command):
            return None
        entry = self._consent.purposes.get(command.args[0]) if command.kind == GRANT else None
        if command.kind == GRANT and (entry is None or command.args[1] != entry.generation):
            # it cannot verify against a challenge that is gone; its gate vouches for the signer
            outcome = REFUSED_UNKNOWN_PURPOSE if entry is None else REFUSED_STALE
            self._answer(command, anchor, outcome)
            return None
        agent = self._agent
        if not verify.signature(
            command, anchor, agent.provisioning.device_id, self._consent.instance, entry
        ):
            self._counters.add(COMMAND_BAD_SIGNATURE)
            self._remember(command)
            return None
        return anchor

    def apply(self, command, anchor):
        """Make a verified command state, then purge and receipt as it needs."""
        if command.kind == WITHDRAW:
            purpose_id, generation, instance = command.args
            self._withdraw(purpose_id, generation, instance, anchor.role, command)
        elif command.kind == GRANT:
            self._grant(command, anchor)
        else:
            self._start_fetch(command, anchor)

    def purge(self, purpose_id):
        """Carry out the purpose's intent, and give the receipt that is owed.

        What could not be erased keeps its intent: a `restricted` receipt says so once, and the erasure is tried again
        until it succeeds and a second receipt says that.
        """
        consent, agent = self._consent, self._agent
        intent = consent.intents[purpose_id]
        agent.uplink.forget(purpose_id)
        level = purge.erase(
            purpose_id, intent, agent.keys, agent.rings, agent.erase_level, agent.port, self._counters
        )
        mark = self._receipts.mark()
        told = intent.outcome
        try:
            if level:
                consent.intents.pop(purpose_id)
                if told is not None:
                    self._purge_receipt(purpose_id, intent, DONE, level)
            elif told == DONE:
                intent.outcome = RESTRICTED
                self._purge_receipt(purpose_id, intent, RESTRICTED, level)
            if level or told == DONE:
                consent.commit_both()
        except (FlashError, MemoryError) as error:
            intent.outcome = told
            consent.intents[purpose_id] = intent  # again later, or at the next boot
            self._receipts.take_back(mark)
            if isinstance(error, MemoryError):
                raise
            self._counters.add(FLASH_FAILED)
            return
        if not level and told != DONE:
            return
        apply.keep_reserve(agent.port.flash)
        # nothing that was handed to the link may go later: start from a clean connection
        agent.session.restart()

    def _purge_receipt(self, purpose_id, intent, outcome, level):
        erased = [intent.generation, level, intent.last_handed, intent.unsent]
        self._receipts.issue(
            answering(WITHDRAW), outcome, intent.command_hash, purpose_id, intent.role, erased, True
        )  # fmt: skip

    # consent ---------------------------------------------------------------------------------

    def _withdraw(self, purpose_id, generation, instance, role, command):
        """Withdraw one purpose -> True when nothing is left to do that a power cut could undo."""
        consent, agent = self._consent, self._agent
        if purpose_id in consent.intents:
            return False  # its purge is under way and gives the receipt; the intent may be in RAM only
        outcome = apply.withdrawal_outcome(
            consent, agent.data.policy, purpose_id, generation, instance
        )
        command_hash = command.hash if command is not None else b""
        if outcome != DONE:
            if outcome == ALREADY and purpose_id in consent.last:
                self._receipts.again(consent.last[purpose_id])
                self._commit()
            elif outcome == REFUSED_UNKNOWN_PURPOSE and agent.data.policy is None:
                return True  # nobody can say yet: it stays in its bundle and is heard again with the policy
            else:
                if outcome != ALREADY:
                    self._counters.add(COMMAND_REFUSED)
                if command is not None:
                    self._issue(WITHDRAW, outcome, command_hash, purpose_id, role)
            self._remember(command)
            return True
        entry = consent.purposes[purpose_id]
        last_handed = agent.uplink.last_handed(purpose_id, entry.generation)
        unsent = agent.rings.forget(purpose_id)
        if apply.withdraw(
            consent, purpose_id, role, command_hash, last_handed, unsent, agent.port.flash, agent.rings, self._counters,
        ):  # fmt: skip
            self._remember(command)
            self.purge(purpose_id)
            return True
        # not durable: collection has stopped, the intent stays in RAM and purge is tried again
        return False

    def _button(self):
        """The local withdrawal: needs no clock, network or signature."""
        sources = self._agent.port.sources
        name = sources.withdrawal()
        if name is None:
            return
        policy = self._agent.data.policy
        if policy is None:
            # nobody can say which purpose is meant: all that is held is withdrawn
            named = list(self._consent.purposes)
        else:
            named = [purpose.id for purpose in policy.purposes if name in (purpose.name, "*")]
        if not named:
            self._counters.add(COMMAND_REFUSED)
        durable = [self._withdraw(purpose_id, 0, None, BUTTON, None) for purpose_id in named]
        if False not in durable:
            sources.withdrawal_done()

    def _grant(self, command, anchor):
        policy = self._agent.data.policy
        purpose = policy.by_id.get(command.args[0]) if policy is not None else None
        if purpose is None:
            self._answer(command, anchor, REFUSED_UNKNOWN_PURPOSE)
            return
        expired = self._agent.clock.floor_now_s() >= policy.expires_s
        may = verify.may(command, anchor, purpose)
        entry = self._consent.purposes[purpose.id]
        before = (entry.generation, entry.status, entry.challenge, entry.digest, entry.granted_here)
        outcome = apply.grant(self._consent, purpose, command.args[1], may, expired)
        # a grant is durable in one slot: the other keeps the stricter past
        if not self._answer(command, anchor, outcome):
            self._consent.purposes[purpose.id] = Entry(*before)

    # policy ----------------------------------------------------------------------------------

    def _start_fetch(self, command, anchor):
        policy_hash, version = command.args[:2]
        if not verify.may(command, anchor, None):
            self._answer(command, anchor, REFUSED_ROLE)
        elif same(policy_hash, self._consent.policy_hash) and self._agent.data.policy is not None:
            self._answer(command, anchor, ALREADY)
        elif version <= self._consent.policy_version and self._consent.policy_hash != policy_hash:
            self._answer(command, anchor, REFUSED_ROLLBACK)
        else:
            fetch = Fetch(command, anchor)
            if not fetch.sound():
                self._answer(command, anchor, REFUSED_POLICY)
                return
            self._fetch = fetch
            self._remember(command)  # the bundle may come again while its policy is on the way
            self._fetch_ms = self._agent.clock.uptime_ms()
            self._agent.session.subscribe(fetch.topic())

    def take_chunk(self, topic, payload):
        """A slice of a policy body has come; with the last one the policy is verified and applied."""
        fetch = self._fetch
        if fetch is None or not fetch.take(topic, payload):
            return
        if not fetch.complete():
            self._agent.session.subscribe(fetch.topic())
            return
        self._fetch = None
        body = fetch.body()
        if body is None:
            self._answer(fetch.command, fetch.anchor, REFUSED_POLICY)
            return
        self._apply_policy(fetch, body)

    def _apply_policy(self, fetch, body):
        agent, consent = self._agent, self._consent
        try:
            policy = policies.verify(body, agent.provisioning.anchors, agent.is_app_source)
            if policy.version != fetch.command.args[1]:
                raise PolicyError("version", REFUSED_POLICY)
            if agent.clock.floor_now_s() >= policy.expires_s:
                raise PolicyError("expired", REFUSED_EXPIRED)
            if not agent.rings.plan(policy):
                raise PolicyError("space", REFUSED_SPACE)
            agent.policy_slots.save(body)
        except PolicyError as error:
            self._answer(fetch.command, fetch.anchor, error.outcome)
            return
        except FlashError:
            self._counters.add(FLASH_FAILED)
            if agent.data.policy is not None:
                agent.rings.plan(agent.data.policy)
            self.inbox.forget(fetch.command)
            return
        # the body is in its slot; the state's hash is what puts it into force
        agent.rings.flush()
        agent.rings.resize()
        agent.data.policy = policy
        consent.adopt(policy)
        self.inbox.forget_handled()
        # both slots: the policy may end a consent, and no older slot may bring that back
        self._answer(fetch.command, fetch.anchor, DONE, self._consent.commit_both)
        # bundles may hold objections to purposes that were unknown until now: a clean connection brings them
        agent.session.restart()

    def connection_lost(self):
        """A fetch cannot go on over another connection: its command comes again."""
        self._give_up_fetch()

    def _give_up_fetch(self):
        if self._fetch is not None:
            self.inbox.forget(self._fetch.command)
            self._fetch = None

    # receipt ---------------------------------------------------------------------------------

    def _remember(self, command):
        if command is not None:
            self.inbox.remember(command)

    def _stored_answer(self, command):
        """True if the command is the one that a stored receipt answers: that receipt goes out again."""
        for receipt in self._consent.last.values():
            if fields_of(receipt).get(10) == command.hash:
                self._receipts.again(receipt)
                self._commit()
                self._remember(command)
                return True
        return False

    def _answer(self, command, anchor, outcome, commit=None):
        """Receipt for a grant or policy command, and one commit for both -> True if it is durable."""
        if outcome not in (DONE, ALREADY):
            self._counters.add(COMMAND_REFUSED)
        purpose_id = command.args[0] if command.kind == GRANT else None
        last = outcome == DONE and command.kind == GRANT
        if self._issue(command.kind, outcome, command.hash, purpose_id, anchor.role, last, commit):
            self._remember(command)
            return True
        return False

    def _issue(self, kind, outcome, command_hash, purpose_id, role, last=False, commit=None):
        mark = self._receipts.mark()
        self._receipts.issue(answering(kind), outcome, command_hash, purpose_id, role, None, last)
        if self._commit(commit):
            return True
        self._receipts.take_back(mark)
        return False

    def _commit(self, commit=None):
        try:
            (commit or self._consent.commit)()
            return True
        except FlashError:
            self._counters.add(FLASH_FAILED)
            return False
