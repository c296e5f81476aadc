# SPDX-License-Identifier: MIT
"""Puts this port together for a board: what a board's main.py calls.

    clock = AtClock(time.ticks_ms, time.ticks_diff)
    uart = machine.UART(1, 115200, timeout=0, rxbuf=2048)
    port, modem = at_port(uart, clock, time.sleep_ms, config, flash, keystore, store, entropy, on_malformed)
    agent = Agent(port, IDS, traceback)
    while True:
        agent.step()
        modem.step()
"""

from ports.at_modem.at import At
from ports.at_modem.config import checked
from ports.at_modem.link import AtLink
from ports.at_modem.modem import Modem
from ports.at_modem.sources import AtSources
from quell.port import Port


def at_port(
    uart, clock, sleep_ms, config, flash, keystore, store, entropy, on_malformed, on_bad_value=None, hard_reset=None,
    on_failed=None,
):  # fmt: skip
    """-> (Port, Modem). `uart`: read(n), write(data), neither of which waits; `clock`: AtClock; `config`: config.py.

    `flash`, `keystore`, `store`, `entropy`: the board's, as quell.port says. `on_malformed`: callable() for messages
    that are not as agreed, `on_bad_value` for values of a wrong shape; `hard_reset`, `on_failed`: see Modem. Raises
    ConfigError.
    """
    config = checked(config)
    at = At(uart, clock.uptime_ms, sleep_ms)
    modem = Modem(at, config, clock.uptime_ms, hard_reset, on_failed)
    clock.watch(at, modem)
    link = AtLink(at, modem, config, clock.uptime_ms, sleep_ms, on_malformed)
    sources = AtSources(at, modem, clock, on_bad_value)
    return Port(flash, keystore, store, link, clock, entropy, sources), modem
