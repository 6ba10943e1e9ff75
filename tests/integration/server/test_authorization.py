"""P4, P9: every method, every kind of caller, every kind of object: who is let in, who is refused, who is told nothing.

A method without a row here fails. What each needs is written down once more, apart from what the code declares.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import message_factory
from google.protobuf.descriptor import FieldDescriptor
from sqlalchemy import Engine, event
from tests.wire import METHODS

from mlv_core.entities import Effect, Rule, SubjectKind
from mlv_core.ids import RepositoryName
from mlv_proto.v1 import content_pb2, values_pb2
from mlv_server import app
from mlv_server.domain.policy import Principal
from mlv_server.metadata import migrations
from mlv_server.rpc import server as rpc
from mlv_server.services import identity, policy, repositories
from mlv_server.services.call import Call
from mlv_server.settings import load_settings

PUBLIC, SIGNED_IN, SERVER = "public", "signed in", "server"
"""Needs that are no action on a repository: none, any token, to be an admin of the server."""

NEEDS: dict[str, str] = {
    "ServerService.GetServer": PUBLIC,
    "IdentityService.WhoAmI": SIGNED_IN,
    "IdentityService.ExchangeToken": SIGNED_IN,
    "IdentityService.AddUser": SERVER,
    "IdentityService.ListUsers": SERVER,
    "IdentityService.DisableUser": SERVER,
    "IdentityService.CreateToken": SERVER,  # of another user
    "IdentityService.ListTokens": SERVER,  # of another user
    "IdentityService.RevokeToken": SIGNED_IN,
    "IdentityService.AddGroup": SERVER,
    "IdentityService.ListGroups": SERVER,
    "IdentityService.GetGroup": SERVER,
    "IdentityService.DeleteGroup": SERVER,
    "IdentityService.AddMembers": SERVER,
    "IdentityService.RemoveMembers": SERVER,
    "PolicyService.GrantRole": "policy.write",
    "PolicyService.RevokeRole": "policy.write",
    "PolicyService.ShowPolicy": "policy.read",
    "PolicyService.ExplainPolicy": "policy.read",  # about another user
    "PolicyService.GetPolicyDocument": "policy.read",
    "PolicyService.SetPolicy": "policy.write",
    "PolicyService.TestPolicy": "policy.read",
    "PolicyService.DiffPolicy": "policy.read",
    "PolicyService.ListPolicyVersions": "policy.read",
    "ApprovalsService.Approve": "read",
    "ApprovalsService.WithdrawApproval": "read",
    "ApprovalsService.ListApprovals": "meta.read",
    "RepositoriesService.CreateRepository": "admin",
    "RepositoriesService.ListRepositories": SIGNED_IN,
    "RepositoriesService.GetRepository": "list",
    "RepositoriesService.ListTemplates": SIGNED_IN,
    "BranchesService.CreateBranch": "branch.create",
    "BranchesService.ListBranches": "list",
    "BranchesService.SurveyBranches": "list",
    "BranchesService.AbandonBranch": "branch.delete",
    "BranchesService.ReopenBranch": "branch.delete",
    "LabelsService.CreateLabel": "label.create",
    "LabelsService.ListLabels": "list",
    "LabelsService.MoveLabel": "label.move",
    "LabelsService.DeleteLabel": "label.move",
    "LabelsService.ListLabelHistory": "list",
    "LabelsService.ReserveLabels": "admin",
    "LabelsService.ListReservations": "list",
    "FreezesService.SetFreeze": "freeze",
    "FreezesService.LiftFreeze": "freeze",
    "FreezesService.ListFreezes": "list",
    "WorkspacesService.RegisterWorkspace": "read",
    "WorkspacesService.ListWorkspaces": "list",
    "WorkspacesService.RemoveWorkspace": "read",
    "LocksService.AcquireLocks": "open",
    "LocksService.ReleaseLocks": "open",
    "LocksService.ListLocks": "list",
    "LocksService.RenewLocks": "open",
    "LockRequestsService.AskForLocks": "open",
    "LockRequestsService.WithdrawLockRequest": "open",
    "LockRequestsService.AnswerLockRequest": "open",
    "LockRequestsService.ListLockRequests": "list",
    "HistoryService.ResolveRevision": "meta.read",
    "HistoryService.GetChangeset": "meta.read",
    "HistoryService.ListChangesets": "meta.read",
    "HistoryService.ListFiles": "meta.read",
    "HistoryService.DiffVersions": "meta.read",
    "CommitsService.Begin": "write",
    "CommitsService.FindMissing": "open",  # a shelf brings content as a commit does
    "CommitsService.Publish": "write",
    "CommitsService.Undo": "write",
    "CommitsService.GetOutcome": "write",
    "MergesService.Merge": "merge",
    "ShelvesService.Shelve": "open",
    "ShelvesService.GetShelveOutcome": "open",
    "ShelvesService.ListShelves": "list",
    "ShelvesService.GetShelf": "read",
    "ShelvesService.PlanShelf": "read",
    "ShelvesService.DeleteShelf": "list",  # one's own
    "NoticesService.ListNotices": "list",
    "AuditService.QueryAudit": "audit.read",
    "AuditService.VerifyAudit": "audit.read",
    "EventsService.WatchEvents": "list",
    "WebhooksService.AddWebhook": "admin",
    "WebhooksService.ListWebhooks": "admin",
    "WebhooksService.DeleteWebhook": "admin",
    "WebhooksService.PauseWebhook": "admin",
    "WebhooksService.ResumeWebhook": "admin",
    "WebhooksService.RotateWebhook": "admin",
    "WebhooksService.ListDeliveries": "admin",
    "WebhooksService.SendToWebhook": "admin",
    "ChecksService.AddCheck": "admin",
    "ChecksService.ListChecks": "admin",
    "ChecksService.DeleteCheck": "admin",
    "ChecksService.RotateCheck": "admin",
    "ChecksService.TestCheck": "admin",
    "ContentService.PutPack": "open",  # a shelf brings content as a commit does
    "ContentService.GetRanges": "read",
    "ContentService.PlanDownload": "read",
}
"""What each method needs, by its name without the package: an action on its repository, or one of the above."""

_READS = {"list", "read", "meta.read"}
_CONTRIBUTES = _READS | {"open", "write", "merge", "branch.create"}
ROLES: dict[str, set[str] | None] = {
    "anonymous": None,
    "stranger": set(),
    "reader": _READS,
    "contributor": _CONTRIBUTES,
    "releaser": _READS | {"label.create"},
    "maintainer": _CONTRIBUTES | {"lock.break", "label.create", "branch.delete", "freeze"},
    "admin": set(NEEDS.values()) - {PUBLIC, SIGNED_IN, SERVER},
    "scoped": {"list", "meta.read"},
    "root": set(NEEDS.values()) - {PUBLIC, SIGNED_IN},
}
"""What each caller may do on their own repository; `scoped` is a maintainer by a token for two actions, `root` an admin
of the server. None: nobody is signed in.
"""
OWN, FOREIGN, HIDDEN, ABSENT = "own/model", "foreign/model", "hidden/model", "nobody/model"
"""Repositories: one of the caller's role, one that everybody may list, one that is closed, one that is not there."""
FIELDS = {
    "branch": "main", "name": "v1", "at": "@1", "revision": "@1", "changeset": 1, "to": 1, "target": 1, "base": 1,
    "role": "reader", "user": "somebody", "id": "w", "workspace": "w", "request_id": "r", "page_size": 10,
    "paths": ["a.txt"], "action": "read", "dry_run": True, "members": ["somebody"], "source": "main",
    "reason": "because", "shelf": "s", "webhook": "h", "check": "c",
}  # fmt: skip
"""What a well-formed request would say, where a method has such a field."""


