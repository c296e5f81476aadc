# SPDX-License-Identifier: MIT
"""A customer's main.py on a module: the agent in a thread of its own, records from this one."""

import usys
import utime

usys.path.append("/usr")

import quell_board  # noqa: E402

agent = quell_board.start()
number = agent.agent.consent.boots * 100000
while not agent.ended:
    if agent.emit("usage", {"number": number, "mode": "idle"}, number % 3 == 0) == 2:
        print("app durable", number)
    number += 1
    utime.sleep_ms(250)
