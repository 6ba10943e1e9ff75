"""Why somebody may or may not do something: the deciding rule of the policy and all that it was weighed against."""

from __future__ import annotations

from enum import IntEnum

from mlv_core.deferred import dataclass
from mlv_core.entities import Rule


class Weight(IntEnum):
    """What a rule that speaks of the user, the action and the place has to do with the decision."""

    DECIDES = 1
    AGREES = 2
    """It says the same as the decision, which would stand without it."""
    LOSES = 3
    """It allows what another rule forbids (P2)."""
    NARROWER = 4
    """It forbids a part of what was asked about; asking about that part shows it deciding."""
    CONDITIONAL = 5
    """It would allow or forbid, but under conditions that are not met by asking."""
    EXPIRED = 6
    REQUIRES = 7
    """It asks for approvals of the version (P3), which are counted when it is done."""
    MET = 8
    """It asks for what is met."""


@dataclass(frozen=True, slots=True)
class WeighedRule:
    """A rule and its weight in a decision."""

    rule: Rule
    weight: Weight


@dataclass(frozen=True, slots=True)
class Explanation:
    """Whether `user` may do what was asked, by which rule (None: by no rule), and why in words.

    `rules`: what was weighed, the deciding one first, then by weight and number. `scope`: what the asking token is
    limited to, when the question is about oneself; empty without a limit.
    """

    user: str
    allowed: bool
    rule: int | None
    reason: str
    rules: tuple[WeighedRule, ...] = ()
    scope: tuple[str, ...] = ()
