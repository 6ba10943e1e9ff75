"""The frame around every command: the flags that all share, the surroundings they make, where results go."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import click

from mlv.cli import output
from mlv_core.deferred import dataclass
from mlv_core.errors import NotAWorkspace

if TYPE_CHECKING:
    from mlv.actions.context import Context
    from mlv_core.noticing import Notice

    _Type = click.ParamType[float]
else:
    _Type = click.ParamType

GLOBAL = ("as_json", "quiet", "verbose", "work_in", "timeout")


class Duration(_Type):
    """A number of seconds, or one with a unit: 90, 1.5s, 2m, 12h, 7d."""

    name = "duration"
    _UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}  # noqa: RUF012 - never changed

    def __init__(self, most_days: int | None = None) -> None:
        self.most_days = most_days

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:  # noqa: ANN401
        """Seconds; fails as click does."""
        text = str(value)
        unit = self._UNITS.get(text[-1:], 0)
        try:
            seconds = float(text[:-1]) * unit if unit else float(text)
        except ValueError:
            seconds = -1.0
        if not 0 < seconds < 1e10:  # noqa: PLR2004 - 300 years
            self.fail(f"'{text}' is no duration; write 90, 2m, 12h or 7d.", param, ctx)
        if round(seconds * 1000) < 1:
            self.fail(f"'{text}' is less than a millisecond, and would be no time at all.", param, ctx)
        if self.most_days is not None and seconds > self.most_days * self._UNITS["d"]:
            self.fail(f"'{text}' is longer than {self.most_days}d.", param, ctx)
        return seconds


def global_options() -> list[click.Option]:
    """The flags that stand before or after the verb."""
    return [
        click.Option(
            ["--json", "as_json"],
            is_flag=True,
            help="Print one JSON value, errors too; notices are JSON lines on stderr.",
        ),
        click.Option(["-q", "--quiet"], is_flag=True, help="Print nothing but results and errors."),
        click.Option(["-v", "--verbose"], is_flag=True, help="Also say what went over the wire."),
        click.Option(["-C", "work_in"], metavar="DIR", help="Work as if started in DIR."),
        click.Option(["--timeout"], type=Duration(1), metavar="S", help="Give up on the server after this long."),
    ]


@dataclass(slots=True)
class Run:
    """One run of a command."""

    as_json: bool
    quiet: bool
    verbose: bool
    directory: str
    timeout: float | None
    dry_run: bool = False
    _context: Context | None = None

    @property
    def context(self) -> Context:
        """The surroundings for actions; progress is shown where it can be seen."""
        if self._context is None:
            from mlv.actions.context import Context

            news = self._news if self.as_json else None
            self._context = Context(self.directory, self.timeout, self.note, news=news)
        return self._context

    def with_progress(self) -> Context:
        """The surroundings for an action that moves content."""
        from mlv_core.heap import keep_buffers

        keep_buffers()
        context = self.context
        if not self.quiet and not self.as_json:
            from mlv import config
            from mlv.transfer.progress import progress_for

            if config.load(os.environ).progress != "never":
                context.progress = progress_for(sys.stderr, quiet=self.quiet)
        return context

    def note(self, text: str) -> None:
        """A line besides the result; for scripts it is JSON as well."""
        if not self.quiet:
            self._say(output.escaped(text))

    def _say(self, text: str) -> None:
        if self.as_json:
            output.note_json({"kind": "note", "message": text})
        else:
            output.note(text)

    def _news(self, notice: Notice) -> None:
        from mlv.cli.values import notice_value

        output.note_json(notice_value(notice))

    def result(self, value: object, lines: Iterable[str]) -> None:
        """The result: `value` for scripts, `lines` (escaped) for people."""
        if self.as_json:
            output.emit_json(value)
        else:
            output.emit(lines)

    def done(self, value: object, lines: Iterable[str]) -> None:
        """The result of an act: as `result`, but with -q people read nothing."""
        self.result(value, () if self.quiet else lines)

    def tell_dry(self) -> str:
        """What stands before the text of a dry run."""
        return "dry run: " if self.dry_run else ""

    def close(self) -> None:
        """Let go of everything."""
        if self._context is None:
            return
        if self.verbose:
            for address, counters in self._context.traffic():
                sent, received = output.size(counters.sent_bytes), output.size(counters.received_bytes)
                self._say(f"{address}: {output.count(counters.calls, 'call')}, {sent} sent, {received} received")
        # What concerns the workspace is told to people and to scripts, once each; with -q it is left for the next one.
        self._context.close(tell=not self.quiet)


class Command(click.Command):
    """A command whose refusals of what was typed say whose help to read."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click's, which names no command where the value of an option is missing."""
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            error.ctx = error.ctx or ctx
            raise


class Waits(Command):
    """A command with an option `--wait[=DUR]`: bare, it stands for `--wait=DEFAULT`."""

    DEFAULT = "12h"

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click's, which would take the word after a bare `--wait` for its value."""
        end = args.index("--") if "--" in args else len(args)
        given = [f"--wait={self.DEFAULT}" if word == "--wait" else word for word in args[:end]]
        return super().parse_args(ctx, given + args[end:])


def verb(
    *, writes: bool = False, name: str | None = None, kind: type[click.Command] = Command
) -> Callable[[Callable[..., None]], click.Command]:
    """Make a command of a function that takes a Run first; `writes` gives it -n/--dry-run."""

    def wrap(function: Callable[..., None]) -> click.Command:
        @functools.wraps(function)
        def callback(**values: Any) -> None:  # noqa: ANN401 - what click parsed
            context = click.get_current_context()
            run = _run_of(context, values)
            try:
                function(run, **values)
            except NotAWorkspace as error:
                if any("--repo" in option.opts for option in context.command.params):
                    error.advice = f"{error.advice.rstrip('.')}; or name a repository with --repo."
                raise
            finally:
                run.close()

        # -h stays free for nothing else, and abbreviations of long flags are not taken.
        command = click.command(name=name, cls=kind, context_settings={"help_option_names": ["-h", "--help"]})(callback)
        if writes:
            command.params.append(
                click.Option(
                    ["-n", "--dry-run", "dry_run"], is_flag=True, help="Say what would be done, change nothing."
                )
            )
        command.params.extend(global_options())
        return command

    return wrap


def _run_of(context: click.Context, values: dict[str, Any]) -> Run:
    """Join the flags before the verb with those after it; those after win."""
    before: dict[str, Any] = {}
    at: click.Context | None = context.parent
    while at is not None:
        before = {**(at.params or {}), **{k: v for k, v in before.items() if v}}
        at = at.parent
    mine = {key: values.pop(key, None) or before.get(key) for key in GLOBAL}
    directory = os.path.abspath(mine["work_in"] or ".")
    if not os.path.isdir(directory):
        raise click.UsageError(f"There is no directory '{mine['work_in']}'.")
    return Run(
        as_json=bool(mine["as_json"]),
        quiet=bool(mine["quiet"]),
        verbose=bool(mine["verbose"]),
        directory=directory,
        timeout=mine["timeout"],
        dry_run=bool(values.pop("dry_run", False)),
    )


class Family(click.Group):
    """A command with sub-commands, such as `repo create`; the shared flags may stand before those too."""

    def __init__(self, name: str, help_text: str, commands: dict[str, click.Command]) -> None:
        super().__init__(name, commands=commands, help=help_text, params=list(global_options()))
        self.context_settings = {"help_option_names": ["-h", "--help"]}