KINDS: dict[int, type] = {FieldDescriptor.TYPE_STRING: str, FieldDescriptor.TYPE_BOOL: bool}


@dataclass(frozen=True)
class Said:
    """What a method said, and how many statements the database ran for it."""

    status: str
    code: str
    message: str
    advice: str
    items: tuple[str, ...]
    trailers: tuple[str, ...]
    answers: tuple[bytes, ...]
    statements: int = 0


class Served:
    """A server in this process, on a loopback port, with one caller for each role."""

    def __init__(self, folder: Path) -> None:
        file = folder / "mlv-server.toml"
        file.write_text("[server]\nplaintext = true\nlisten = '127.0.0.1:0'\n")
        self.settings = replace(load_settings(file, {}), host="127.0.0.1", port=0)
        self.tokens: dict[str, str] = {}
        self.statements = 0
        self._ready = threading.Event()
        self._stop: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))

    def start(self) -> None:
        migrations.upgrade(self.settings.database_url)
        event.listen(Engine, "connect", self._trace)
        self._thread.start()
        assert self._ready.wait(60)
        self.channel = grpc.insecure_channel(f"127.0.0.1:{self.port}")

    def stop(self) -> None:
        self.channel.close()
        assert self._loop is not None
        assert self._stop is not None
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(60)
        event.remove(Engine, "connect", self._trace)

    def _trace(self, connection: Any, _: object) -> None:
        def count(_: str) -> None:
            self.statements += 1

        connection.set_trace_callback(count)

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        async with app.open_parts(self.settings) as parts:
            await self._people(parts)
            server, _ = await rpc.build(parts)
            self.port = rpc.listen(server, self.settings)
            await server.start()
            self._ready.set()
            await self._stop.wait()
            parts.db.bells.close()
            await server.stop(0)

    async def _people(self, parts: Any) -> None:
        def host() -> Call:
            now, fresh = parts.clock.now(), bytes(32)
            self._made = getattr(self, "_made", 0) + 1
            return Call(
                Principal.host(), f"r{self._made}", now, self._made.to_bytes(32, "big") or fresh, "host", parts.db,
                parts.store, parts.background, parts.settings, parts.outgoing,
            )  # fmt: skip

        for name in (OWN, FOREIGN, HIDDEN):
            await repositories.create(host(), RepositoryName.parse(name), "", dry_run=False)
        await identity.add_user(host(), "somebody", server_admin=False, dry_run=False)
        for role in ROLES:
            if role == "anonymous":
                continue
            _, self.tokens[role] = await identity.add_user(host(), role, role == "root", dry_run=False)
            given = {"stranger": "", "root": "", "scoped": "maintainer"}.get(role, role)
            if given:
                await policy.grant(host(), OWN, given, role, dry_run=False)
        scope = ("list", "meta.read")
        self.tokens["scoped"], _ = await identity.create_token(host(), "scoped", "", scope, 3600, dry_run=False)
        everybody = Rule(0, Effect.ALLOW, SubjectKind.EVERYBODY, "", "", ("list",), FOREIGN)
        await parts.db.write(lambda tx: tx.rules.change((everybody,), (), "test", 0))

    def ask(self, role: str, method: str, repository: str) -> Said:
        """What the method says to `role` about `repository`, whose name is taken out of the answer."""
        descriptor = METHODS[f"mlv.v1.{method}"]
        metadata = (("mlv-repository", repository),)
        if role in self.tokens:
            metadata += (("authorization", f"Bearer {self.tokens[role]}"),)
        request = request_for(descriptor, repository)
        before = self.statements
        status, details, trailing, answers = self._send(descriptor, request, metadata)
        error = values_pb2.ErrorDetail()
        for key, value in trailing:
            if key == "mlv-error-bin":
                error.ParseFromString(value)
        return Said(
            status,
            error.code,
            details.replace(repository, "REPO"),
            error.advice.replace(repository, "REPO"),
            tuple(item.replace(repository, "REPO") for item in error.items),
            tuple(sorted(key for key, _ in trailing)),
            tuple(answers) if status != "OK" else (),
            self.statements - before,
        )

    def _send(self, descriptor: Any, request: bytes, metadata: Any) -> tuple[str, str, Any, list[bytes]]:
        path = f"/{descriptor.containing_service.full_name}/{descriptor.name}"
        kinds = {
            (False, False): self.channel.unary_unary,
            (False, True): self.channel.unary_stream,
            (True, False): self.channel.stream_unary,
            (True, True): self.channel.stream_stream,
        }
        make = kinds[descriptor.client_streaming, descriptor.server_streaming](path, None, None)
        given = iter([request]) if descriptor.client_streaming else request
        try:
            got = make(given, metadata=metadata, timeout=60)
            return "OK", "", (), list(got) if descriptor.server_streaming else [got]
        except grpc.RpcError as error:
            return error.code().name, error.details() or "", error.trailing_metadata() or (), []


