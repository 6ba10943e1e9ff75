"""The access policy as a document: shown, set, tested, compared; approvals given and taken back."""

from __future__ import annotations

import contextlib
import os
import re
import tomllib
from collections.abc import Iterator

from mlv.actions.context import Context
from mlv.actions.refs import repository_of, revision_for
from mlv_core.errors import Denied, InvalidPolicy, MlvError, PolicyTestsFailed, UsageError
from mlv_core.ids import Revision
from mlv_core.policies import Approval, PolicyDifference, PolicySet, PolicyTestResult, PolicyVersion

_LINE = re.compile(r"line (\d+): ")
_AT_LINE = re.compile(r" \(at line (\d+), column \d+\)$")
_VERSIONS = re.compile(r"(\d+)(?::(\d+)?)?")


def document(context: Context, repository: str, version: int | None = None) -> tuple[str, int]:
    """The document of `repository` ('': the server's) and its version. Raises: NotFound, Denied."""
    return context.server().policy_document(repository, version)


def set_document(
    context: Context,
    repository: str,
    file: str,
    *,
    base: int | None = None,
    message: str = "",
    dry_run: bool = False,
) -> tuple[PolicySet, PolicyDifference | None]:
    """Let the document in `file` be the policy; a dry run also tells who would gain and lose what.

    Raises: InvalidPolicy, PolicyTestsFailed and Denied naming file and line; PolicyMoved, InvalidRequest, NotFound.
    """
    text = read(context, file)
    with _naming(file):
        done = context.server().set_policy(repository, text, base=base, message=message, dry_run=dry_run)
        return done, context.server().diff_policy(repository, text) if dry_run else None


def set_back(
    context: Context, repository: str, version: int, *, message: str = "", dry_run: bool = False
) -> tuple[PolicySet, PolicyDifference | None]:
    """Let the policy be as it was in `version`. Raises: as `set_document`; NotFound."""
    done = context.server().set_policy(repository, to=version, message=message, dry_run=dry_run)
    return done, context.server().diff_policy(repository, None, None, version) if dry_run else None


def test(context: Context, repository: str, file: str | None) -> tuple[tuple[PolicyTestResult, ...], int]:
    """What comes of the tests in force, or of those in `file` with its rules; and the version in force.

    Raises: InvalidPolicy naming file and line, NotFound, Denied.
    """
    if file is None:
        return context.server().test_policy(repository)
    text = read(context, file)
    with _naming(file):
        return context.server().test_policy(repository, text)


def compare(context: Context, repository: str, what: str | None) -> PolicyDifference:
    """Who gains and loses what: by the file `what`, from version "A" to now, from "A:B", or (None) by the last change.

    Raises: InvalidPolicy naming file and line, NotFound, Denied, UsageError.
    """
    server = context.server()
    if what is None:
        known = server.policy_versions(repository, 2)
        return server.diff_policy(repository, None, known[1].version if len(known) > 1 else 0)
    versions = _VERSIONS.fullmatch(what)
    if versions is not None and not os.path.exists(os.path.join(context.directory, what)):
        return server.diff_policy(repository, None, int(versions[1]), int(versions[2]) if versions[2] else None)
    text = read(context, what)
    with _naming(what):
        return server.diff_policy(repository, text)


def history(context: Context, repository: str, limit: int = 0) -> tuple[PolicyVersion, ...]:
    """The versions of a document, newest first. Raises: NotFound, Denied."""
    return context.server().policy_versions(repository, limit)


def read(context: Context, file: str) -> str:
    """The text of a document that is TOML; what it says is the server's to judge. Raises: InvalidPolicy, OSError."""
    try:
        with open(os.path.join(context.directory, file), encoding="utf-8") as stream:
            text = stream.read()
        tomllib.loads(text)
    except UnicodeDecodeError:
        raise InvalidPolicy(f"{file} is not UTF-8.") from None
    except tomllib.TOMLDecodeError as error:
        said = str(error)
        place = _AT_LINE.search(said)
        line = int(place[1]) if place else len(text.splitlines()) or 1
        raise InvalidPolicy(f"{file}:{line}: {_AT_LINE.sub('', said)}; nothing was changed.") from None
    except (ValueError, RecursionError):
        raise InvalidPolicy(f"{file} holds a number or a list that no policy needs; nothing was changed.") from None
    if not text.strip():
        raise UsageError(f"{file} is empty.", advice="'mlv policy show REPO --toml' gives a document to begin with.")
    return text


def approve(
    context: Context,
    revision: Revision | None,
    *,
    message: str = "",
    repository: str | None = None,
    dry_run: bool = False,
) -> Approval:
    """Approve a version (None: what the workspace has). Raises: NotFound, Denied, NotAWorkspace."""
    where, text = repository_of(context, repository), revision_for(context, revision, repository)
    return context.server().approve(where, text, message, dry_run=dry_run)


def withdraw(
    context: Context, revision: Revision | None, *, repository: str | None = None, dry_run: bool = False
) -> Approval:
    """Take the own approval of a version back. Raises: NotFound, NotAWorkspace."""
    where, text = repository_of(context, repository), revision_for(context, revision, repository)
    return context.server().withdraw_approval(where, text, dry_run=dry_run)


def approvals(
    context: Context, revision: Revision | None = None, repository: str | None = None
) -> tuple[Approval, ...]:
    """The approvals of a version, or of all. Raises: NotFound, NotAWorkspace."""
    where = repository_of(context, repository)
    text = revision_for(context, revision, repository) if revision is not None else ""
    return context.server().list_approvals(where, text)


@contextlib.contextmanager
def _naming(file: str) -> Iterator[None]:
    """Lines that an error names are lines of `file`."""
    try:
        yield
    except (InvalidPolicy, PolicyTestsFailed, Denied) as error:
        items = tuple(_LINE.sub(lambda line: f"{file}:{line[1]}: ", item, count=1) for item in error.items)
        named: MlvError = type(error)(error.message, advice=error.advice, items=items)
        raise named from error
