"""mlv policy."""

from __future__ import annotations

import click

from mlv.actions import people, policies
from mlv.cli.commands.policy_documents import policy_diff, policy_history, policy_set, policy_test, rule_table
from mlv.cli.output import count, escaped
from mlv.cli.running import Family, Run, verb
from mlv.cli.values import rule_value
from mlv_core.explaining import Explanation, Weight

_WEIGHTS = {
    Weight.DECIDES: "decides",
    Weight.AGREES: "says the same",
    Weight.LOSES: "loses",
    Weight.NARROWER: "forbids a part of it",
    Weight.CONDITIONAL: "has conditions",
    Weight.EXPIRED: "has expired",
    Weight.REQUIRES: "asks for approvals",
    Weight.MET: "asks for what is met",
}


@verb(writes=True, name="grant")
@click.argument("role")
@click.argument("user", metavar="NAME")
@click.argument("repository", metavar="REPO")
def policy_grant(run: Run, role: str, user: str, repository: str) -> None:
    """Give the user NAME a role on REPO: reader, contributor, releaser, maintainer or admin."""
    rule = people.grant(run.context, role, user, repository, dry_run=run.dry_run)
    text = f"{run.tell_dry()}{escaped(user)} is {escaped(role)} of {escaped(repository)}"
    run.done({**rule_value(rule), "dry_run": run.dry_run}, [text])


@verb(writes=True, name="revoke")
@click.argument("role")
@click.argument("user", metavar="NAME")
@click.argument("repository", metavar="REPO")
def policy_revoke(run: Run, role: str, user: str, repository: str) -> None:
    """Take a role back."""
    removed = people.revoke(run.context, role, user, repository, dry_run=run.dry_run)
    run.done({"removed": removed, "dry_run": run.dry_run}, [f"{run.tell_dry()}{count(removed, 'rule')} removed"])


@verb(name="show")
@click.argument("repository", required=False, metavar="[REPO]")
@click.option(
    "--toml", "as_toml", is_flag=True, help="The document that 'mlv policy set' takes; the server's without REPO."
)
@click.option("--version", "version", type=click.IntRange(0), metavar="N", help="As it was in version N.")
def policy_show(run: Run, repository: str | None, *, as_toml: bool, version: int | None) -> None:
    """Show the rules that speak of REPO, or all of the server.

    --toml prints the policy of REPO, or the server's own without REPO, as a document: its rules, rules about locks and
    tests, in an order that is always the same, without the comments of whoever wrote it. --version shows the
    document's rules as they were.
    """
    if as_toml:
        text, number = policies.document(run.context, repository or "", version)
        run.result({"version": number, "document": text}, text.splitlines())
        return
    rules, number = people.show_policy(run.context, repository, version)
    value = {"version": number, "rules": [rule_value(rule) for rule in rules]}
    run.result(value, [*rule_table(rules), f"version {number}"])


@verb(name="explain")
@click.argument("user", metavar="USER")
@click.argument("action", metavar="ACTION")
@click.argument("place", metavar="REPO[:BRANCH][:PATH]")
@click.option("--from", "address", default="", metavar="ADDR", help="As if the call came from this address.")
def policy_explain(run: Run, user: str, action: str, place: str, address: str) -> None:
    """Say whether USER may do ACTION, which rule decides, and which others were weighed.

    Instead of a branch, label/NAME or env/NAME may stand; without it the question is about any branch, and without a
    path about any path. Asked about yourself, the scope of your token counts too.
    """
    found = people.explain_policy(run.context, user, action, place, address)
    word = "may" if found.allowed else "may not"
    lines = [f"{escaped(found.user)} {word} '{escaped(action)}' on {escaped(place)}: {escaped(found.reason)}"]
    if found.scope:
        lines.append(f"the scope of your token: {escaped(', '.join(found.scope))}")
    weights = [_WEIGHTS[one.weight] for one in found.rules]
    rows = rule_table([one.rule for one in found.rules], weights) if weights else []
    run.result(_explanation_value(found, action, place), [*lines, *rows])


policy = Family(
    "policy",
    "Who may do what, and why.",
    {
        "grant": policy_grant,
        "revoke": policy_revoke,
        "show": policy_show,
        "explain": policy_explain,
        "set": policy_set,
        "test": policy_test,
        "diff": policy_diff,
        "history": policy_history,
    },
)


def _explanation_value(found: Explanation, action: str, place: str) -> dict[str, object]:
    return {
        "user": found.user,
        "action": action,
        "place": place,
        "allowed": found.allowed,
        "rule": found.rule,
        "reason": found.reason,
        "scope": list(found.scope),
        "rules": [{**rule_value(one.rule), "weight": one.weight.name.lower()} for one in found.rules],
    }
