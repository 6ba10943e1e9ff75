"""Calls about repositories, branches, labels, workspaces and locks."""

from __future__ import annotations

from mlv.remote.channel import CALL_SECONDS, LONG_CALL_SECONDS, Channel
from mlv_core.entities import Branch, BranchKind, Label, Lock, Repository, Workspace
from mlv_core.ids import ChangesetNumber, RepositoryName, WorkspaceId
from mlv_core.requests import AcquireOutcome, AcquireRequest, ReleaseRequest
from mlv_proto.convert.locks import lock_from_wire
from mlv_proto.convert.repositories import repository_from_wire
from mlv_proto.convert.slices import ACQUIRE, ACQUIRED, RELEASE, Gathering
from mlv_proto.convert.values import branch_from_wire, branch_kind_to_wire, label_from_wire, workspace_from_wire
from mlv_proto.v1 import locks_pb2
from mlv_proto.v1 import repositories_pb2 as pb


class RepositoryCalls:
    """A repository and what it owns. Every method raises what the server refuses with, and Unreachable."""

    _channel: Channel

    def create_repository(self, name: RepositoryName, description: str = "", *, dry_run: bool = False) -> Repository:
        """A new repository."""
        request = pb.CreateRepositoryRequest(repository=str(name), description=description, dry_run=dry_run)
        answer = self._channel.unary("RepositoriesService/CreateRepository", request, pb.CreateRepositoryResponse)
        return repository_from_wire(answer.repository)

    def list_repositories(self) -> tuple[Repository, ...]:
        """The repositories that the caller may list."""
        request = pb.ListRepositoriesRequest()
        parse = pb.ListRepositoriesResponse.FromString
        answers = self._channel.answers("RepositoriesService/ListRepositories", request, parse, seconds=CALL_SECONDS)
        return tuple(repository_from_wire(one) for answer in answers for one in answer.repositories)

    def get_repository(self, name: RepositoryName) -> Repository:
        """One repository with its sizes."""
        request = pb.GetRepositoryRequest(repository=str(name))
        answer = self._channel.unary("RepositoriesService/GetRepository", request, pb.GetRepositoryResponse)
        return repository_from_wire(answer.repository)

    def create_branch(
        self,
        repository: RepositoryName,
        name: str,
        kind: BranchKind | None = None,
        at: str = "",
        target: str = "",
        *,
        dry_run: bool = False,
    ) -> Branch:
        """A new branch at revision `at`, which merges into `target`."""
        request = pb.CreateBranchRequest(
            repository=str(repository),
            name=name,
            kind=None if kind is None else branch_kind_to_wire(kind),
            at=at,
            target=target,
            dry_run=dry_run,
        )
        answer = self._channel.unary("BranchesService/CreateBranch", request, pb.CreateBranchResponse)
        return branch_from_wire(answer.branch)

    def list_branches(self, repository: RepositoryName) -> tuple[Branch, ...]:
        """The branches of a repository."""
        request = pb.ListBranchesRequest(repository=str(repository))
        parse = pb.ListBranchesResponse.FromString
        answers = self._channel.answers("BranchesService/ListBranches", request, parse, seconds=CALL_SECONDS)
        return tuple(branch_from_wire(branch) for answer in answers for branch in answer.branches)

    def create_label(
        self, repository: RepositoryName, name: str, at: str = "", message: str = "", *, dry_run: bool = False
    ) -> Label:
        """A new label on revision `at`."""
        request = pb.CreateLabelRequest(repository=str(repository), name=name, at=at, message=message, dry_run=dry_run)
        answer = self._channel.unary("LabelsService/CreateLabel", request, pb.CreateLabelResponse)
        return label_from_wire(answer.label)

    def list_labels(self, repository: RepositoryName) -> tuple[Label, ...]:
        """The labels of a repository."""
        request = pb.ListLabelsRequest(repository=str(repository))
        parse = pb.ListLabelsResponse.FromString
        answers = self._channel.answers("LabelsService/ListLabels", request, parse, seconds=CALL_SECONDS)
        return tuple(label_from_wire(label) for answer in answers for label in answer.labels)

    def register_workspace(
        self,
        repository: RepositoryName,
        identifier: WorkspaceId,
        host: str,
        directory: str,
        branch: str,
        base: ChangesetNumber,
    ) -> Workspace:
        """Tell the server of a workspace, or where it stands now."""
        request = pb.RegisterWorkspaceRequest(
            repository=str(repository), id=identifier, host=host, directory=directory, branch=branch, base=base
        )
        answer = self._channel.unary("WorkspacesService/RegisterWorkspace", request, pb.RegisterWorkspaceResponse)
        return workspace_from_wire(answer.workspace)

    def list_workspaces(self, repository: RepositoryName) -> tuple[Workspace, ...]:
        """The registered workspaces of a repository."""
        request = pb.ListWorkspacesRequest(repository=str(repository))
        parse = pb.ListWorkspacesResponse.FromString
        answers = self._channel.answers("WorkspacesService/ListWorkspaces", request, parse, seconds=CALL_SECONDS)
        return tuple(workspace_from_wire(one) for answer in answers for one in answer.workspaces)

    def remove_workspace(self, repository: RepositoryName, identifier: WorkspaceId) -> int:
        """Forget a workspace; how many locks were released."""
        request = pb.RemoveWorkspaceRequest(repository=str(repository), id=identifier)
        return self._channel.unary(
            "WorkspacesService/RemoveWorkspace", request, pb.RemoveWorkspaceResponse
        ).locks_released

    def acquire_locks(self, request: AcquireRequest) -> AcquireOutcome:
        """All locks of the request or none (L6)."""
        parse = locks_pb2.AcquireLocksResponse.FromString
        gathering = Gathering(ACQUIRED)
        for answer in self._channel.exchange("LocksService/AcquireLocks", lambda: ACQUIRE.cut(request), parse):
            gathering.add(answer)
        return gathering.whole()

    def release_locks(self, request: ReleaseRequest) -> tuple[Lock, ...]:
        """Give up locks; those that went."""
        parse = locks_pb2.ReleaseLocksResponse.FromString
        answers = self._channel.exchange("LocksService/ReleaseLocks", lambda: RELEASE.cut(request), parse)
        return tuple(lock_from_wire(lock) for answer in answers for lock in answer.released)

    def renew_locks(self, repository: RepositoryName, workspace: WorkspaceId) -> tuple[Lock, ...]:
        """Renew the leases of a workspace's locks; all of them (L8)."""
        request = locks_pb2.RenewLocksRequest(repository=str(repository), workspace=workspace)
        parse = locks_pb2.RenewLocksResponse.FromString
        answers = self._channel.answers("LocksService/RenewLocks", request, parse, seconds=LONG_CALL_SECONDS)
        return tuple(lock_from_wire(lock) for answer in answers for lock in answer.locks)

    def list_locks(
        self, repository: RepositoryName, branch: str = "", paths: tuple[str, ...] = (), owner: str = ""
    ) -> tuple[Lock, ...]:
        """The locks of a repository."""
        request = locks_pb2.ListLocksRequest(repository=str(repository), branch=branch, paths=paths, owner=owner)
        parse = locks_pb2.ListLocksResponse.FromString
        answers = self._channel.answers("LocksService/ListLocks", request, parse, seconds=LONG_CALL_SECONDS)
        return tuple(lock_from_wire(lock) for answer in answers for lock in answer.locks)
