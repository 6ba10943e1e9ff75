"""The gate that every change of the access policy goes through: rights, tests, somebody left to lead (P6)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field

from mlv_core.deferred import dataclass
from mlv_core.entities import Effect, Rule
from mlv_core.errors import Denied, InvalidRequest, PolicyTestsFailed
from mlv_core.ids import RepositoryName, escape, fold
from mlv_core.policies import PolicyTestResult, who_of
from mlv_server.domain.audit import SERVER_CHAIN
from mlv_server.domain.events import policy_event
from mlv_server.domain.granting import lacking_actions
from mlv_server.domain.policy import Policy, decide_on_server
from mlv_server.domain.policy_document import Expectation, expectation
from mlv_server.domain.policy_people import People, can_be_changed, is_led, run_tests
from mlv_server.metadata.repositories import RepositoryRow
from mlv_server.metadata.rules import Sections
from mlv_server.metadata.unit_of_work import Transaction
from mlv_server.services import access
from mlv_server.services.call import Call

PROPOSED = -1
"""The version of a policy that is not in force."""


@dataclass(frozen=True, slots=True)
class Change:
    """Rules that come and go in one document: of `row`'s repository, or for None the server's own.

    `tests` None: those that the document has. `sections` None: all but rules stays. `lines`: where new rules stand.
    """

    row: RepositoryRow | None
    added: tuple[Rule, ...]
    removed: tuple[Rule, ...]
    act: str
    why: str = ""
    tests: tuple[Expectation, ...] | None = None
    sections: Sections | None = None
    lines: Mapping[int, int] = field(default_factory=dict)

    @property
    def document(self) -> str:
        """The name under which versions of the document are kept."""
        return "" if self.row is None else fold(str(self.row.name))

    @property
    def repository(self) -> str:
        """The repository's name, '' for the server's document."""
        return "" if self.row is None else str(self.row.name)


def place(tx: Transaction, call: Call, repository: str, action: str) -> RepositoryRow | None:
    """The repository whose policy is meant, None for '', the server's; the right to `action` is checked again.

    Raises: NotFound, Denied.
    """
    if repository:
        row = tx.repositories.get(RepositoryName.parse(repository))
        access.check(tx, call, action, row)
        return row
    decision = decide_on_server(call.principal, "admin")
    if not decision.allowed:
        raise Denied(f"You may not '{action}' on the server: {decision.reason}.", advice="Ask an admin of the server.")
    return None


def proposed(tx: Transaction, change: Change) -> Policy:
    """The policy as it would be."""
    gone = {rule.id for rule in change.removed}
    kept = (rule for rule in tx.rules.policy().rules if rule.id not in gone)
    return Policy(PROPOSED, (*kept, *change.added))


def check(tx: Transaction, call: Call, change: Change) -> tuple[PolicyTestResult, ...]:
    """What came of the tests, all passed. Raises: Denied, InvalidRequest, PolicyTestsFailed."""
    people = tx.everybody.people()
    after = proposed(tx, change)
    _check_grants(tx, call, change)
    results = test(tx, call, change, after, people)
    failed = [one for one in results if not one.passed]
    if failed:
        raise PolicyTestsFailed(
            f"{len(failed)} of {len(results)} tests fail; nothing was changed.",
            items=tuple(failure_text(one) for one in failed),
        )
    _check_leaders(tx, call, change, after, people)
    return results


def apply(tx: Transaction, call: Call, change: Change, **detail: str | int) -> tuple[Rule, ...]:
    """Put a change that was checked in force, with its audit entry and event; the added rules as they stand."""
    ids = tuple(rule.id for rule in change.removed)
    sections = None if change.sections is None else (change.document, change.sections)
    by = call.principal.user
    added = tx.rules.change(change.added, ids, by, call.now, act=change.act, why=change.why, sections=sections)
    version = tx.rules.document_version(change.document)
    said = {"version": version, **detail, **({"why": change.why} if change.why else {})}
    entry = access.audit_entry(call, f"policy.{change.act}", change.repository or "server", **said)
    tx.audit.append(SERVER_CHAIN if change.row is None else change.row.id, (entry,))
    if change.row is not None:
        told = policy_event(change.act, version, len(added), len(ids), by)
        tx.events.append(change.row.id, call.now, (told,))
    else:
        tx.wake_watchers()
    return added


def test(tx: Transaction, call: Call, change: Change, policy: Policy, people: People) -> tuple[PolicyTestResult, ...]:
    """What comes of the tests of the document, and of those of the server that speak of its repository."""
    own = change.tests
    if own is None:
        own = kept_tests(tx, change.document, change.repository)
    others: Sequence[Expectation] = ()
    if change.row is not None:
        others = [one for one in kept_tests(tx, "", "") if fold(one.resource.repository) == change.document]
    return run_tests((*own, *others), policy, people, call.now, change.lines)


def kept_tests(tx: Transaction, document: str, repository: str) -> tuple[Expectation, ...]:
    """The tests that a document has."""
    said = tx.rules.sections_at(document, tx.rules.document_version(document)).get("tests", ())
    return tuple(expectation(one, repository) for one in said)


def failure_text(one: PolicyTestResult) -> str:
    """A test that failed, and the rule that decided."""
    where = f"line {one.line}: " if one.line else ""
    return f"{where}{one.expect}, but the policy says {one.verdict.name.lower()}: {one.reason}"


def _check_grants(tx: Transaction, call: Call, change: Change) -> None:
    """Nobody grants what they lack, nor gives back what a rule forbids them. Raises: Denied."""
    before = tx.rules.policy()
    lifted = [rule for rule in change.removed if rule.effect is not Effect.ALLOW]
    if call.principal.server_admin:
        gone = {rule.id for rule in lifted}
        before = Policy(PROPOSED, tuple(rule for rule in before.rules if rule.id not in gone)) if lifted else before
        lifted = []
    lacking: dict[str, frozenset[str]] = {}
    for rule in (*(one for one in change.added if one.effect is Effect.ALLOW), *lifted):
        actions = lacking_actions(call.principal, rule, before, call.now)
        if actions:
            line = f"line {change.lines[rule.id]}: " if rule.id in change.lines else ""
            lacking[f"{line}{_shown(rule)}: you lack {', '.join(sorted(actions))}"] = actions
    if lacking:
        every = sorted(frozenset[str]().union(*lacking.values()))
        raise Denied(
            f"Nobody grants what they lack; you lack: {', '.join(every)}.",
            advice="Ask an admin of the server.",
            items=tuple(lacking),
        )


def _shown(rule: Rule) -> str:
    may = rule.role or ",".join(rule.actions)
    verb = "allow" if rule.effect is Effect.ALLOW else "no longer forbid"
    return f"{verb} {who_of(rule)} {may} on {rule.ref}:{rule.path}"


def _check_leaders(tx: Transaction, call: Call, change: Change, after: Policy, people: People) -> None:
    """The last admin cannot be removed (P6). Raises: InvalidRequest."""
    if change.row is None:
        return
    name, before = change.repository, tx.rules.policy()
    advice = f"Make another one first: 'mlv policy grant admin NAME {name}'."
    bound = not call.principal.server_admin and is_led(before, name, people, call.now)
    if bound and not is_led(after, name, people, call.now):
        raise InvalidRequest(_last_admin(change, people, name), advice=advice)
    if not can_be_changed(after, name, people, call.now) and can_be_changed(before, name, people, call.now):
        raise InvalidRequest(
            f"After this nobody could change the policy of {name}, not even an admin of the server.",
            advice="Leave out what forbids everybody 'policy.write'.",
        )


def _last_admin(change: Change, people: People, name: str) -> str:
    gone = [rule.subject for rule in change.removed if rule.role == "admin" and rule.subject in people.users]
    who = escape(gone[0]) if len(gone) == 1 else "Somebody"
    return f"{who} is the last admin of {name}."
