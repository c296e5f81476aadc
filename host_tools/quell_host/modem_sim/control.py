# SPDX-License-Identifier: MIT
"""The control: each line of stdin is a JSON object that changes the modem's world at once."""

import asyncio
import json
import sys
import threading
from collections.abc import Callable
from typing import Any

from quell_host import output
from quell_host.modem_sim.plan import checked_change


def checked_line(text: str) -> dict[str, Any]:
    """The changes of a line. Raises ValueError with the reason."""
    try:
        shaped = json.loads(text)
    except (json.JSONDecodeError, RecursionError):
        raise ValueError("not JSON") from None
    if not isinstance(shaped, dict):
        raise ValueError("not a JSON object")
    return checked_change(shaped)


def listen(change: Callable[[dict[str, Any]], None]) -> None:
    """Read stdin in the background and call `change` in the running loop; a wrong line is a warning."""
    loop = asyncio.get_running_loop()

    def read() -> None:
        for text in sys.stdin:
            if not text.strip():
                continue
            try:
                values = checked_line(text)
            except ValueError as error:
                output.warn(f"control: {error}; the line changes nothing")
                continue
            try:
                loop.call_soon_threadsafe(change, values)
            except RuntimeError:
                return  # The loop has ended.

    threading.Thread(target=read, daemon=True).start()
