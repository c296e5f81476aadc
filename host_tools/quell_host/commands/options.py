# SPDX-License-Identifier: MIT
"""Options that several commands share, so that they read the same everywhere."""

from pathlib import Path
from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print JSON")]
Device = Annotated[str, typer.Option("--device", help="Label, device id, or the beginning of one")]
DeviceOrAll = Annotated[
    str | None, typer.Option("--device", help="Label or beginning of an id [default: all]")
]
Signer = Annotated[
    str, typer.Option("--signer", help="Name of a key in $QUELL_HOME/keys, or NAME.key")
]
BrokerUrl = Annotated[
    str | None,
    typer.Option(
        "--broker",
        help="mqtt://[user[:password]@]host[:port], or mqtts:// for TLS. Better in QUELL_BROKER: "
        "an argument can be seen by other users",
    ),
]
Ca = Annotated[Path | None, typer.Option("--ca", help="CA file that the broker must match")]
Wait = Annotated[
    float,
    typer.Option("--wait", min=0, help="Seconds to wait for the device's answer [default: 0]"),
]
Port = Annotated[str, typer.Option("--port", help="The board's port, such as /dev/ttyACM0")]
Baud = Annotated[int, typer.Option("--baud", min=300, help="Bits per second")]
Stay = Annotated[bool, typer.Option("--stay", help="Leave the board at its REPL: do not start it")]
BoardBroker = Annotated[
    str | None, typer.Option("--broker", help="HOST:PORT that the board sends to")
]
BoardCa = Annotated[
    Path | None,
    typer.Option("--ca", help="PEM file that the broker must match: turns TLS on"),
]
Apn = Annotated[str | None, typer.Option("--apn", help="The network's access point")]
BoardConfig = Annotated[
    Path | None, typer.Option("--config", help="The board's configuration as a JSON file")
]
