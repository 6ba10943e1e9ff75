"""The access policy as a whole document: shown, set, tested, compared, with all its versions (P6)."""

from __future__ import annotations

from dataclasses import replace

from mlv_core.deferred import dataclass
from mlv_core.entities import Rule
from mlv_core.errors import InvalidPolicy, InvalidRequest, PolicyMoved
from mlv_core.ids import RepositoryName
from mlv_core.policies import PolicyDifference, PolicySet, PolicyTestResult, PolicyVersion
from mlv_server.domain.lock_rule_tables import lock_rule_table, parse_lock_rules
from mlv_server.domain.lock_rules import DEFAULT_RULES, LockRule
from mlv_server.domain.policy import Policy
from mlv_server.domain.policy_difference import changed_rules, difference
from mlv_server.domain.policy_document import Document, own_rules, parse_document, stored_test
from mlv_server.domain.policy_toml import write_document
from mlv_server.metadata.repositories import RepositoryRow
from mlv_server.metadata.rules import Sections
from mlv_server.metadata.unit_of_work import Transaction
from mlv_server.services import access, policy_changes
from mlv_server.services.call import Call
from mlv_server.services.once import Once
from mlv_server.services.policy_changes import Change

WHY_LIMIT = 1_000
"""Characters: a paragraph."""
HISTORY_LIMIT = 1_000
"""Versions told at once."""


@dataclass(frozen=True, slots=True)
class _State:
    """A document as it stands, or stood in a version: its rules, its tests as kept, its rules about locks."""

    row: RepositoryRow | None
    version: int
    rules: tuple[Rule, ...]
    tests: tuple[dict[str, str], ...]
    locks: tuple[LockRule, ...] | None

    @property
    def name(self) -> str:
        """The repository, '' for the server's document."""
        return "" if self.row is None else str(self.row.name)

    def sections(self) -> Sections:
        """What is kept besides rules."""
        locks = None if self.locks is None else [lock_rule_table(rule) for rule in self.locks]
        return {"tests": list(self.tests), "locks": locks}

    def text(self) -> str:
        """The document."""
        return write_document(self.name, self.version, self.rules, self.tests, self.locks)


async def show(call: Call, repository: str, version: int | None) -> tuple[str, int]:
    """The document of `repository` ('': the server's) as it is, or was in `version`, and its version.

    Raises: NotFound, Denied.
    """

    def work(tx: Transaction) -> tuple[str, int]:
        state = _state(tx, policy_changes.place(tx, call, repository, "policy.read"), version)
        return state.text(), state.version

    return await call.db.read(work)


async def put(
    call: Call, repository: str, document: str, base: int | None, to: int | None, why: str, dry_run: bool
) -> PolicySet:
    """Let `document`, or with `to` that of an earlier version, be the policy of `repository` ('': the server's).

    All or nothing, at one instant: the version that it was made from (`base`, or what it says itself) must still be
    the newest, its tests must pass, and nobody gives what they lack (P6). Raises: InvalidPolicy naming every fault,
    PolicyMoved, PolicyTestsFailed, Denied, InvalidRequest, NotFound, RequestReused.
    """
    if len(why) > WHY_LIMIT:
        raise InvalidRequest(f"message has more than {WHY_LIMIT:,} characters.")
    if (to is None) == (not document):
        raise InvalidRequest("Either document or to must be given.")
    name = RepositoryName.parse(repository) if repository else None

    def work(tx: Transaction) -> PolicySet:
        row = policy_changes.place(tx, call, repository, "policy.write")
        before = _state(tx, row, None)
        text, made_from = document, base
        if to is not None:
            text, made_from = _state(tx, row, to).text(), before.version
        draft = _read(tx, before.name, text)
        made_from = draft.base if made_from is None else made_from
        if made_from is None:
            raise InvalidPolicy(
                "The document does not say which version it was made from.",
                advice=f"Begin it with 'version = {before.version}', if it was made from the newest one.",
            )
        if made_from != before.version:
            raise PolicyMoved(
                f"The policy of {before.name or 'the server'} is at version {before.version}; "
                f"the document was made from {made_from}."
            )
        change = _change(before, draft, "set", why or (f"as in version {to}" if to is not None else ""))
        results = policy_changes.check(tx, call, change)
        if change.added or change.removed or change.sections is not None:
            policy_changes.apply(tx, call, change, added=len(change.added), removed=len(change.removed))
            if row is not None and draft.locks != before.locks:
                tx.lock_rules.put(row.id, draft.locks)
        return PolicySet(
            version=tx.rules.document_version(change.document),
            before=before.version,
            added=len(change.added),
            removed=len(change.removed),
            kept=len(before.rules) - len(change.removed),
            tests=len(results),
            others=_others(before, draft),
        )

    return await access.write(
        call,
        work,
        "policy.set",
        repository or "server",
        dry_run=dry_run,
        repository=name,
        once=Once((repository, document, base, to, why), _read_set),
    )


