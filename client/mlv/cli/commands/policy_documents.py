"""mlv policy set, test, diff, history."""

from __future__ import annotations

from collections.abc import Sequence

import click

from mlv.actions import policies
from mlv.cli.output import count, escaped, local_moment, moment, table
from mlv.cli.running import Run, verb
from mlv.cli.values import rule_value
from mlv_core.entities import Rule
from mlv_core.errors import PolicyTestsFailed, UsageError
from mlv_core.policies import AccessChange, PolicyDifference, PolicySet, Verdict, who_of

_WORDS = {
    (Verdict.DENY, Verdict.ALLOW): "gains",
    (Verdict.ALLOW, Verdict.DENY): "loses",
    (Verdict.DENY, Verdict.APPROVAL): "gains, for versions that were approved,",
    (Verdict.APPROVAL, Verdict.DENY): "loses, for versions that were approved,",
    (Verdict.ALLOW, Verdict.APPROVAL): "will need approvals for",
    (Verdict.APPROVAL, Verdict.ALLOW): "will need no approvals for",
    (Verdict.ALLOW, Verdict.ALLOW): "still may",
    (Verdict.DENY, Verdict.DENY): "still may not",
    (Verdict.APPROVAL, Verdict.APPROVAL): "still needs approvals for",
}
_TITLES = ("id", "effect", "who", "may", "on")
_server_wide = click.option("--server", "server_wide", is_flag=True, help="The server's own document, without REPO.")


@verb(writes=True, name="set")
@click.argument("names", nargs=-1, metavar="REPO FILE")
@_server_wide
@click.option("-m", "--message", default="", metavar="WHY", help="Why; the history shows it.")
@click.option("--to", "to", type=click.IntRange(0), metavar="N", help="Without FILE: as it was in version N.")
@click.option(
    "--base", type=click.IntRange(0), metavar="N", help="The version that FILE was made from, if it does not say."
)
def policy_set(
    run: Run, names: tuple[str, ...], *, server_wide: bool, message: str, to: int | None, base: int | None
) -> None:
    """Let the document FILE be the policy of REPO: all of it, at one instant, or nothing.

    It must be made from the newest version, its tests must pass, nobody gives what they lack, and somebody must be left
    to lead. -n tells who would gain and lose what. 'mlv policy show REPO --toml' gives a document to begin with.
    """
    repository, file = _split(names, "policy set", server_wide=server_wide, file=to is None)
    if to is not None:
        done, difference = policies.set_back(run.context, repository, to, message=message, dry_run=run.dry_run)
    else:
        done, difference = policies.set_document(
            run.context, repository, file or "", base=base, message=message, dry_run=run.dry_run
        )
    value: dict[str, object] = {**_set_value(done, repository), "dry_run": run.dry_run}
    lines = [run.tell_dry() + _set_line(done, repository)]
    if difference is not None:
        value["access"] = [access_value(one) for one in difference.access]
        lines += difference_lines(difference)
    run.done(value, lines)


@verb(name="test")
@click.argument("names", nargs=-1, metavar="REPO [FILE]")
@_server_wide
def policy_test(run: Run, names: tuple[str, ...], *, server_wide: bool) -> None:
    """Run the tests of the policy of REPO, or of the document FILE, which is not set. Exit code 2: some fail."""
    repository, file = _split(names, "policy test", server_wide=server_wide, file=None)
    results, version = policies.test(run.context, repository, file)
    failed = [one for one in results if not one.passed]
    value = {
        "version": version,
        "passed": len(results) - len(failed),
        "failed": len(failed),
        "tests": [
            {
                "expect": one.expect,
                "passed": one.passed,
                "verdict": one.verdict.name.lower(),
                "reason": one.reason,
                "line": one.line or None,
            }
            for one in results
        ],
    }
    rows = [
        ("ok" if one.passed else "FAIL", one.expect, f"{one.verdict.name.lower()}: {one.reason}") for one in results
    ]
    run.result(value, [*table(rows), f"{count(len(results), 'test')}, {len(failed)} failed"])
    if failed:
        click.get_current_context().exit(PolicyTestsFailed.exit_code)


@verb(name="diff")
@click.argument("names", nargs=-1, metavar="REPO [A[:B] | FILE]")
@_server_wide
def policy_diff(run: Run, names: tuple[str, ...], *, server_wide: bool) -> None:
    """Tell who gains and loses what: by the last change, since version A, from A to B, or by the document FILE.

    It is worked out by asking both policies, for the places that the changed rules name.
    """
    repository, what = _split(names, "policy diff", server_wide=server_wide, file=None)
    found = policies.compare(run.context, repository, what)
    value = {
        "before": found.before,
        "after": found.after or None,
        "complete": found.complete,
        "others": list(found.others),
        "added": [rule_value(rule) for rule in found.added],
        "removed": [rule_value(rule) for rule in found.removed],
        "access": [access_value(one) for one in found.access],
    }
    after = f"version {found.after}" if found.after else escaped(what or "")
    others = map(escaped, found.others)
    run.result(value, [f"from version {found.before} to {after}", *difference_lines(found), *others])


