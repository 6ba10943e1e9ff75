"""How the command mlv-server speaks: text or JSON on standard output, errors with their exit codes."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from functools import wraps
from typing import Any

import click

from mlv_core.entities import TokenInfo, User
from mlv_core.errors import InternalError, MlvError
from mlv_core.ids import escape


def described(value: User | TokenInfo) -> dict[str, object]:
    """What scripts read of `value`, as the command mlv writes it too: times are ISO 8601 in UTC."""
    return {name: _moment(one) if name.endswith("_at") else one for name, one in asdict(value).items()}


def _moment(milliseconds: int | None) -> str | None:
    if milliseconds is None:
        return None
    whole, rest = divmod(milliseconds, 1000)
    return f"{datetime.fromtimestamp(whole, UTC):%Y-%m-%dT%H:%M:%S}.{rest:03d}Z"


def show(value: object, text: str, *, as_json: bool) -> None:
    """Print `value` as JSON, or `text`."""
    click.echo(json.dumps(value) if as_json else text)


def reporting(command: Callable[..., None]) -> Callable[..., None]:
    """Turn every failure of `command` into its message, advice and exit code."""

    @wraps(command)
    def run(*args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - click hands over whatever the options are
        try:
            command(*args, **kwargs)
        except MlvError as error:
            fail(error, as_json=bool(kwargs.get("as_json")))
        except OSError as error:
            fail(_from_os(error), as_json=bool(kwargs.get("as_json")))
        except KeyboardInterrupt:
            sys.exit(130)

    return run


def fail(error: MlvError, *, as_json: bool) -> None:
    """Print `error` and leave with its exit code."""
    if as_json:
        body = {
            "code": error.code,
            "message": error.message,
            "advice": error.advice,
            "items": list(error.items),
            "exit": error.exit_code,
        }
        click.echo(json.dumps(body))
    else:
        click.echo(f"mlv-server: {escape(error.message)}", err=True)
        for item in error.items:
            click.echo(f"  {escape(item)}", err=True)
        click.echo(f"  {error.advice}", err=True)
    sys.exit(error.exit_code)


def _from_os(error: OSError) -> MlvError:
    where = f" {error.filename}" if error.filename else ""
    advice = "Check that the folder exists and may be written."
    return InternalError(f"{error.strerror or error}{where}.", advice=advice)
