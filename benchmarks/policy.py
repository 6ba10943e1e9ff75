"""A decision of the policy in CPU time: 1,000 rules, 200 groups, users in few or all of them.

No server: `decide` is pure. Every decision gets a principal of its own, as every call makes one. "First" is a question
that this policy was never asked, as right after a change; "again" are the same questions once more.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time

from benchmarks.machine import description, markdown_table, write_results
from benchmarks.series import HERE
from mlv_core.entities import Effect, Rule, SubjectKind
from mlv_server.domain.policy import Policy, Principal, Resource, decide

RULES = 1000
GROUPS = 200
REPOSITORIES = 100
ACTIONS = ("list", "read", "write", "lock.break", "deploy")
REFS = ("", "branch/main", "branch/fix/typo", "env/prod")
ROLES = ("reader", "contributor", "releaser", "maintainer")
MEMBERSHIPS = (1, 20, GROUPS)
TARGET_MICROSECONDS = 20


def rules() -> tuple[Rule, ...]:
    """Grants to groups on repositories and globs of them, by branch too; every tenth rule forbids."""
    return tuple(_rule(number) for number in range(RULES))


def _rule(number: int) -> Rule:
    forbids = number % 10 == 0
    team = number * 7 % REPOSITORIES
    return Rule(
        id=number + 1,
        effect=Effect.DENY if forbids else Effect.ALLOW,
        subject_kind=SubjectKind.GROUP,
        subject=f"group{number % GROUPS}",
        role="" if forbids else ROLES[number % len(ROLES)],
        actions=("deploy",) if forbids else (),
        repository=f"team{team % 10}/*" if number % 5 == 0 else f"team{team % 10}/repo{team}",
        ref="env/*" if forbids else ("branch/*" if number % 3 == 0 else "*"),
    )


def principal(number: int, memberships: int) -> Principal:
    """A user in `memberships` groups, made anew with strings of its own."""
    groups = frozenset(f"group{(number + at) % GROUPS}" for at in range(memberships))
    return Principal(1, f"user{number}", server_admin=False, token_id=f"t{number}", groups=groups)


def measure(memberships: int, runs: int) -> tuple[list[float], list[float]]:
    """Microseconds of CPU a decision, one figure a run: of first questions, and of the same asked again."""
    everything = rules()
    asked = [
        (number % 10, action, Resource(f"team{at % 10}/repo{at}", REFS[(number + at) % len(REFS)]))
        for number, at in enumerate(range(REPOSITORIES))
        for action in ACTIONS
    ]
    first: list[float] = []
    again: list[float] = []
    for run in range(runs):
        policy = Policy(run, everything)
        for figures in (first, again):
            questions = [(principal(who, memberships), action, place) for who, action, place in asked]
            began = time.process_time_ns()
            for who, action, place in questions:
                decide(who, action, place, policy, 0)
            figures.append((time.process_time_ns() - began) / 1000 / len(questions))
    return first, again


def main() -> int:
    """Measure, print and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=30, help="policies, each asked every question twice")
    runs = parser.parse_args().runs
    rows: list[tuple[str, ...]] = []
    body: list[dict[str, object]] = []
    for memberships in MEMBERSHIPS:
        first, again = measure(memberships, runs)
        rows.append((str(memberships), *(f"{value:.1f}" for value in (*_spread(first), *_spread(again)))))
        body.append({"groups": memberships, "first_microseconds": first, "again_microseconds": again})
    head = ("groups of the user", "first: least", "median", "worst", "again: least", "median", "worst")
    text = (
        f"Microseconds of CPU a decision, mean of {REPOSITORIES * len(ACTIONS)} questions, over {runs} policies with "
        f"{RULES:,} rules and {GROUPS} groups; the target is {TARGET_MICROSECONDS}."
    )
    table = markdown_table(head, rows)
    print(table)
    path = write_results("policy", "Decisions of the policy", description(), [text, table], {"rows": body})
    print(f"\nwritten: {path.relative_to(HERE.parent)}")
    return 0


def _spread(figures: list[float]) -> tuple[float, float, float]:
    return min(figures), statistics.median(figures), max(figures)


if __name__ == "__main__":
    sys.exit(main())
