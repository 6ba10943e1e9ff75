"""Read history: revisions, logs, versions, files; with or without a workspace."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from dataclasses import replace

from mlv.actions.context import Context
from mlv.actions.recovering import recover
from mlv_core.deferred import dataclass
from mlv_core.entities import Change, Changeset
from mlv_core.errors import NotFound, UsageError
from mlv_core.ids import ChangesetNumber, RemoteAddress, RepositoryName, Revision, RevisionKind, escape
from mlv_core.ids import split_at_revision as split
from mlv_core.requests import FileRow, HistoryFilter, PlanRequest

PAGE = 200


@dataclass(frozen=True, slots=True)
class Place:
    """A path of a version somewhere: `server` None is the workspace's or the default one; `path` '' is everything."""

    server: str | None
    repository: RepositoryName
    path: str
    revision: Revision | None
    branch: str


def place_of(context: Context, text: str, repository: str | None = None) -> Place:
    """What `[mlv://.../ns/repo/]PATH[@REV]` means; `repository` (REPO[@REV]) stands for the workspace's.

    A commit of the workspace that was interrupted is ended first (C3). Raises: NotAWorkspace when neither names a
    repository; InvalidPath, InvalidRevision; those of the connection.
    """
    if "://" in text:
        found = RemoteAddress.parse(text)
        if found.repository is None:
            raise UsageError(f"'{escape(text)}' names no repository.", advice="Write mlv://HOST:PORT/ns/name/path@rev.")
        return Place(str(found.server), found.repository, found.path, found.revision, "main")
    path, revision = split(text)
    if repository is not None:
        from mlv.actions.checkout import read_target

        server, name, own = read_target(repository)
        return Place(server, RepositoryName.parse(name), path.strip("/"), revision or own, "main")
    recover(context)
    workspace = context.workspace
    inside = context.paths((path or ".",))[0] if path else ""
    return Place(None, RepositoryName.parse(workspace.repository), inside, revision, workspace.branch)


def number_of(context: Context, place: Place, revision: Revision | None) -> ChangesetNumber:
    """The changeset that a revision of the place's repository means; None: what the workspace has, else the head.

    Raises: NotFound, and those of the connection.
    """
    here = place.server is None and context.has_workspace() and str(place.repository) == context.workspace.repository
    if here and (revision is None or revision.kind is RevisionKind.HAVE):
        return ChangesetNumber(context.workspace.base)
    if revision is not None and revision.kind is RevisionKind.HAVE:
        raise UsageError("@have is the version of a workspace, and there is none here.", advice="Use @head.")
    text = "head" if revision is None else str(revision)[1:]
    try:
        return context.server(place.server).resolve(place.repository, text, place.branch)[0]
    except NotFound as error:
        file = f"{place.path}{revision}"
        if not here or not place.path or context.workspace.state.file(file) is None:
            raise
        advice = f"The file '{escape(file)}' is written with a final '@': '{escape(file)}@'."
        raise NotFound(error.message, advice=advice) from error


def log(context: Context, place: Place, wanted: HistoryFilter, limit: int) -> Iterator[Changeset]:
    """Changesets newest first, `limit` at most (0: all).

    Raises: those of the connection.
    """
    server = context.server(place.server)
    left = limit
    page = replace(wanted, path=place.path, page_size=min(PAGE, limit) if limit else PAGE)
    while True:
        found, before = server.list_changesets(place.repository, page)
        for changeset in found:
            yield changeset
            left -= 1
            if limit and not left:
                return
        if not before:
            return
        page = replace(page, before=before)


def show(context: Context, place: Place) -> tuple[Changeset, tuple[Change, ...]]:
    """One changeset and its change list.

    Raises: NotFound, and those of the connection.
    """
    number = number_of(context, place, place.revision)
    if not number:
        raise NotFound("There is no changeset yet.", advice="'mlv commit' makes the first.")
    return context.server(place.server).get_changeset(place.repository, number)


def list_files(context: Context, place: Place) -> tuple[ChangesetNumber, Iterator[FileRow]]:
    """The files of a version under the place's path, sorted.

    Raises: NotFound, and those of the connection.
    """
    number = number_of(context, place, place.revision)
    paths = (place.path,) if place.path else ()
    return number, context.server(place.server).list_files(place.repository, number, paths)


def read_file(context: Context, place: Place, number: ChangesetNumber | None = None) -> Iterator[bytes]:
    """The bytes of one file of a version, whole and verified before the first is given.

    Raises: NotFound, DamagedContent, and those of the connection.
    """
    at = number_of(context, place, place.revision) if number is None else number
    with tempfile.TemporaryDirectory(prefix="mlv-", ignore_cleanup_errors=True) as folder:
        file = fetch_to(context, place, at, folder)
        with open(file, "rb") as stream:
            while block := stream.read(1 << 20):
                yield block


def fetch_to(context: Context, place: Place, number: ChangesetNumber, folder: str) -> str:
    """Bring one file of a version into `folder`; its name there.

    Raises: as `read_file`.
    """
    from mlv.actions.fetching import CODECS
    from mlv.transfer.download import download

    server = context.server(place.server)
    if not place.path or not number:
        raise NotFound(f"There is no '{escape(place.path)}' in @{number}.", advice="'mlv ls' lists the files.")
    request = PlanRequest(place.repository, ChangesetNumber(0), number, CODECS, (place.path,))
    parts = server.plan_download(request)
    for fetched in download(server, place.repository, parts, lambda _path: None, folder, context.progress):
        if fetched.change.change.path == place.path:
            return os.path.join(folder, fetched.file)
    raise NotFound(f"There is no file '{escape(place.path)}' in @{number}.", advice="'mlv ls' lists the files.")
