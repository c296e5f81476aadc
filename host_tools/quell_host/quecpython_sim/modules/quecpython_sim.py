# SPDX-License-Identifier: MIT
"""The control: `import quecpython_sim` in a script that tests. No real module has it.

    import quecpython_sim as control
    control.advance(60000)                  # a minute passes at once, with what happens in it
    control.change({"registration": 0})     # the network is gone
    control.calls("net.getCellInfo")        # how often it was called
"""

from qpysim import clock, faults, imports, world


def advance(ms):
    """Let simulated time pass, with timers, changes of the plan, and the watchdog."""
    clock.advance(ms)


def now_ms():
    """Milliseconds since the module was switched on; asking takes no time."""
    return clock.now_ms()


def change(facts):
    """The world changes, with the keys that `qpysim.world.facts` has."""
    world.change(facts)


def fact(key):
    """One of them."""
    return world.facts[key]


def calls(name):
    """How often a documented function was called, by its full name."""
    return faults.calls(name)


def uart_sent(number):
    """The bytes that a UART sent so far."""
    return imports.inside("qpyfakes.machine_uart", ("port",)).port(number).sent
