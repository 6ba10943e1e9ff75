"""What a new repository may be set up with, as data: branches, lock rules, labels kept for some, rules of policy."""

from __future__ import annotations

from mlv_core.deferred import dataclass
from mlv_core.entities import BranchKind, LockNeed, LockScope
from mlv_core.errors import InvalidRequest
from mlv_core.ids import escape
from mlv_core.releasing import SetUp, Template
from mlv_server.domain.lock_rules import DEFAULT_RULES, HOUR, LockRule, LockRules

DAY = 24 * HOUR
MAIN = "main"


@dataclass(frozen=True, slots=True)
class BranchPlan:
    """A branch that merges into main."""

    name: str
    kind: BranchKind
    what: str


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that one template sets up.

    `locks` are told as `lock_words` say. Each of `reserved` is a pattern of labels and whom it is kept for. With
    `merges_only` nothing is committed to main, it comes there by a merge.
    """

    template: Template
    branches: tuple[BranchPlan, ...]
    locks: LockRules
    lock_words: tuple[SetUp, ...]
    reserved: tuple[tuple[str, tuple[str, ...]], ...]
    merges_only: bool


MODEL = Plan(
    template=Template(
        "model",
        "Experiments merge into integration, which merges into main; locks for weights and data; v* for releasers.",
    ),
    branches=(
        BranchPlan("integration", BranchKind.INTEGRATION, "where what was tried out is collected and evaluated"),
    ),
    locks=(
        *DEFAULT_RULES,
        LockRule(LockNeed.REQUIRED, glob="/weights/**", scope=LockScope.LINE, ttl=12 * HOUR, max=14 * DAY),
        LockRule(LockNeed.REQUIRED, glob="/data/**", scope=LockScope.REPOSITORY),
    ),
    lock_words=(
        SetUp("locks", "weights/**", "needed before a change, on all branches of a line, for 12h and at most 14d"),
        SetUp("locks", "data/**", "needed before a change, on every branch"),
    ),
    reserved=(("v*", ("group:releasers",)),),
    merges_only=True,
)
_PLANS = {plan.template.name: plan for plan in (MODEL,)}


def templates() -> tuple[Template, ...]:
    """Every template, by name."""
    return tuple(_PLANS[name].template for name in sorted(_PLANS))


def plan_of(name: str) -> Plan:
    """What the template of this name sets up. Raises: InvalidRequest."""
    if name not in _PLANS:
        raise InvalidRequest(
            f"There is no template '{escape(name)}'.", advice=f"Templates: {', '.join(sorted(_PLANS))}."
        )
    return _PLANS[name]