def request_for(descriptor: Any, repository: str) -> bytes:
    """A request about `repository` whose other fields say what a well-formed one might."""
    if descriptor.input_type.name == "Chunk":
        return content_pb2.Chunk(data=b"MLVP" + bytes(100)).SerializeToString()
    request = message_factory.GetMessageClass(descriptor.input_type)()
    for name, field in descriptor.input_type.fields_by_name.items():
        value = repository if name == "repository" else FIELDS.get(name)
        if value is None or isinstance(value, list) is not field.is_repeated:
            continue
        if isinstance(value, list):
            getattr(request, name).extend(value)
        elif KINDS.get(field.type, int) is type(value) and field.message_type is None:
            setattr(request, name, value)
    return request.SerializeToString()


def names_repository(method: str) -> bool:
    descriptor = METHODS[f"mlv.v1.{method}"]
    return descriptor.input_type.name == "Chunk" or "repository" in descriptor.input_type.fields_by_name


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    made = Served(tmp_path_factory.mktemp("server"))
    made.start()
    try:
        yield made
    finally:
        made.stop()


def test_P9_every_method_has_a_row() -> None:
    assert set(NEEDS) == {name.removeprefix("mlv.v1.") for name in METHODS}


@pytest.mark.parametrize("method", sorted(name for name in NEEDS if not names_repository(name)))
def test_P9_who_may_call_what_speaks_of_no_repository(served: Served, method: str) -> None:
    need = NEEDS[method]
    for role in ROLES:
        said = served.ask(role, method, OWN)
        if need == PUBLIC or (role != "anonymous" and (need == SIGNED_IN or role == "root")):
            assert said.code not in {"DENIED", "NOT_SIGNED_IN", "INTERNAL"}, (role, said)
        else:
            assert said.code == ("NOT_SIGNED_IN" if role == "anonymous" else "DENIED"), (role, said)


