# SPDX-License-Identifier: MIT
"""The agent: puts the parts together and does one bounded slice of both paths per `step`.

Synchronous, one thread. An application in the same program adds its own records with `emit`.
"""

import gc

from quell import port as ports
from quell.control import apply
from quell.control.receipt import Receipts
from quell.control_path import ControlPath
from quell.counters import FLASH_FAILED, NO_MEMORY, Counters
from quell.data.collect import Collector
from quell.data.ring import Rings
from quell.data.uplink import Uplink
from quell.data_path import DataPath
from quell.errors import FlashError, PolicyError
from quell.limits import MEMORY_RESERVE_BYTES
from quell.session import Session
from quell.state import policy as policies
from quell.state import provisioning, slots
from quell.state.clock import TrustedClock
from quell.state.consent import Consent
from quell.state.keys import Keys


class Agent:
    """One device. `port`: quell.port.Port; `catalogue`: {source name: id}; `traceback`: exception -> str.

    Raises StateError when the device is not provisioned, EntropyError when it has lost its generator on a board
    whose random numbers cannot be trusted: it then stays silent until it is provisioned again.
    """

    def __init__(self, port, catalogue, traceback):
        self.port = port
        self._traceback = traceback
        self.failed_steps = 0  # in a row, each with a path that did not get through: what a watchdog looks at
        self.counters = Counters()
        self._reserve = bytearray(MEMORY_RESERVE_BYTES)
        self.provisioning = provisioning.load(port.keystore, self.counters)
        self.keys = Keys(port.keystore, port.entropy, self.counters)
        keys_found = self._load_keys()
        self.keys.random(1)  # raises EntropyError without a generator
        self._app_sources = [n for name, n in catalogue.items() if name.startswith("app.")]  # 1.13: asked with `in`
        self.consent = Consent(port.flash, self.keys, self.counters)
        self.rings = Rings(port.store, self.keys, self.consent, port.clock, self.counters)
        self._load_state(keys_found)
        self.clock = TrustedClock(port.clock, self.consent.floor_s)
        self.receipts = Receipts(self.provisioning, self.consent, self.clock, self.counters)
        self.uplink = Uplink(self.provisioning, self.rings, self.consent, self.counters)
        self.collector = Collector(port.sources, catalogue, self._own_sources(catalogue), self.counters)
        self.session = Session(self)
        self.data = DataPath(
            self.collector, self.rings, self.uplink, self.session, self.consent, self.keys, self.clock, self.counters,
        )  # fmt: skip
        self.control = ControlPath(self)
        self.policy_slots = slots.Slots(port.flash, "policy", slots.POLICY, self.counters)
        self._load_policy()
        self._boot()

    @property
    def erase_level(self):
        """The weakest of what key store and flash reach (quell.port)."""
        return min(self.port.keystore.level, max(self.port.store.level, ports.CRYPTOGRAPHIC))

    def is_app_source(self, source):
        """True for catalogue sources that `emit` fills."""
        return source in self._app_sources

    def _own_sources(self, catalogue):
        own = {}
        for name, value in (
            ("agent.dropped", self.counters.dropped),
            ("device.boots", lambda: self.consent.boots),
        ):
            if name in catalogue:
                own[catalogue[name]] = value
        return own

    # boot ------------------------------------------------------------------------------------

    def _load_keys(self):
        """A full flash gives up its reserve: until the generator moves on nothing runs, and no withdrawal is heard."""
        try:
            return self.keys.load()
        except FlashError:
            self.counters.add(FLASH_FAILED)
            self.port.flash.erase(apply.RESERVE_NAME)
            return self.keys.load()

    def _load_state(self, keys_found):
        """Without its state, or without its keys, everything recorded is of a past that nobody can vouch for."""
        if self.consent.load() and keys_found:
            self.rings.boot()
            return
        self.consent.instance = b""
        self.keys.erase_all()
        for purpose_id in list(self.consent.purposes):
            self.rings.shred(purpose_id)
        self.consent.purposes = {}
        self.consent.intents = {}
        self.consent.policy_hash = b""
        self.consent.policy_version = 0

    def _load_policy(self):
        """The policy whose hash the state names; anything else in the slots is not in force."""
        for slot, payload in self.policy_slots.all():
            try:
                policy = policies.verify(payload, self.provisioning.anchors, self.is_app_source)
            except PolicyError:
                continue
            if policy.hash == self.consent.policy_hash and self.rings.plan(policy):
                self.data.policy = policy
                self.policy_slots.in_force(slot)
                return

    def _boot(self):
        """Count the boot, finish what an earlier one began; all before the link opens."""
        try:
            self.consent.start_boot()
        except FlashError:
            self.counters.add(FLASH_FAILED)
        for purpose_id in list(self.consent.intents):
            self.control.purge(purpose_id)
        apply.keep_reserve(self.port.flash)

    # running ---------------------------------------------------------------------------------

    def step(self):
        """One bounded slice of both paths. Never raises: what goes wrong is counted and collected as an exception."""
        now_ms = self.port.clock.uptime_ms()
        failed = self.failed_steps + 1
        self.failed_steps = 0
        for part in (self._step_session, self.control.step, self.data.step):
            try:
                part(now_ms)
                continue
            except MemoryError:
                self.counters.add(NO_MEMORY)
                self._release_memory()
            except FlashError:
                self.counters.add(FLASH_FAILED)
            except Exception as error:  # the agent must outlive its own bugs, and say that it has them
                self.note(error)
            self.failed_steps = failed

    def _release_memory(self):
        """An allocation failed: let go of the reserve, and if that was used before, of records not yet in flash."""
        if self._reserve is None:
            self.rings.release()
        self._reserve = None
        gc.collect()
        try:
            self._reserve = bytearray(MEMORY_RESERVE_BYTES)
        except MemoryError:
            pass

    def _step_session(self, now_ms):
        self.session.step(now_ms)
        if self.session.answered and not self.consent.reconciled and self.control.idle():
            # all bundles that the broker holds came before the answer, which went through the host
            self.consent.reconciled = True
            self.consent.commit()

    def note(self, error):
        """Collect an exception of the agent or of the application (as the policy allows)."""
        self.collector.exception(type(error).__name__, self._traceback(error))

    def emit(self, purpose, fields, durable=False):
        """A record of the application -> data_path.REFUSED, BUFFERED or DURABLE.

        `purpose`: its name; `fields`: {field name: value}. An unknown field is dropped and counted; a
        missing required one drops the record. `durable=True` writes it to flash before this returns.
        """
        return self.data.emit(purpose, fields, durable, self.port.clock.uptime_ms())

    def save(self):
        """Power may go: what is in RAM goes to flash."""
        self.rings.flush()
        self.rings.note(True)
        self.consent.floor_s = max(self.consent.floor_s, self.clock.floor_s)
        try:
            self.consent.commit()
        except FlashError:
            self.counters.add(FLASH_FAILED)

    def close(self):
        """The program ends: as `save`, and the link is closed."""
        self.save()
        self.session.restart()

    # what the session hears -------------------------------------------------------------------

    def answered(self, instance):
        """The host answered our state receipt: time is set; a device without instance gets one."""
        if instance != self.consent.instance:
            self.uplink.forget()
            self.keys.erase_all()
            for purpose_id in list(self.consent.purposes):
                self.rings.shred(purpose_id)
            self.consent.floor_s = self.clock.floor_s
            self.consent.new_instance(instance)
            # objections in bundles of before must be heard again: a clean connection brings them
            self.control.inbox.forget_handled()
            self.session.restart()

    def receipt_acknowledged(self, number, hash8):
        """The host has a receipt: it need not be kept for sending."""
        if self.receipts.acknowledge(number, hash8):
            self.consent.floor_s = max(self.consent.floor_s, self.clock.floor_s)
            self.consent.commit()
