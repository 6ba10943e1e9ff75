"""Changing the access policy as a document: its tests, its versions, what a change does to whom, and approvals."""

from __future__ import annotations

from enum import IntEnum

from mlv_core.deferred import dataclass
from mlv_core.entities import Rule, SubjectKind

EVERYBODY = "everybody"
GROUP, USER, TOKEN = "group:", "user:", "token:"


class Verdict(IntEnum):
    """What the policy says to somebody who wants to do something."""

    ALLOW = 1
    DENY = 2
    APPROVAL = 3
    """Allowed for a version that has the approvals that are asked for."""


@dataclass(frozen=True, slots=True)
class PolicyTestResult:
    """What came of one test of a policy: what it expects, what the policy says and why; `line` 0: not known."""

    expect: str
    verdict: Verdict
    passed: bool
    reason: str
    line: int = 0


@dataclass(frozen=True, slots=True)
class AccessChange:
    """What changes for somebody at a place: `subject` as the document writes it, `users` those of them it concerns.

    Where `before` and `after` are the same, a change that reaches further does not hold here.
    """

    subject: str
    actions: tuple[str, ...]
    repository: str
    ref: str
    path: str
    before: Verdict
    after: Verdict
    users: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PolicyDifference:
    """Two policies beside each other; `others` says what differs besides rules.

    Not `complete`: only for those whom rules name and for whole places, as the rest would take too long.
    """

    before: int
    after: int
    added: tuple[Rule, ...] = ()
    removed: tuple[Rule, ...] = ()
    access: tuple[AccessChange, ...] = ()
    complete: bool = True
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PolicyVersion:
    """One version of a policy: who made it, when and why, and how many rules came and went."""

    version: int
    time: int
    by: str
    why: str
    act: str
    added: int
    removed: int


@dataclass(frozen=True, slots=True)
class PolicySet:
    """What setting a policy came to; `version` is the one in force, unchanged where nothing differed."""

    version: int
    before: int
    added: int
    removed: int
    kept: int
    tests: int
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Approval:
    """A user's approval of a changeset."""

    changeset: int
    user: str
    message: str
    time: int


def who_of(rule: Rule) -> str:
    """Whom `rule` speaks of, as a document writes it: "alice", "group:reviewers", "token:ID" or "everybody"."""
    if rule.subject_kind is SubjectKind.EVERYBODY:
        return EVERYBODY
    if rule.subject_kind is SubjectKind.GROUP:
        return GROUP + rule.subject
    if rule.subject_kind is SubjectKind.TOKEN:
        return TOKEN + rule.subject
    return USER + rule.subject if rule.subject.casefold() == EVERYBODY else rule.subject
