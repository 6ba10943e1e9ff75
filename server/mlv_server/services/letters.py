"""What a webhook is to be sent next, with the rights that its creator has at that moment, and the sending of it."""

from __future__ import annotations

from mlv_core.deferred import dataclass
from mlv_core.errors import NotFound
from mlv_core.hooks import Delivery
from mlv_server.domain.delivering import PING, Letter, body_of, fault_of, shown_answer
from mlv_server.domain.events import Event, is_wanted, rights_of
from mlv_server.domain.policy import Principal
from mlv_server.metadata.repositories import RepositoryRow
from mlv_server.metadata.unit_of_work import Transaction
from mlv_server.metadata.webhooks import WebhookRow
from mlv_server.outgoing.caller import Caller
from mlv_server.services.sights import View

PAGE = 200
"""Events looked at in one transaction."""
SECONDS = 10.0
"""From the look-up of the name to the end of the answer."""


@dataclass(frozen=True, slots=True)
class Nothing:
    """Nothing to send up to event `position`; `more` events may come after it."""

    position: int
    more: bool


@dataclass(frozen=True, slots=True)
class Stop:
    """Whose rights it was sent with may see nothing any more: `reason` says why."""

    reason: str


def next_of(tx: Transaction, hook: WebhookRow, now: int) -> Letter | Nothing | Stop:
    """The next event that a webhook wants and its creator may see at `now` (ms) (P4)."""
    row = tx.repositories.by_id(hook.repository_id)
    view = _view(tx, row, hook, now)
    if view is None:
        return Stop(f"its creator {hook.info.created_by} is disabled")
    if not view.sight.may("list"):
        return Stop(f"its creator {hook.info.created_by} may no longer list the repository")
    info = hook.info
    found = tx.events.after(row.id, info.position, PAGE)
    for sequence, time, event in found:
        if is_wanted(event, info.kinds, info.branch, info.paths) and view.sight.may(*rights_of(event)):
            return _letter(view, hook, sequence, time, event, now, info.attempts + 1)
    return Nothing(found[-1][0] if found else info.position, len(found) == PAGE)


def one(tx: Transaction, row: RepositoryRow, hook: WebhookRow, sequence: int, now: int) -> Letter:
    """Event `sequence` as a letter, or a test for 0.

    Raises: NotFound for an event that is not there, or that the webhook's creator may not see.
    """
    if not sequence:
        body = body_of(str(row.name), hook.info.id, 0, now, PING, {})
        return Letter(hook.info.id, hook.info.url, 0, PING, body, hook.secrets(now), 1)
    view = _view(tx, row, hook, now)
    found = tx.events.after(row.id, sequence - 1, 1)
    if found and found[0][0] == sequence and view is not None:
        _, time, event = found[0]
        if view.sight.may("list") and view.sight.may(*rights_of(event)):
            return _letter(view, hook, sequence, time, event, now, 1)
    raise NotFound(
        f"There is no event {sequence} that {hook.info.created_by} may see.",
        advice="'mlv watch REPO --after 0 --once' shows yours.",
    )


async def send(caller: Caller, letter: Letter, now: int) -> Delivery:
    """Send a letter; what came of it, not yet numbered."""
    reply = await caller.post(letter.url, letter.body, letter.headers(now), SECONDS)
    return Delivery(
        number=0,
        sequence=letter.sequence,
        kind=letter.kind,
        time=now,
        attempt=letter.attempt,
        status=reply.status,
        milliseconds=reply.milliseconds,
        fault=fault_of(reply.status, reply.fault),
        answer=shown_answer(reply.body),
    )


@dataclass(frozen=True, slots=True)
class _Creator:
    """Whoever made a webhook, with the groups of this moment."""

    principal: Principal
    now: int


def _letter(view: View, hook: WebhookRow, sequence: int, time: int, event: Event, now: int, attempt: int) -> Letter:
    info = hook.info
    body = body_of(str(view.row.name), info.id, sequence, time, event.kind.value, view.told_event(event))
    return Letter(info.id, info.url, sequence, event.kind.value, body, hook.secrets(now), attempt)


def _view(tx: Transaction, row: RepositoryRow, hook: WebhookRow, now: int) -> View | None:
    """The repository as the webhook's creator may see it; None if they are disabled, or who answers for it."""
    user = tx.users.by_id(hook.creator_id)
    if user.disabled or (user.service and tx.users.get(user.owner)[1].disabled):
        return None
    groups = tx.users.groups_of(hook.creator_id)
    principal = Principal(hook.creator_id, user.name, user.server_admin, token_id="", groups=groups)
    return View(tx, _Creator(principal, now), row)
