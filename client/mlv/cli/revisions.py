"""Revisions on the command line: `@REV` among the arguments, `PATH@REV`, `-r N`, `-r A:B`, `-c N`."""

from __future__ import annotations

from mlv.cli.output import escaped
from mlv_core.errors import UsageError
from mlv_core.ids import Revision, split_at_revision


def paths_and_revision(
    arguments: tuple[str, ...], option: str | None = None
) -> tuple[tuple[str, ...], Revision | None]:
    """Paths, and the one revision that stands among them or in `option`.

    Raises: InvalidRevision; UsageError for two different ones.
    """
    paths: list[str] = []
    found: list[Revision] = [Revision.parse(option)] if option else []
    for argument in arguments:
        path, revision = split_at_revision(argument)
        if path:
            paths.append(path)
        if revision is not None:
            found.append(revision)
    if len(set(found)) > 1:
        raise UsageError("One version at a time: several were named.", advice="Name one @REV.")
    return tuple(paths), found[0] if found else None


def one_revision(argument: str | None) -> Revision | None:
    """`@REV` or `REV`; None for nothing.

    Raises: InvalidRevision.
    """
    return Revision.parse(argument) if argument else None


def span(text: str) -> tuple[Revision | None, Revision | None]:
    """`A:B`, `@A:@B`, `A:` or `:B`; `A` alone stands for both ends.

    Raises: InvalidRevision.
    """
    first, colon, last = text.partition(":")
    low = Revision.parse(first) if first else None
    if not colon:
        return low, low
    if not first and not last:
        raise UsageError(f"'{escaped(text)}' names no versions.", advice="Write -r 3:7.")
    return low, Revision.parse(last) if last else None
