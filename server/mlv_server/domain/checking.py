"""External checks, decided: which are asked about an act, what they are told, and what their answers come to."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from mlv_core.deferred import dataclass
from mlv_core.entities import Change
from mlv_core.errors import CheckRefused, CheckUnanswered
from mlv_core.hashing import ContentHasher
from mlv_core.hooks import Check, CheckAnswer, Moment
from mlv_core.ids import escape
from mlv_core.paths import glob_matches_any
from mlv_server.domain.delivering import moment as shown_moment
from mlv_server.domain.globs import matches_name

PATHS_LIMIT = 1_000
"""Changed paths that a check is told; it is told that there are more, and how many."""
MESSAGE_LIMIT = 2_000
"""Characters of a refusal that reach the user."""
LINES_LIMIT = 20
_OK = 200


@dataclass(frozen=True, slots=True)
class Subject:
    """What a check is asked about. `base`: the version that the act builds on, or that a label names.

    `names`: more about the act, such as the label or the merged version, in JSON's own types.
    """

    moment: Moment
    act: str
    repository: str
    ref: str
    by: str
    base: int
    message: str
    changes: tuple[Change, ...] = ()
    names: tuple[tuple[str, str | int], ...] = ()

    def digest(self) -> bytes:
        """What a check's yes is valid for: all that it was told, save on which version it lands, and the contents.

        Ids of files are given only when it lands: no part of it.
        """
        hasher = ContentHasher()
        head = (int(self.moment), self.act, self.repository, self.ref, self.by, self.message, self.names)
        hasher.update(repr(head).encode("utf-8", "surrogatepass"))
        for one in self.changes:
            state = one.state
            row: tuple[object, ...] = (one.path, int(one.operation), one.source)
            if state is not None:
                row += (int(state.mode), state.size, state.content, state.properties)
            hasher.update(repr(row).encode("utf-8", "surrogatepass"))
        return bytes(hasher.digest())


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one check said of a subject."""

    check: Check
    answer: CheckAnswer

    @property
    def passed(self) -> bool:
        """Whether the act may go on."""
        return self.answer.allowed is True or (self.answer.allowed is None and self.check.fail_open)


def concerns(check: Check, subject: Subject) -> bool:
    """Whether `check` is asked: of its moments, refs and paths. A check at Begin is asked at Publish again (C1)."""
    asked = set(check.moments)
    if Moment.BEGIN in asked:
        asked.add(Moment.PUBLISH)
    if subject.moment not in asked or not matches_name(check.ref, subject.ref):
        return False
    if not check.paths or subject.moment is Moment.LABEL:
        return True
    return any(
        glob_matches_any(check.paths, path) for one in subject.changes for path in (one.path, one.source) if path
    )


def question(check: Check, subject: Subject, now: int, *, dry_run: bool) -> bytes:
    """The JSON that `check` is asked with: who, where, what and which paths, never content."""
    told = subject.changes[:PATHS_LIMIT]
    said = {
        "check": check.name,
        "at": subject.moment.name.lower(),
        "act": subject.act,
        "time": shown_moment(now),
        "repository": subject.repository,
        "ref": subject.ref,
        "by": subject.by,
        "base": subject.base,
        "message": subject.message,
        "dry_run": dry_run,
        "digest": subject.digest().hex(),
        "changes": [_told(one) for one in told],
        "changes_count": len(subject.changes),
        "truncated": len(told) < len(subject.changes),
        **dict(subject.names),
    }
    return json.dumps(said, separators=(",", ":")).encode("ascii")


def answer_of(status: int, body: bytes, fault: str, milliseconds: int) -> CheckAnswer:
    """What a check's answer says: status 200 and JSON with a boolean `allow`, else it is none."""
    reason = fault or ("" if status == _OK else f"it answered with status {status}")
    if not reason:
        try:
            said = json.loads(body)
        except (ValueError, RecursionError):
            said = None
        if isinstance(said, dict) and isinstance(said.get("allow"), bool):
            message = said.get("message")
            text = message[:MESSAGE_LIMIT] if isinstance(message, str) else ""
            return CheckAnswer(said["allow"], text, status, milliseconds)
        reason = 'its answer is no {"allow": true or false, "message": "..."}'
    return CheckAnswer(None, reason, status, milliseconds)


def refusal(verdicts: Iterable[Verdict]) -> CheckRefused | None:
    """What the user is told where a check stands in the way; None where none does."""
    against = [one for one in verdicts if not one.passed]
    if not against:
        return None
    said = [one for one in against if one.answer.allowed is False]
    if said:
        lines = [line for one in said for line in _lines(one)]
        return CheckRefused(lines[0], items=tuple(lines[1:]))
    first, *rest = [f"The check '{escape(one.check.name)}' gave no answer: {one.answer.message}." for one in against]
    return CheckUnanswered(first, items=tuple(rest))


def _lines(verdict: Verdict) -> Sequence[str]:
    """The refusal of one check: its name with the first line of its text, then the other lines."""
    name = escape(verdict.check.name)
    text = [escape(line) for line in verdict.answer.message.splitlines() if line.strip()][:LINES_LIMIT]
    if not text:
        return (f"The check '{name}' refused it and gave no reason.",)
    return (f"The check '{name}' refused it: {text[0]}", *text[1:])


def _told(change: Change) -> dict[str, str | int]:
    said: dict[str, str | int] = {"path": change.path, "operation": change.operation.name.lower()}
    if change.source:
        said["source"] = change.source
    if change.state is not None:
        said["size"] = change.state.size
    return said