@verb(name="history")
@click.argument("names", nargs=-1, metavar="REPO")
@_server_wide
@click.option("-l", "--limit", type=click.IntRange(1), metavar="N", help="The N newest.")
def policy_history(run: Run, names: tuple[str, ...], *, server_wide: bool, limit: int | None) -> None:
    """The versions of the policy of REPO, newest first: who, when, why, how many rules came and went.

    'mlv policy show REPO --version N' shows one, 'mlv policy set REPO --to N' sets it again.
    """
    repository, _ = _split(names, "policy history", server_wide=server_wide, file=False)
    found = policies.history(run.context, repository, limit or 0)
    value = [
        {
            "version": one.version,
            "time": moment(one.time),
            "by": one.by,
            "act": one.act,
            "why": one.why,
            "added": one.added,
            "removed": one.removed,
        }
        for one in found
    ]
    rows = [
        (str(one.version), local_moment(one.time), one.by, one.act, f"+{one.added} -{one.removed}", one.why)
        for one in found
    ]
    header = ("version", "time", "by", "act", "rules", "why")
    run.result(value, table(rows, header) if rows else ["It was never changed."])


def rule_table(rules: Sequence[Rule], weights: Sequence[str] = ()) -> list[str]:
    """Rules as a table; conditions have a column where there are some, and so have weights."""
    conditions = [conditions_text(rule) for rule in rules]
    titles = (*_TITLES, *(("if",) if any(conditions) else ()), *(("weight",) if weights else ()))
    rows = []
    for at, rule in enumerate(rules):
        row = [str(rule.id), rule.effect.name.lower(), who_of(rule), rule.role or ",".join(rule.actions)]
        row.append(f"{rule.repository}:{rule.ref}:{rule.path}")
        rows.append(row + ([conditions[at]] if any(conditions) else []) + ([weights[at]] if weights else []))
    return table(rows, titles)


def conditions_text(rule: Rule) -> str:
    """The conditions of a rule in words."""
    values = {
        name: " or ".join(value for other, value in rule.conditions if other == name) for name, _ in rule.conditions
    }
    parts = [f"from {values['from']}"] if "from" in values else []
    if "approvals" in values:
        number = int(values["approvals"]) if values["approvals"].isdecimal() else 0
        parts.append(f"{count(number, 'approval')} by {values.get('by', '')}")
    if rule.expires_at is not None:
        parts.append(f"until {(moment(rule.expires_at) or '')[:16]}Z")
    return ", ".join(parts)


def access_value(change: AccessChange) -> dict[str, object]:
    """What changes for somebody."""
    return {
        "subject": change.subject,
        "actions": list(change.actions),
        "repository": change.repository,
        "ref": change.ref,
        "path": change.path,
        "before": change.before.name.lower(),
        "after": change.after.name.lower(),
        "users": list(change.users),
    }


def difference_lines(found: PolicyDifference) -> list[str]:
    """A difference in words: who gains and loses what, then the rules that come and go."""
    lines = [_access_line(one) for one in found.access]
    if not lines:
        lines.append("nobody gains or loses anything")
    if not found.complete:
        lines.append("(for those whom rules name, and without parts of places: there is too much to ask for each)")
    lines += [f"+ {_rule_line(rule)}" for rule in found.added]
    lines += [f"- {_rule_line(rule)}" for rule in found.removed]
    return lines


def _access_line(change: AccessChange) -> str:
    who = change.subject
    if change.users:
        who += f" ({', '.join(change.users)})"
    same = "but " if change.before is change.after else ""
    repository = f" of {change.repository}" if any(sign in change.repository for sign in "*?[") else ""
    place = change.ref if change.path == "**" else f"{change.ref}:{change.path}"
    where = "everywhere" if place == "*" else f"on {place}"
    return escaped(f"{same}{who} {_WORDS[change.before, change.after]} {', '.join(change.actions)} {where}{repository}")


def _rule_line(rule: Rule) -> str:
    may = rule.role or ",".join(rule.actions)
    condition = conditions_text(rule)
    text = f"{rule.effect.name.lower()} {who_of(rule)} {may} on {rule.repository}:{rule.ref}:{rule.path}"
    return escaped(f"{text} ({condition})" if condition else text)


def _set_value(done: PolicySet, repository: str) -> dict[str, object]:
    return {
        "repository": repository or None,
        "version": done.version,
        "before": done.before,
        "added": done.added,
        "removed": done.removed,
        "kept": done.kept,
        "tests": done.tests,
        "others": list(done.others),
    }


def _set_line(done: PolicySet, repository: str) -> str:
    what = f"the policy of {escaped(repository) if repository else 'the server'}"
    if not (done.added or done.removed or done.others):
        return f"{what} says this already: version {done.before}"
    parts = [f"{count(done.added, 'rule')} more, {done.removed} fewer, {done.kept} as before", *done.others]
    return f"{what}, version {done.version}: {'; '.join(map(escaped, parts))}; {count(done.tests, 'test')} passed"


def _split(names: tuple[str, ...], command: str, *, server_wide: bool, file: bool | None) -> tuple[str, str | None]:
    """The repository ('' with --server) and the name of a file; `file` None: it may be left out.

    Raises: UsageError.
    """
    rest = names if server_wide else names[1:]
    most = 0 if file is False else 1
    if (not server_wide and not names) or len(rest) > most or (file and not rest):
        shown = " FILE" if file else " [FILE]" if file is None else ""
        lacks = "No repository was named." if not (server_wide or names) else "No document was named."
        raise UsageError(
            lacks if len(rest) <= most else f"'{rest[most]}' is one name too many.",
            advice=f"Write: mlv {command} {'--server' if server_wide else 'REPO'}{shown}",
        )
    return "" if server_wide else names[0], rest[0] if rest else None