@pytest.mark.parametrize("method", sorted(filter(names_repository, NEEDS)))
def test_P4_P9_who_may_call_what_on_which_repository(served: Served, method: str) -> None:
    need = NEEDS[method]
    makes = method == "RepositoriesService.CreateRepository"
    for role, own in ROLES.items():
        may = {OWN: own or set(), FOREIGN: {"list"}, HIDDEN: set(), ABSENT: set()}
        for repository in (OWN, FOREIGN, HIDDEN, ABSENT):
            said = served.ask(role, method, repository)
            shown = (role, repository, said)
            if role == "anonymous":
                assert said.code == "NOT_SIGNED_IN", shown
            elif role == "root":
                assert said.code not in {"DENIED", "NOT_SIGNED_IN", "INTERNAL"}, shown
                assert ("There is no repository" in said.message) is (repository == ABSENT and not makes), shown
            elif repository in {HIDDEN, ABSENT} or (repository == OWN and not own):
                assert said.code == ("DENIED" if makes else "NOT_FOUND"), shown
                assert ("There is no repository 'REPO'" in said.message) is not makes, shown
            elif need in may[repository]:
                assert said.code not in {"DENIED", "NOT_SIGNED_IN", "INTERNAL"}, shown
                assert "There is no repository" not in said.message, shown
            else:
                assert said.code == "DENIED", shown


@pytest.mark.parametrize("method", sorted(filter(names_repository, NEEDS)))
def test_P4_hidden_and_absent_are_told_alike_and_cost_the_database_the_same(served: Served, method: str) -> None:
    for role in ("stranger", "reader", "admin", "scoped"):
        served.ask(role, method, HIDDEN)  # what only a first call does is behind us
        hidden, absent = (served.ask(role, method, name) for name in (HIDDEN, ABSENT))
        assert hidden == absent
        assert hidden.statements > 0
