"""Help on verbs, and the completion scripts of shells."""

from __future__ import annotations

import os

import click

from mlv.cli.output import escaped, table
from mlv.cli.running import Run, verb
from mlv_core.errors import NotFound


@verb(name="help")
@click.argument("words", nargs=-1, metavar="[VERB]...")
@click.option("--from", "tool", type=click.Choice(["p4", "svn", "git"]), help="VERB is one of this tool: the mlv way.")
def help_(run: Run, words: tuple[str, ...], *, tool: str | None) -> None:
    """Show all verbs, or how one is used; with --from, what does here what VERB does there."""
    if tool is not None:
        _from(run, tool, words)
        return
    root = click.get_current_context().find_root()
    context, command = root, root.command
    for word in words:
        found = command.get_command(context, word) if isinstance(command, click.Group) else None
        if found is None:
            raise NotFound(f"There is no verb '{' '.join(words)}'.", advice="'mlv help' lists all verbs.")
        context = click.Context(found, info_name=found.name, parent=context)
        command = found
    text = command.get_help(context)
    run.result({"help": text}, text.splitlines())


def _from(run: Run, tool: str, words: tuple[str, ...]) -> None:
    """What answers a verb of another tool, or all of them."""
    import difflib

    from mlv.cli.foreign import SHORT, TOOLS

    answers = TOOLS[tool]
    if words:
        name = SHORT[tool].get(words[0], words[0])
        if name not in answers:
            near = difflib.get_close_matches(name, [*answers, *SHORT[tool]], n=3)
            hint = f"Did you mean {' or '.join(near)}?" if near else f"'mlv help --from {tool}' lists all."
            raise NotFound(f"{tool} {escaped(words[0])} has no answer here.", advice=hint)
        answers = {name: answers[name]}
    value = [{"verb": verb, "command": one.command, "note": one.note} for verb, one in answers.items()]
    rows = [(f"{tool} {verb}", one.command, one.note) for verb, one in answers.items()]
    run.result({"tool": tool, "verbs": value}, table(rows))


@verb()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]), default=None, required=False)
def completion(run: Run, shell: str | None) -> None:
    """Print the completion script; put it where your shell reads its own.

    bash: eval "$(mlv completion bash)" in ~/.bashrc. zsh: the same in ~/.zshrc. fish: mlv completion fish | source.
    """
    from click.shell_completion import get_completion_class

    name = shell or os.path.basename(os.environ.get("SHELL", "bash"))
    kind = get_completion_class(name)
    if kind is None:
        raise NotFound(f"There is no completion for '{name}'.", advice="Choose bash, zsh or fish.")
    root = click.get_current_context().find_root().command
    text = _source(kind, root)
    run.result({"shell": name, "script": text}, text.splitlines())


def _source(kind: type, root: click.Command) -> str:
    """The script itself; click's bash check of the shell's version would run a program, and is left out."""
    import warnings

    complete = kind(root, {}, "mlv", "_MLV_COMPLETE")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        script: str = complete.source_template % complete.source_vars()
    return script
