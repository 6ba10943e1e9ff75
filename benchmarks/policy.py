"""A decision of the policy in CPU time: 1,000 rules, 200 groups, users in few or all of them.

No server: `decide` is pure. Every decision gets a principal of its own, as every call makes one. "First" is a question
that this policy was never asked, as right after a change; "again" are the same questions once more. With conditions
every fourth rule that allows holds from one network only, and another tenth of all asks for a network or for approvals.

Setting is a whole change on a database on the disk: a document of 1,000 rules is read, checked, proven by its 100 tests
and written, in place of one that differs in every rule, or in one.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import time
from dataclasses import replace

from benchmarks.machine import description, markdown_table, write_results
from benchmarks.metadata_site import Bench, Clock, opened
from benchmarks.series import HERE
from mlv_core.entities import Effect, Rule, SubjectKind, User
from mlv_server.domain.policy import Policy, Principal, Resource, decide
from mlv_server.services import policy_documents

RULES = 1000
GROUPS = 200
REPOSITORIES = 100
ACTIONS = ("list", "read", "write", "lock.break", "deploy")
REFS = ("", "branch/main", "branch/fix/typo", "env/prod")
ROLES = ("reader", "contributor", "releaser", "maintainer")
MEMBERSHIPS = (1, 20, GROUPS)
TARGET_MICROSECONDS = 20
TESTS = 100
TARGET_SECONDS = 1.0
ADDRESS = "10.1.2.3"


def rules(*, conditions: bool = False) -> tuple[Rule, ...]:
    """Grants to groups on repositories and globs of them, by branch too; every tenth rule forbids."""
    plain = tuple(_rule(number) for number in range(RULES))
    return tuple(_with_conditions(number, rule) for number, rule in enumerate(plain)) if conditions else plain


def _with_conditions(number: int, rule: Rule) -> Rule:
    if number % 10 == 1:
        asked = (("from", "10.0.0.0/8"),) if number % 20 == 1 else (("approvals", "2"), ("by", "group:group1"))
        return replace(rule, effect=Effect.REQUIRE, role="", actions=("merge", "read"), conditions=asked)
    return replace(rule, conditions=(("from", "10.0.0.0/8"),)) if number % 4 == 2 else rule


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
    name, token = f"user{number}", f"t{number}"
    return Principal(1, name, server_admin=False, token_id=token, groups=groups, address=ADDRESS)


def measure(memberships: int, runs: int, *, conditions: bool) -> tuple[list[float], list[float]]:
    """Microseconds of CPU a decision, one figure a run: of first questions, and of the same asked again."""
    everything = rules(conditions=conditions)
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


def document(version: int, role: str, changed: int) -> str:
    """A document of 1,000 rules about 200 users and 100 tests; the `changed` first rules give `role`."""
    parts = [f"version = {version}\n"]
    for number in range(RULES):
        given = role if number < changed else "reader"
        who, ref = f"user{number % GROUPS}", f"branch/team{number}/*"
        parts.append(f'[[allow]]\nwho = "{who}"\nrole = "{given}"\nref = "{ref}"\n')
    parts += [f'[[test]]\nexpect = "user{number} deploy env/prod = deny"\n' for number in range(TESTS)]
    return "\n".join(parts)


async def measure_setting(runs: int) -> dict[str, Clock]:
    """What setting a document takes: the first one, one in which every rule differs, and one in which one does."""
    async with opened() as parts:
        bench = Bench(parts, "policy", 0)
        await bench.create()
        people = [User(f"user{number}", False, False, 0, "bench") for number in range(GROUPS)]
        await parts.db.write(lambda tx: [tx.users.add(one) for one in people])
        clocks = {
            name: Clock() for name in ("every rule", "one rule", "a dry run of one rule", "a difference of every rule")
        }
        version = bench.read(lambda tx: tx.rules.document_version(str(bench.name)))
        for run in range(runs):
            role = ("contributor", "maintainer")[run % 2]
            for name, changed, dry in (
                ("every rule", RULES, False),
                ("one rule", RULES - 1, False),
                ("a dry run of one rule", RULES, True),
            ):
                text = document(version, role, changed)
                with clocks[name].timed():
                    done = await policy_documents.put(bench.call(), str(bench.name), text, None, None, "", dry)
                version = version if dry else done.version
            text = document(version, ("maintainer", "contributor")[run % 2], RULES)
            with clocks["a difference of every rule"].timed():
                found = await policy_documents.compare(bench.call(), str(bench.name), text, None, None)
            if not (found.complete and found.access):
                raise RuntimeError("the difference is not what it should be")
    return clocks


def main() -> int:
    """Measure, print and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=30, help="policies, each asked every question twice")
    runs = parser.parse_args().runs
    rows: list[tuple[str, ...]] = []
    body: list[dict[str, object]] = []
    for conditions in (False, True):
        for memberships in MEMBERSHIPS:
            first, again = measure(memberships, runs, conditions=conditions)
            told = "yes" if conditions else "no"
            rows.append((str(memberships), told, *(f"{value:.1f}" for value in (*_spread(first), *_spread(again)))))
            body.append(
                {
                    "groups": memberships,
                    "conditions": conditions,
                    "first_microseconds": first,
                    "again_microseconds": again,
                }
            )
    head = ("groups of the user", "conditions", "first: least", "median", "worst", "again: least", "median", "worst")
    text = (
        f"Microseconds of CPU a decision, mean of {REPOSITORIES * len(ACTIONS)} questions, over {runs} policies with "
        f"{RULES:,} rules and {GROUPS} groups; the target is {TARGET_MICROSECONDS}."
    )
    clocks = asyncio.run(measure_setting(runs))
    setting = (
        f"Seconds to set a document of {RULES:,} rules and {TESTS} tests, mean CPU and median by the clock of {runs}; "
        f"the target is {TARGET_SECONDS:.0f}."
    )
    timed = [(name, f"{one.cpu_ms() / 1000:.2f}", f"{one.median_ms() / 1000:.2f}") for name, one in clocks.items()]
    tables = [text, markdown_table(head, rows), setting, markdown_table(("what differs", "CPU", "clock"), timed)]
    print("\n\n".join(tables))
    seconds = {name: [[took.cpu, took.wall] for took in one.taken] for name, one in clocks.items()}
    path = write_results("policy", "Decisions of the policy", description(), tables, {"rows": body, "setting": seconds})
    print(f"\nwritten: {path.relative_to(HERE.parent)}")
    return 0


def _spread(figures: list[float]) -> tuple[float, float, float]:
    return min(figures), statistics.median(figures), max(figures)


if __name__ == "__main__":
    sys.exit(main())
