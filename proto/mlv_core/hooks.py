"""Webhooks and external checks as both sides speak of them."""

from __future__ import annotations

from enum import IntEnum

from mlv_core.deferred import dataclass


class HookState(IntEnum):
    """Whether a webhook is told of events, and if not, why not."""

    ACTIVE = 1
    PAUSED = 2
    FAILING = 3
    STOPPED = 4


class Moment(IntEnum):
    """When a check is asked: before content is sent, before a changeset, a label or a merge is written."""

    BEGIN = 1
    PUBLISH = 2
    LABEL = 3
    MERGE = 4


@dataclass(frozen=True, slots=True)
class NewWebhook:
    """What a webhook shall be. `kinds`, `paths` and `branch` narrow as those of a watch; `secret` '' has one made."""

    repository: str
    url: str
    kinds: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    branch: str = ""
    secret: str = ""


@dataclass(frozen=True, slots=True)
class Webhook:
    """A webhook without its secrets; times in ms since 1970 UTC.

    `position`: the last event that was taken or not wanted. `attempts`: failed ones of the next event, and `next_at`
    when it is tried again. `reason`: why it is not active. `old_secret_until`: until when two secrets sign.
    """

    id: str
    url: str
    kinds: tuple[str, ...]
    paths: tuple[str, ...]
    branch: str
    state: HookState
    reason: str
    position: int
    attempts: int
    next_at: int | None
    old_secret_until: int | None
    created_by: str
    created_at: int


@dataclass(frozen=True, slots=True)
class Delivery:
    """One attempt: event `sequence` (0: a test) sent at `time`; `fault` '' if it was taken, else why not.

    `status` is HTTP's, 0 without an answer; `answer` its first bytes, escaped.
    """

    number: int
    sequence: int
    kind: str
    time: int
    attempt: int
    status: int
    milliseconds: int
    fault: str
    answer: str


@dataclass(frozen=True, slots=True)
class NewCheck:
    """What a check shall be: asked at `moments` about `ref` (a pattern) and `paths` (globs; none: all).

    `name` '' is the URL's host. `deadline` in ms. With `fail_open` a check that gives no answer lets pass.
    """

    repository: str
    url: str
    moments: tuple[Moment, ...]
    name: str = ""
    ref: str = "*"
    paths: tuple[str, ...] = ()
    deadline: int = 5_000
    fail_open: bool = False
    secret: str = ""


@dataclass(frozen=True, slots=True)
class Check:
    """A check without its secret. `old_secret_until` (ms): till then the one before signs too; None: there was none."""

    id: str
    name: str
    url: str
    moments: tuple[Moment, ...]
    ref: str
    paths: tuple[str, ...]
    deadline: int
    fail_open: bool
    created_by: str
    created_at: int
    old_secret_until: int | None = None


@dataclass(frozen=True, slots=True)
class CheckAnswer:
    """What a check said: `allowed` None where it gave no answer, and `message` then says why."""

    allowed: bool | None
    message: str
    status: int
    milliseconds: int
