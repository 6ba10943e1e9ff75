"""Sets up a new repository as a template says: each thing as if its maker had typed it, audited alike."""

from __future__ import annotations

from mlv_core.entities import Branch, Effect, Rule, SubjectKind
from mlv_core.ids import ChangesetNumber
from mlv_core.releasing import SetUp
from mlv_server.domain.events import branch_event
from mlv_server.domain.lock_rule_tables import lock_rule_table
from mlv_server.domain.policy import APPROVALS, BY
from mlv_server.domain.templates import MAIN, BranchPlan, Plan
from mlv_server.metadata.repositories import RepositoryRow
from mlv_server.metadata.unit_of_work import Transaction
from mlv_server.services import access, labels, policy_changes
from mlv_server.services.call import Call
from mlv_server.services.policy_changes import Change


def set_up(tx: Transaction, call: Call, row: RepositoryRow, plan: Plan) -> tuple[SetUp, ...]:
    """Do in the new repository what `plan` says, in its transaction; what was done, for its maker to read."""
    done = [SetUp("branch", MAIN, "what is validated and released")]
    for planned in plan.branches:
        _branch(tx, call, row, planned)
        done.append(SetUp("branch", planned.name, f"{planned.what}; merges into {MAIN}"))
    tx.lock_rules.put(row.id, plan.locks)
    done.extend(plan.lock_words)
    for pattern, subjects in plan.reserved:
        labels.put_reservation(tx, call, row, pattern, subjects)
        done.append(SetUp("labels", pattern, f"kept for {', '.join(subjects)}{_missing(tx, subjects)}"))
    if plan.merges_only:
        done.append(SetUp("rule", MAIN, "takes merges alone: nobody commits there"))
    _change_policy(tx, call, row, plan)
    return tuple(done)


def _change_policy(tx: Transaction, call: Call, row: RepositoryRow, plan: Plan) -> None:
    """Put rules and lock rules into the repository's policy as one version of it."""
    rules = (_merges_only(row, call),) if plan.merges_only else ()
    locks = [lock_rule_table(rule) for rule in plan.locks]
    why = f"template {plan.template.name}"
    change = Change(row, rules, (), "template", why, sections={"locks": locks, "tests": []})
    policy_changes.apply(tx, call, change)


def _branch(tx: Transaction, call: Call, row: RepositoryRow, planned: BranchPlan) -> None:
    made = Branch(
        id=tx.repositories.next_branch_id(row.id),
        name=planned.name,
        kind=planned.kind,
        target=MAIN,
        head=ChangesetNumber(0),
        origin=ChangesetNumber(0),
        created_by=call.principal.user,
        created_at=call.now,
    )
    tx.branches.add(row.id, made)
    tx.audit.append(row.id, (access.audit_entry(call, "branch.create", made.name, at=0, into=MAIN),))
    tx.events.append(row.id, call.now, (branch_event(made),))


def _missing(tx: Transaction, subjects: tuple[str, ...]) -> str:
    """What is to be said of groups that there are not yet."""
    names = [one.partition(":")[2] for one in subjects if one.startswith("group:")]
    gone = [name for name in names if tx.users.known_group(name) is None]
    return f" (no such group yet: {', '.join(gone)})" if gone else ""


def _merges_only(row: RepositoryRow, call: Call) -> Rule:
    """What is committed cannot be approved beforehand, so this lets nobody commit there; a merge is not asked for it.

    A rule that denies would do so too, but then nobody could give anybody the right to commit elsewhere (P6).
    """
    return Rule(
        id=0,
        effect=Effect.REQUIRE,
        subject_kind=SubjectKind.EVERYBODY,
        subject="",
        role="",
        actions=("write",),
        repository=str(row.name),
        ref=f"branch/{MAIN}",
        conditions=((APPROVALS, "1"), (BY, "everybody")),
        created_by=call.principal.user,
        created_at=call.now,
    )
