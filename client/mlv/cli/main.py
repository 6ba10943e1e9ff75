"""The command `mlv`: finds the module of a verb, runs it, and turns every failure into a message and an exit code."""

from __future__ import annotations

import importlib
import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import click

from mlv.cli import output
from mlv.cli.running import global_options
from mlv.cli.verbs import ALIASES, VERBS
from mlv_core.errors import InternalError, Interrupted, MlvError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

_MODULES = "mlv.cli.commands"


class _Unheard(Exception):
    """Nobody reads the output any more; click would end the process for a BrokenPipeError, as if it had failed."""


class Verbs(click.Group):
    """All verbs; the module of one is imported when it runs, and an alias is the verb itself."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click's; `--version` is answered when all flags are known, as `-v` may stand on either side of it."""
        rest = super().parse_args(ctx, args)
        if ctx.params.pop("version") and not ctx.resilient_parsing:
            _show_version(verbose=ctx.params["verbose"])
            ctx.exit()
        return rest

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - as click's
        """As click's. Raises: _Unheard."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            raise _Unheard from error

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """The canonical verbs, in the order in which people meet them."""
        return [verb.name for verb in VERBS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The verb, or the one that `cmd_name` is an alias of; that may be the verb of a family ('meta set')."""
        name, *rest = ALIASES.get(cmd_name, cmd_name).split(" ")
        for verb in VERBS:
            if verb.name == name:
                module = importlib.import_module(f"{_MODULES}.{verb.module}")
                found: click.Command | None = getattr(module, verb.attribute)
                for word in rest:
                    found = found.get_command(ctx, word) if isinstance(found, click.Group) else None
                return found
        return None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click's; an unknown verb gets the nearest known ones."""
        if args and self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            import difflib

            near = difflib.get_close_matches(args[0], [*(verb.name for verb in VERBS), *ALIASES], n=3)
            hint = f" Did you mean {' or '.join(near)}?" if near else " 'mlv help' lists all verbs."
            raise click.UsageError(f"There is no verb '{output.escaped(args[0])}'.{hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """The verbs by family, with their aliases; no module is imported for that."""
        others: dict[str, list[str]] = {}
        for alias, verb_name in ALIASES.items():
            others.setdefault(verb_name.split(" ")[0], []).append(alias)
        for family in dict.fromkeys(verb.family for verb in VERBS):
            rows = []
            for verb in VERBS:
                if verb.family == family:
                    also = f" ({', '.join(others[verb.name])})" if verb.name in others else ""
                    rows.append((verb.name, verb.help + also))
            with formatter.section(family):
                formatter.write_dl(rows)


def _show_version(*, verbose: bool) -> None:
    from mlv_core.version import VERSION

    click.echo(f"mlv {VERSION}")
    if verbose:
        from mlv_core.kernels import running

        click.echo(f"kernels: {running()}")


cli = Verbs(
    "mlv",
    params=[
        click.Option(["--version"], is_flag=True, help="Show the version; with -v, what the codecs run on too."),
        *global_options(),
    ],
    callback=lambda **_values: None,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    help="Version control for machine-learning models: one atomic version of code, data, parameters and weights; "
    "locks that the server enforces; typed deltas for large artifacts.",
    epilog="'mlv help VERB' tells more. Exit codes: 0 ok, 1 bug, 2 usage, 3 out of date or conflict, 4 lock refused, "
    "5 not signed in or denied, 6 server unreachable, 7 damaged content, 8 limit, 9 not found or exists, 130 stopped.",
)


def run(arguments: Sequence[str]) -> int:
    """Run one command line and give its exit code; everything it has to say is printed."""
    as_json = "--json" in arguments
    try:
        _arm_failpoints()
        _choose_kernels()
        _check_text(arguments)
        answer = cli.main(args=list(arguments), prog_name="mlv", standalone_mode=False)
        return answer if isinstance(answer, int) else 0
    except MlvError as error:
        failure: MlvError = error
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.ctx.get_help(), err=True)
        return 2
    except click.UsageError as error:
        failure = _usage(error)
    except click.ClickException as error:
        failure = UsageError(error.format_message())
    except (KeyboardInterrupt, click.Abort):
        failure = Interrupted("Stopped.")
    except (_Unheard, BrokenPipeError):
        # The reader of a pipe went away: nothing is left to say, and nothing may be said at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except OSError as error:
        failure = _system(error)
    except UnicodeEncodeError as error:
        failure = _no_text(error.object) if error.encoding == "utf-8" else _bug(error)
    except Exception as error:  # noqa: BLE001 - the outermost edge: every failure gets a message and an exit code
        failure = _bug(error)
    try:
        output.show_error(failure, as_json=as_json)
    except OSError:  # such as a full disk
        with suppress(OSError):
            output.show_error(failure, as_json=False)
    return failure.exit_code


def main() -> None:
    """The entry point of the command."""
    sys.exit(run(sys.argv[1:]))


def _arm_failpoints() -> None:
    """Arm the points that tests name in the environment."""
    armed = os.environ.get("MLV_FAILPOINTS")
    if armed:
        import time

        from mlv_core.failpoints import arm

        arm(armed, os._exit, time.sleep)


def _choose_kernels() -> None:
    """Let the codecs run on the loops that the environment names."""
    named = os.environ.get("MLV_KERNELS")
    if named:
        from mlv_core.kernels import choose

        choose(named)


def _check_text(arguments: Sequence[str]) -> None:
    """Refuse what is no text, before anything is begun; a name on the disk may be any bytes. Raises: UsageError."""
    for argument in arguments:
        if not argument.isascii():
            try:
                argument.encode()
            except UnicodeEncodeError:
                if not os.path.lexists(argument):
                    raise _no_text(argument) from None


def _no_text(text: str) -> MlvError:
    """The refusal of bytes that are no UTF-8: no version, message or name can hold them."""
    return UsageError(f"'{output.escaped(text)}' is no text in UTF-8.", advice="Type it where text is UTF-8.")


def _usage(error: click.UsageError) -> MlvError:
    where = error.ctx.command_path if error.ctx else "mlv"
    # click puts choices on lines of their own.
    return UsageError(" ".join(error.format_message().split()), advice=f"'{where} --help' shows how it is used.")


def _system(error: OSError) -> MlvError:
    """An operating system's refusal, named as what it is."""
    import errno

    from mlv_core.errors import DiskFull, LimitExceeded
    from mlv_core.paths import show_path

    name = f"'{show_path(str(error.filename))}': " if error.filename else ""
    text = f"{name}{error.strerror or error}."
    if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
        return DiskFull(text)
    if error.errno in {errno.EMFILE, errno.ENFILE}:
        return LimitExceeded(text)
    if error.errno in {
        errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT, errno.EISDIR, errno.ENOTDIR, errno.ENAMETOOLONG,
    }:  # fmt: skip
        return UsageError(text, advice="Check the path and its permissions.")
    return _bug(error)


def _bug(error: Exception) -> MlvError:
    """An unforeseen failure: short on the screen, whole in a file."""
    import traceback

    from mlv.config import config_directory

    folder = config_directory(os.environ)
    file = os.path.join(folder, "last-error.txt")
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        with open(file, "w", encoding="utf-8", errors="backslashreplace") as stream:
            stream.write("".join(traceback.format_exception(error)))
    except OSError:
        file = ""
    advice = f"Please report it with the file {file}." if file else "Please report it."
    return InternalError(f"mlv met something it did not foresee: {type(error).__name__}: {error}", advice=advice)


if __name__ == "__main__":
    main()
