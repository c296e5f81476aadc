# SPDX-License-Identifier: MIT
"""The command `quell`: its commands put together; errors become one line and an exit code."""

import importlib
import importlib.util
import sys
from typing import Annotated

import typer
from typer.exceptions import TyperException

from quell_host import __version__, output
from quell_host.commands import (
    agent,
    board,
    consent,
    device,
    flash,
    keys,
    ledger,
    modem_sim,
    policy,
    policy_push,
    provision,
    quecpython_sim,
    receipt,
    receive,
    records,
)
from quell_host.errors import ExitCode, QuellError

app = typer.Typer(
    name="quell",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=True,
    help="Write policies, provision devices, receive their data, carry consent and its withdrawal.",
    epilog="Exit codes: 0 ok, 1 failed, 2 usage, 3 not verified, 4 unreachable, 5 findings, "
    "6 pending, 130 interrupted.",
)


def _version(wanted: bool) -> None:
    if wanted:
        output.stdout().print(f"quell {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version")
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show where in the code an error came from")
    ] = False,
) -> None:
    pass


policy.app.command("push", help=policy_push.HELP)(policy_push.push)
app.add_typer(policy.app, name="policy")
app.add_typer(keys.app, name="keys")
app.command("provision", help=provision.HELP)(provision.provision)
app.add_typer(agent.app, name="agent")
app.add_typer(device.app, name="device")
app.add_typer(consent.app, name="consent")
app.command("receive", help=receive.HELP)(receive.receive)
app.command("records", help=records.HELP)(records.records)
app.add_typer(receipt.app, name="receipt")
app.add_typer(ledger.app, name="ledger")
app.add_typer(flash.app, name="flash")
app.add_typer(board.app, name="board")
app.command("modem-sim", help=modem_sim.HELP)(modem_sim.modem_sim)
app.command("quecpython-sim", help=quecpython_sim.HELP)(quecpython_sim.quecpython_sim)
for _name in ("preview", "demo"):
    if importlib.util.find_spec(f"quell_host.commands.{_name}") is not None:
        _module = importlib.import_module(f"quell_host.commands.{_name}")
        app.command(_name, help=_module.HELP)(getattr(_module, _name))


def main(arguments: list[str] | None = None) -> int:
    """Run `quell` with `arguments` (default: the process's) and return its exit code.

    An error is one line on stderr; `--debug` shows its traceback.
    """
    given = sys.argv[1:] if arguments is None else arguments
    try:
        code = app(args=given, prog_name="quell", standalone_mode=False)
        return int(code) if isinstance(code, int) else ExitCode.OK
    except QuellError as error:
        _trace(given)
        return _fail(str(error), error.code)
    except TyperException as error:
        if not _usage_words(error):
            return ExitCode.USAGE  # A command without arguments has just shown its help.
        return _fail(f"{_usage_words(error)}; see: quell --help", ExitCode.USAGE)
    except (KeyboardInterrupt, typer.Abort):
        return _fail("interrupted", ExitCode.INTERRUPTED)
    except BrokenPipeError:
        # The reader, such as `head`, has seen enough; nothing more may be written at exit.
        sys.stdout = None  # type: ignore[assignment]
        return ExitCode.OK


def _usage_words(error: TyperException) -> str:
    words = getattr(error, "format_message", lambda: str(error))()
    return " ".join(words.split()).rstrip(".")


def _fail(line: str, code: ExitCode) -> int:
    console = output.stderr()
    console.print("[red]error:[/red] ", end="")
    console.print(line, markup=False, soft_wrap=True)
    return int(code)


def _trace(given: list[str]) -> None:
    if "--debug" in given:
        output.stderr().print_exception()


if __name__ == "__main__":
    sys.exit(main())
