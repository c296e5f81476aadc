# SPDX-License-Identifier: MIT
"""A customer's main.py on the demo's module: Quell runs in a thread of its own, this program hands it records."""

import ujson
import uos
import usys
import utime

usys.path.append("/usr")

import quell_board  # noqa: E402

_MODES = ("idle", "charge", "drive")
_REFUSED = 0


def _asked_to():
    return "produce" in uos.listdir("/usr")


def _show_status():
    with open("/usr/status.new", "w") as file:
        file.write(ujson.dumps(quell_board.status()))
    uos.rename("/usr/status.new", "/usr/status.json")


def main():
    agent = quell_board.start()
    taken = refused = turns = 0
    while True:
        turns += 1
        if turns % 5 == 1:
            _show_status()
        if _asked_to():
            n = taken + 1
            fields = {"number": n, "mode": _MODES[n % 3], "took": 40 * (n % 25), "owner": "not in the policy"}
            if agent.emit("usage", fields, True) == _REFUSED:
                refused += 1
            else:
                taken = n
            print("app taken", taken, "refused", refused)
        utime.sleep_ms(100)


main()
