"""Help on verbs, and the completion scripts of shells."""

from __future__ import annotations

import os

import click

from mlv.cli.running import Run, verb
from mlv_core.errors import NotFound


@verb(name="help")
@click.argument("words", nargs=-1, metavar="[VERB]...")
def help_(run: Run, words: tuple[str, ...]) -> None:
    """Show all verbs, or how one is used."""
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
