# SPDX-License-Identifier: MIT
"""On MicroPython: one connection through the unix port's link, and what came of it as a JSON line.

`micropython probe_link.py BROKER_JSON [SECONDS]`: connect, subscribe, publish to ourselves, hear it, stay for so long.
"""

import json
import sys
import time

from ports.unix.link import UmqttLink

from quell.errors import LinkError


def main(broker, stay_s):
    malformed = []
    link = UmqttLink(broker, lambda: malformed.append(1))
    result = {"connected": False, "heard": False, "error": ""}
    try:
        link.connect("probe")
        result["connected"] = True
        link.subscribe("probe/topic")
        link.publish("probe/topic", b"x" * 1400)
        end = time.ticks_add(time.ticks_ms(), int(stay_s * 1000))
        while time.ticks_diff(end, time.ticks_ms()) > 0:
            message = link.poll()
            if message is not None:
                result["heard"] = message == ("probe/topic", b"x" * 1400)
            time.sleep_ms(20)
    except LinkError as error:
        result["error"] = str(error)
    link.close()
    result["malformed"] = len(malformed)
    print(json.dumps(result))


main(json.loads(sys.argv[1]), float(sys.argv[2]) if len(sys.argv) > 2 else 1)