async def test(call: Call, repository: str, document: str | None) -> tuple[tuple[PolicyTestResult, ...], int]:
    """What comes of the tests of the policy in force, or of a proposed document, and the version in force.

    Raises: InvalidPolicy, NotFound, Denied.
    """

    def work(tx: Transaction) -> tuple[tuple[PolicyTestResult, ...], int]:
        before = _state(tx, policy_changes.place(tx, call, repository, "policy.read"), None)
        change = Change(before.row, (), (), "test")
        if document is not None:
            change = _change(before, _read(tx, before.name, document), "test", "")
        after = policy_changes.proposed(tx, change)
        return policy_changes.test(tx, call, change, after, tx.everybody.people()), before.version

    return await call.db.read(work)


async def compare(
    call: Call, repository: str, document: str | None, first: int | None, second: int | None
) -> PolicyDifference:
    """Who gains and loses what between two versions (None: the newest), or by a proposed document.

    Raises: InvalidPolicy, NotFound, Denied.
    """

    def work(tx: Transaction) -> PolicyDifference:
        row = policy_changes.place(tx, call, repository, "policy.read")
        current = _state(tx, row, None)
        before = current if first is None else _state(tx, row, first)
        own = {rule.id for rule in current.rules}
        others = [rule for rule in tx.rules.policy().rules if rule.id not in own]
        if document is not None:
            draft = _read(tx, current.name, document)
            rules, number = draft.rules, 0
            told = _others(before, draft)
        else:
            after = current if second is None else _state(tx, row, second)
            rules, number = after.rules, after.version
            told = _told(before, after.tests, after.locks)
        changes = changed_rules(before.rules, rules)
        old = Policy(before.version, (*others, *before.rules))
        new = Policy(number, (*others, *rules))
        found = difference(old, new, changes, tx.everybody.people(), call.now)
        return replace(found, others=told)

    return await call.db.read(work)


async def history(call: Call, repository: str, limit: int) -> tuple[PolicyVersion, ...]:
    """The versions of a document, newest first. Raises: NotFound, Denied."""

    def work(tx: Transaction) -> tuple[PolicyVersion, ...]:
        change = Change(policy_changes.place(tx, call, repository, "policy.read"), (), (), "history")
        return tx.rules.history(change.document, min(limit or HISTORY_LIMIT, HISTORY_LIMIT))

    return await call.db.read(work)


def _state(tx: Transaction, row: RepositoryRow | None, version: int | None) -> _State:
    """A document as it is, or was in a version. Raises: NotFound."""
    document = Change(row, (), (), "").document
    newest = tx.rules.document_version(document)
    if version is not None and version != newest:
        kept = tx.rules.sections_at(document, version)
        tables = kept.get("locks")
        locks = None if tables is None else parse_lock_rules(tables)
        return _State(row, version, tx.rules.rules_at(document, version), tuple(kept.get("tests", ())), locks)
    kept = tx.rules.sections_at(document, newest)
    rules = own_rules(tx.rules.policy().rules, document)
    in_force = DEFAULT_RULES if row is None else tx.lock_rules.of(row.id)
    locks = None if in_force == DEFAULT_RULES else in_force
    return _State(row, newest, rules, tuple(kept.get("tests", ())), locks)


def _read(tx: Transaction, repository: str, text: str) -> Document:
    """The document, free of faults. Raises: InvalidPolicy."""
    draft, problems = parse_document(text, repository, tx.everybody.names())
    if problems:
        noun = "fault" if len(problems) == 1 else "faults"
        raise InvalidPolicy(f"The policy has {len(problems)} {noun}; nothing was changed.", items=problems)
    return draft


def _change(before: _State, draft: Document, act: str, why: str) -> Change:
    """What a document changes; rules that say the same stay, with their numbers."""
    added, removed = changed_rules(before.rules, draft.rules)
    after = replace(before, tests=tuple(stored_test(one) for one in draft.tests), locks=draft.locks)
    other = (after.tests, after.locks) != (before.tests, before.locks)
    return Change(
        before.row,
        added,
        removed,
        act,
        why,
        tests=draft.tests,
        sections=after.sections() if other else None,
        lines=draft.lines,
    )


def _others(before: _State, draft: Document) -> tuple[str, ...]:
    return _told(before, tuple(stored_test(one) for one in draft.tests), draft.locks)


def _told(before: _State, tests: tuple[dict[str, str], ...], locks: tuple[LockRule, ...] | None) -> tuple[str, ...]:
    """What differs besides rules, in words."""
    told = []
    came = [one for one in tests if one not in before.tests]
    went = [one for one in before.tests if one not in tests]
    if came or went:
        told.append(f"tests: {len(came)} more, {len(went)} fewer")
    if locks != before.locks:
        old, new = ("the usual ones" if some is None else f"{len(some)}" for some in (before.locks, locks))
        told.append(f"rules about locks: {new} instead of {old}")
    return tuple(told)


def _read_set(said: dict[str, object]) -> PolicySet:
    return PolicySet(**{**said, "others": tuple(said["others"])})  # type: ignore[arg-type]
