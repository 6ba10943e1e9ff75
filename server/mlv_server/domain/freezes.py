"""What is frozen, when that holds, and how it is refused (L2, L12): whoever set a freeze is bound by it too."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import UTC, datetime

from mlv_core.errors import Frozen, InvalidRequest
from mlv_core.ids import check_name, escape, typed
from mlv_core.paths import glob_match, show_path
from mlv_core.releasing import Freeze
from mlv_server.domain.globs import is_pattern, matches_name

REASON_LIMIT = 1_000
"""Characters of a reason: a sentence or two."""
PATTERN_LIMIT = 255
"""Characters of a pattern of labels, as of a name."""
PATH_LIMIT = 4096
"""Characters of a glob over paths, as of a path."""


def check_new(freeze: Freeze, now: int) -> None:
    """Check what a new freeze says by itself; `now` is the server's time in ms.

    Raises: InvalidRequest, InvalidName, InvalidPath.
    """
    check_place(freeze)
    if not freeze.reason.strip():
        raise InvalidRequest(
            "A freeze needs a reason: everybody whom it stops reads it.", advice="Say why with -m WHY."
        )
    if len(freeze.reason) > REASON_LIMIT:
        raise InvalidRequest(f"The reason has more than {REASON_LIMIT:,} characters.")
    if freeze.until is not None and freeze.until <= now:
        raise InvalidRequest(
            f"The freeze would have ended at {_time(freeze.until)}, before it began: it is {_time(now)}.",
            advice="Name a date to come, or a time from now on such as 7d.",
        )
    if freeze.label and not is_pattern(freeze.label):
        check_name(freeze.label, "label")
    if len(freeze.label) > PATTERN_LIMIT or len(freeze.path) > PATH_LIMIT:
        raise InvalidRequest("The pattern is longer than what it could match.")
    glob_match(freeze.path, "")


def check_place(freeze: Freeze) -> None:
    """Check that a freeze is of something, and of one thing. Raises: InvalidRequest."""
    if not (freeze.branch or freeze.label or freeze.path):
        raise InvalidRequest("A freeze names a branch, a label or a path.", advice="mlv freeze BRANCH -m WHY")
    if freeze.label and (freeze.branch or freeze.path):
        raise InvalidRequest("A freeze is of a label, or of a branch and paths: not of both.")


def check_lifting(place: Freeze) -> None:
    """Check what is asked to be lifted; its reason may be empty. Raises: InvalidRequest."""
    check_place(place)
    if len(place.reason) > REASON_LIMIT:
        raise InvalidRequest(f"The reason has more than {REASON_LIMIT:,} characters.")


def same_place(one: Freeze, other: Freeze) -> bool:
    """Whether two freezes are of the same thing, so that one takes the place of the other."""
    return (one.branch, one.label.casefold(), one.path) == (other.branch, other.label.casefold(), other.path)


def is_live(freeze: Freeze, now: int) -> bool:
    """Whether it holds at `now` (ms): it was not lifted, and its end, if it has one, has not come."""
    return freeze.lifted_at is None and (freeze.until is None or freeze.until > now)


def ref_of(freeze: Freeze) -> str:
    """The ref on which the right `freeze` is asked for: that of the branch or label, every branch for a mere path."""
    if freeze.label:
        return f"label/{freeze.label}"
    return f"branch/{freeze.branch or '*'}"


def seen_under(freeze: Freeze) -> str:
    """The ref that whoever is told of it must be able to list; '' where it is of no branch alone."""
    return ref_of(freeze) if freeze.branch or freeze.label else ""


def place_of(freeze: Freeze) -> str:
    """What is frozen, as it is named."""
    if freeze.label:
        return f"label/{freeze.label}"
    return " ".join(part for part in (freeze.branch, f"--path {freeze.path}" if freeze.path else "") if part)


def check(
    freezes: Iterable[Freeze], now: int, *, branch: str = "", paths: Collection[str] = (), label: str = ""
) -> None:
    """Check that nothing frozen is touched: `paths` on `branch`, the branch itself, or the label.

    Raises: Frozen naming each freeze in the way: who set it, until when, why, and how it is lifted.
    """
    found = [
        (freeze, touched)
        for freeze in freezes
        if is_live(freeze, now) and (touched := _touched(freeze, branch, paths, label)) is not None
    ]
    if found:
        lines = tuple(in_words(freeze, touched) for freeze, touched in found)
        text = f"{lines[0]}." if len(lines) == 1 else f"{len(lines)} freezes stand in the way."
        lifts = " and ".join(f"'mlv unfreeze {_typed_place(freeze)}'" for freeze, _ in found[:3])
        raise Frozen(
            text, advice=f"Whoever has the right 'freeze' there, such as a maintainer, lifts it: {lifts}.", items=lines
        )


def _typed_place(freeze: Freeze) -> str:
    """As `place_of`, in the quotes that keep a shell from reading a pattern as names of files."""
    if freeze.label:
        return typed(f"label/{freeze.label}")
    return " ".join(part for part in (freeze.branch, f"--path {typed(freeze.path)}" if freeze.path else "") if part)


def in_words(freeze: Freeze, touched: str = "") -> str:
    """A freeze as a sentence: what is frozen (with the path of it that is `touched`), by whom, until when and why."""
    if freeze.label:
        what = f"label {freeze.label}"
    elif freeze.path:
        where = f"{show_path(freeze.path)} on {freeze.branch or 'every branch'}"
        what = f"{show_path(touched)} ({where})" if touched else where
    else:
        what = freeze.branch
    end = "until it is lifted" if freeze.until is None else f"until {_time(freeze.until)}"
    return f"{escape(what)} is frozen by {escape(freeze.by)} since {_time(freeze.at)}, {end}: {escape(freeze.reason)}"


def _touched(freeze: Freeze, branch: str, paths: Collection[str], label: str) -> str | None:
    """The path that lies in the freeze, '' where it is all of a branch or a label; None where it is not touched."""
    if freeze.label:
        return "" if label and matches_name(freeze.label, label) else None
    if not branch or (freeze.branch and freeze.branch != branch):
        return None
    if not freeze.path:
        return ""
    return next((path for path in sorted(paths) if glob_match(freeze.path, path)), None)


def _time(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")
