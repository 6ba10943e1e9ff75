"""Make a workspace, and go from branch to branch."""

from __future__ import annotations

import json
import os
import uuid

from mlv.actions import connecting
from mlv.actions.basetexts import keep_base_texts
from mlv.actions.context import Context
from mlv.actions.recovering import recover
from mlv.actions.update import Updated, Wish, bring
from mlv.workspace import layout
from mlv.workspace.opened import Workspace
from mlv_core.errors import LocalChanges, UsageError
from mlv_core.ids import RemoteAddress, RepositoryName, Revision, escape, fold, split_at_revision


def read_target(text: str) -> tuple[str | None, str, Revision | None]:
    """(server's address, repository, revision) of `REPO[@REV]` or `mlv://host:port/ns/repo[@rev]`.

    Raises: InvalidName, InvalidRevision, UsageError.
    """
    if "://" in text:
        found = RemoteAddress.parse(text)
        if found.repository is None or found.path:
            raise UsageError(f"'{escape(text)}' names no repository.", advice="Write mlv://HOST:PORT/namespace/name.")
        return str(found.server), str(found.repository), found.revision
    name, revision = split_at_revision(text)
    return None, str(RepositoryName.parse(name)), revision


def checkout(
    context: Context,
    target: str,
    directory: str | None = None,
    *,
    branch: str = "",
    only: tuple[str, ...] = (),
    exclude: tuple[str, ...] = (),
    adopt: bool = False,
    dry_run: bool = False,
) -> tuple[str, Updated]:
    """A new workspace of `target` (REPO[@REV] or an address) in `directory` (default: the repository's name).

    `only` and `exclude` are globs of a sparse workspace. With `adopt` the directory may hold files already: equal
    ones are taken, others become local changes. Gives the workspace's root and what was brought.
    Raises: NotFound, LocalChanges, UsageError, and those of the connection.
    """
    address, repository, revision = read_target(target)
    address = address or connecting.default_address()
    name = RepositoryName.parse(repository)
    root = os.path.join(context.directory, directory or name.name)
    if os.path.exists(root) and not os.path.isdir(root):
        raise UsageError(f"'{escape(root)}' is no directory.", advice="Choose another one.")
    begun = _begun(root, address, repository, context)
    if os.path.isdir(root) and begun is None and not adopt and not layout.is_vacant(root):
        raise LocalChanges(
            f"'{escape(root)}' is not empty.", advice="Choose another directory, or --adopt to take the files in it."
        )
    server = context.server(address)
    wanted = str(revision)[1:] if revision is not None else branch or "main"
    number, found = server.resolve(name, wanted, branch or "main")
    branch = branch or found or "main"
    if dry_run:
        return root, Updated(branch, 0, int(number))
    os.makedirs(root, exist_ok=True)
    settings = {
        "workspace": str(uuid.uuid4()),
        "repository": repository,
        "server": address,
        "branch": branch,
        "base": "0",
        "only": json.dumps(list(only)),
        "exclude": json.dumps(list(exclude)),
        "properties": "{}",
    }
    own = Context(root, context.timeout_seconds, context.notice, context.progress, credentials=context.credentials)
    own.use(begun or Workspace.create(root, settings))
    try:
        if begun is not None:
            begun.restart(branch, only=settings["only"], exclude=settings["exclude"])
        brought = bring(own, Wish(int(number), branch, adopt=adopt))
        if adopt:
            keep_base_texts(own)
        if (only or exclude) and number and not own.workspace.state.files():
            context.notice(f"No file of @{number} is left by --only and --exclude: the workspace is empty.")
        return own.workspace.layout.root, brought
    finally:
        own.close()


def _begun(root: str, address: str, repository: str, context: Context) -> Workspace | None:
    """The workspace of a checkout that was interrupted in `root`: the same command again goes on with it."""
    if not layout.is_workspace(root):
        return None
    found = Workspace.open(root, context.notice)
    same = (found.server, found.repository, found.base) == (address, repository, 0)
    if same and found.layout.root == os.path.realpath(root) and not found.state.files():
        return found
    found.close()
    return None


def switch(context: Context, branch: str, *, dry_run: bool = False) -> Updated:
    """Go to the head of `branch`; local changes stay, or everything is refused when they touch what differs there.

    Raises: NotFound, LocalChanges, and those of the connection.
    """
    recover(context)
    workspace = context.workspace
    repository = RepositoryName.parse(workspace.repository)
    found = {item.name: item for item in context.server().list_branches(repository)}
    if branch not in found:
        from mlv_core.errors import NotFound

        near = next((name for name in found if fold(name) == fold(branch)), "")
        advice = f"Did you mean '{escape(near)}'?" if near else f"'mlv branch {escape(branch)}' makes it."
        raise NotFound(f"There is no branch '{escape(branch)}'.", advice=advice)
    return bring(context, Wish(int(found[branch].head), branch, strict=True, dry_run=dry_run))
