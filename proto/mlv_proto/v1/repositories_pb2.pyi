from mlv_proto.v1 import freezes_pb2 as _freezes_pb2
from mlv_proto.v1 import values_pb2 as _values_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class LabelAct(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    LABEL_ACT_UNSPECIFIED: _ClassVar[LabelAct]
    LABEL_ACT_CREATED: _ClassVar[LabelAct]
    LABEL_ACT_MOVED: _ClassVar[LabelAct]
    LABEL_ACT_DELETED: _ClassVar[LabelAct]
LABEL_ACT_UNSPECIFIED: LabelAct
LABEL_ACT_CREATED: LabelAct
LABEL_ACT_MOVED: LabelAct
LABEL_ACT_DELETED: LabelAct

class Repository(_message.Message):
    __slots__ = ("name", "description", "created_at", "created_by", "changesets", "stored_bytes", "cache_bytes", "raw_bytes")
    NAME_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    CREATED_BY_FIELD_NUMBER: _ClassVar[int]
    CHANGESETS_FIELD_NUMBER: _ClassVar[int]
    STORED_BYTES_FIELD_NUMBER: _ClassVar[int]
    CACHE_BYTES_FIELD_NUMBER: _ClassVar[int]
    RAW_BYTES_FIELD_NUMBER: _ClassVar[int]
    name: str
    description: str
    created_at: int
    created_by: str
    changesets: int
    stored_bytes: int
    cache_bytes: int
    raw_bytes: int
    def __init__(self, name: _Optional[str] = ..., description: _Optional[str] = ..., created_at: _Optional[int] = ..., created_by: _Optional[str] = ..., changesets: _Optional[int] = ..., stored_bytes: _Optional[int] = ..., cache_bytes: _Optional[int] = ..., raw_bytes: _Optional[int] = ...) -> None: ...

class CreateRepositoryRequest(_message.Message):
    __slots__ = ("repository", "description", "dry_run", "template")
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    DRY_RUN_FIELD_NUMBER: _ClassVar[int]
    TEMPLATE_FIELD_NUMBER: _ClassVar[int]
    repository: str
    description: str
    dry_run: bool
    template: str
    def __init__(self, repository: _Optional[str] = ..., description: _Optional[str] = ..., dry_run: bool = ..., template: _Optional[str] = ...) -> None: ...

class SetUp(_message.Message):
    __slots__ = ("kind", "name", "what")
    KIND_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    WHAT_FIELD_NUMBER: _ClassVar[int]
    kind: str
    name: str
    what: str
    def __init__(self, kind: _Optional[str] = ..., name: _Optional[str] = ..., what: _Optional[str] = ...) -> None: ...

class CreateRepositoryResponse(_message.Message):
    __slots__ = ("repository", "set_up")
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    SET_UP_FIELD_NUMBER: _ClassVar[int]
    repository: Repository
    set_up: _containers.RepeatedCompositeFieldContainer[SetUp]
    def __init__(self, repository: _Optional[_Union[Repository, _Mapping]] = ..., set_up: _Optional[_Iterable[_Union[SetUp, _Mapping]]] = ...) -> None: ...

class ListTemplatesRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Template(_message.Message):
    __slots__ = ("name", "summary")
    NAME_FIELD_NUMBER: _ClassVar[int]
    SUMMARY_FIELD_NUMBER: _ClassVar[int]
    name: str
    summary: str
    def __init__(self, name: _Optional[str] = ..., summary: _Optional[str] = ...) -> None: ...

class ListTemplatesResponse(_message.Message):
    __slots__ = ("templates",)
    TEMPLATES_FIELD_NUMBER: _ClassVar[int]
    templates: _containers.RepeatedCompositeFieldContainer[Template]
    def __init__(self, templates: _Optional[_Iterable[_Union[Template, _Mapping]]] = ...) -> None: ...

class ListRepositoriesRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListRepositoriesResponse(_message.Message):
    __slots__ = ("repositories",)
    REPOSITORIES_FIELD_NUMBER: _ClassVar[int]
    repositories: _containers.RepeatedCompositeFieldContainer[Repository]
    def __init__(self, repositories: _Optional[_Iterable[_Union[Repository, _Mapping]]] = ...) -> None: ...

class GetRepositoryRequest(_message.Message):
    __slots__ = ("repository",)
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    repository: str
    def __init__(self, repository: _Optional[str] = ...) -> None: ...

class GetRepositoryResponse(_message.Message):
    __slots__ = ("repository",)
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    repository: Repository
    def __init__(self, repository: _Optional[_Union[Repository, _Mapping]] = ...) -> None: ...

class CreateBranchRequest(_message.Message):
    __slots__ = ("repository", "name", "kind", "at", "target", "dry_run")
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    DRY_RUN_FIELD_NUMBER: _ClassVar[int]
    repository: str
    name: str
    kind: _values_pb2.BranchKind
    at: str
    target: str
    dry_run: bool
    def __init__(self, repository: _Optional[str] = ..., name: _Optional[str] = ..., kind: _Optional[_Union[_values_pb2.BranchKind, str]] = ..., at: _Optional[str] = ..., target: _Optional[str] = ..., dry_run: bool = ...) -> None: ...

class CreateBranchResponse(_message.Message):
    __slots__ = ("branch",)
    BRANCH_FIELD_NUMBER: _ClassVar[int]
    branch: _values_pb2.Branch
    def __init__(self, branch: _Optional[_Union[_values_pb2.Branch, _Mapping]] = ...) -> None: ...

class ListBranchesRequest(_message.Message):
    __slots__ = ("repository",)
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    repository: str
    def __init__(self, repository: _Optional[str] = ...) -> None: ...

class ListBranchesResponse(_message.Message):
    __slots__ = ("branches",)
    BRANCHES_FIELD_NUMBER: _ClassVar[int]
    branches: _containers.RepeatedCompositeFieldContainer[_values_pb2.Branch]
    def __init__(self, branches: _Optional[_Iterable[_Union[_values_pb2.Branch, _Mapping]]] = ...) -> None: ...

class SurveyBranchesRequest(_message.Message):
    __slots__ = ("repository", "abandoned")
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    ABANDONED_FIELD_NUMBER: _ClassVar[int]
    repository: str
    abandoned: bool
    def __init__(self, repository: _Optional[str] = ..., abandoned: bool = ...) -> None: ...

class BranchStanding(_message.Message):
    __slots__ = ("branch", "ahead", "behind", "author", "time", "message", "freezes")
    BRANCH_FIELD_NUMBER: _ClassVar[int]
    AHEAD_FIELD_NUMBER: _ClassVar[int]
    BEHIND_FIELD_NUMBER: _ClassVar[int]
    AUTHOR_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    FREEZES_FIELD_NUMBER: _ClassVar[int]
    branch: _values_pb2.Branch
    ahead: int
    behind: int
    author: str
    time: int
    message: str
    freezes: _containers.RepeatedCompositeFieldContainer[_freezes_pb2.Freeze]
    def __init__(self, branch: _Optional[_Union[_values_pb2.Branch, _Mapping]] = ..., ahead: _Optional[int] = ..., behind: _Optional[int] = ..., author: _Optional[str] = ..., time: _Optional[int] = ..., message: _Optional[str] = ..., freezes: _Optional[_Iterable[_Union[_freezes_pb2.Freeze, _Mapping]]] = ...) -> None: ...

class SurveyBranchesResponse(_message.Message):
    __slots__ = ("standings",)
    STANDINGS_FIELD_NUMBER: _ClassVar[int]
    standings: _containers.RepeatedCompositeFieldContainer[BranchStanding]
    def __init__(self, standings: _Optional[_Iterable[_Union[BranchStanding, _Mapping]]] = ...) -> None: ...

class AbandonBranchRequest(_message.Message):
    __slots__ = ("repository", "name", "reason", "dry_run")
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    DRY_RUN_FIELD_NUMBER: _ClassVar[int]
    repository: str
    name: str
    reason: str
    dry_run: bool
    def __init__(self, repository: _Optional[str] = ..., name: _Optional[str] = ..., reason: _Optional[str] = ..., dry_run: bool = ...) -> None: ...

class AbandonBranchResponse(_message.Message):
    __slots__ = ("branch", "locks_released")
    BRANCH_FIELD_NUMBER: _ClassVar[int]
    LOCKS_RELEASED_FIELD_NUMBER: _ClassVar[int]
    branch: _values_pb2.Branch
    locks_released: int
    def __init__(self, branch: _Optional[_Union[_values_pb2.Branch, _Mapping]] = ..., locks_released: _Optional[int] = ...) -> None: ...

class ReopenBranchRequest(_message.Message):
    __slots__ = ("repository", "name", "reason", "dry_run")
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    DRY_RUN_FIELD_NUMBER: _ClassVar[int]
    repository: str
    name: str
    reason: str
    dry_run: bool
    def __init__(self, repository: _Optional[str] = ..., name: _Optional[str] = ..., reason: _Optional[str] = ..., dry_run: bool = ...) -> None: ...

class ReopenBranchResponse(_message.Message):
    __slots__ = ("branch",)
    BRANCH_FIELD_NUMBER: _ClassVar[int]
    branch: _values_pb2.Branch
    def __init__(self, branch: _Optional[_Union[_values_pb2.Branch, _Mapping]] = ...) -> None: ...

class CreateLabelRequest(_message.Message):
    __slots__ = ("repository", "name", "at", "message", "dry_run")
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    DRY_RUN_FIELD_NUMBER: _ClassVar[int]
    repository: str
    name: str
    at: str
    message: str
    dry_run: bool
    def __init__(self, repository: _Optional[str] = ..., name: _Optional[str] = ..., at: _Optional[str] = ..., message: _Optional[str] = ..., dry_run: bool = ...) -> None: ...

class CreateLabelResponse(_message.Message):
    __slots__ = ("label",)
    LABEL_FIELD_NUMBER: _ClassVar[int]
    label: _values_pb2.Label
    def __init__(self, label: _Optional[_Union[_values_pb2.Label, _Mapping]] = ...) -> None: ...

class ListLabelsRequest(_message.Message):
    __slots__ = ("repository",)
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    repository: str
    def __init__(self, repository: _Optional[str] = ...) -> None: ...

class ListLabelsResponse(_message.Message):
    __slots__ = ("labels",)
    LABELS_FIELD_NUMBER: _ClassVar[int]
    labels: _containers.RepeatedCompositeFieldContainer[_values_pb2.Label]
    def __init__(self, labels: _Optional[_Iterable[_Union[_values_pb2.Label, _Mapping]]] = ...) -> None: ...

class MoveLabelRequest(_message.Message):
    __slots__ = ("repository", "name", "at", "reason", "dry_run")
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    DRY_RUN_FIELD_NUMBER: _ClassVar[int]
    repository: str
    name: str
    at: str
    reason: str
    dry_run: bool
    def __init__(self, repository: _Optional[str] = ..., name: _Optional[str] = ..., at: _Optional[str] = ..., reason: _Optional[str] = ..., dry_run: bool = ...) -> None: ...

class MoveLabelResponse(_message.Message):
    __slots__ = ("label",)
    LABEL_FIELD_NUMBER: _ClassVar[int]
    label: _values_pb2.Label
    def __init__(self, label: _Optional[_Union[_values_pb2.Label, _Mapping]] = ...) -> None: ...

class DeleteLabelRequest(_message.Message):
    __slots__ = ("repository", "name", "reason", "dry_run")
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    DRY_RUN_FIELD_NUMBER: _ClassVar[int]
    repository: str
    name: str
    reason: str
    dry_run: bool
    def __init__(self, repository: _Optional[str] = ..., name: _Optional[str] = ..., reason: _Optional[str] = ..., dry_run: bool = ...) -> None: ...

class DeleteLabelResponse(_message.Message):
    __slots__ = ("label",)
    LABEL_FIELD_NUMBER: _ClassVar[int]
    label: _values_pb2.Label
    def __init__(self, label: _Optional[_Union[_values_pb2.Label, _Mapping]] = ...) -> None: ...

class LabelEntry(_message.Message):
    __slots__ = ("name", "act", "changeset", "by", "time", "why")
    NAME_FIELD_NUMBER: _ClassVar[int]
    ACT_FIELD_NUMBER: _ClassVar[int]
    CHANGESET_FIELD_NUMBER: _ClassVar[int]
    BY_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    WHY_FIELD_NUMBER: _ClassVar[int]
    name: str
    act: LabelAct
    changeset: int
    by: str
    time: int
    why: str
    def __init__(self, name: _Optional[str] = ..., act: _Optional[_Union[LabelAct, str]] = ..., changeset: _Optional[int] = ..., by: _Optional[str] = ..., time: _Optional[int] = ..., why: _Optional[str] = ...) -> None: ...

class ListLabelHistoryRequest(_message.Message):
    __slots__ = ("repository", "name")
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    repository: str
    name: str
    def __init__(self, repository: _Optional[str] = ..., name: _Optional[str] = ...) -> None: ...

class ListLabelHistoryResponse(_message.Message):
    __slots__ = ("entries",)
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    entries: _containers.RepeatedCompositeFieldContainer[LabelEntry]
    def __init__(self, entries: _Optional[_Iterable[_Union[LabelEntry, _Mapping]]] = ...) -> None: ...

class ReserveLabelsRequest(_message.Message):
    __slots__ = ("repository", "pattern", "subjects", "dry_run")
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    PATTERN_FIELD_NUMBER: _ClassVar[int]
    SUBJECTS_FIELD_NUMBER: _ClassVar[int]
    DRY_RUN_FIELD_NUMBER: _ClassVar[int]
    repository: str
    pattern: str
    subjects: _containers.RepeatedScalarFieldContainer[str]
    dry_run: bool
    def __init__(self, repository: _Optional[str] = ..., pattern: _Optional[str] = ..., subjects: _Optional[_Iterable[str]] = ..., dry_run: bool = ...) -> None: ...

class Reservation(_message.Message):
    __slots__ = ("pattern", "subjects", "by", "time", "version")
    PATTERN_FIELD_NUMBER: _ClassVar[int]
    SUBJECTS_FIELD_NUMBER: _ClassVar[int]
    BY_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    pattern: str
    subjects: _containers.RepeatedScalarFieldContainer[str]
    by: str
    time: int
    version: int
    def __init__(self, pattern: _Optional[str] = ..., subjects: _Optional[_Iterable[str]] = ..., by: _Optional[str] = ..., time: _Optional[int] = ..., version: _Optional[int] = ...) -> None: ...

class ReserveLabelsResponse(_message.Message):
    __slots__ = ("reservation",)
    RESERVATION_FIELD_NUMBER: _ClassVar[int]
    reservation: Reservation
    def __init__(self, reservation: _Optional[_Union[Reservation, _Mapping]] = ...) -> None: ...

class ListReservationsRequest(_message.Message):
    __slots__ = ("repository",)
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    repository: str
    def __init__(self, repository: _Optional[str] = ...) -> None: ...

class ListReservationsResponse(_message.Message):
    __slots__ = ("reservations",)
    RESERVATIONS_FIELD_NUMBER: _ClassVar[int]
    reservations: _containers.RepeatedCompositeFieldContainer[Reservation]
    def __init__(self, reservations: _Optional[_Iterable[_Union[Reservation, _Mapping]]] = ...) -> None: ...

class RegisterWorkspaceRequest(_message.Message):
    __slots__ = ("repository", "id", "host", "directory", "branch", "base")
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    HOST_FIELD_NUMBER: _ClassVar[int]
    DIRECTORY_FIELD_NUMBER: _ClassVar[int]
    BRANCH_FIELD_NUMBER: _ClassVar[int]
    BASE_FIELD_NUMBER: _ClassVar[int]
    repository: str
    id: str
    host: str
    directory: str
    branch: str
    base: int
    def __init__(self, repository: _Optional[str] = ..., id: _Optional[str] = ..., host: _Optional[str] = ..., directory: _Optional[str] = ..., branch: _Optional[str] = ..., base: _Optional[int] = ...) -> None: ...

class RegisterWorkspaceResponse(_message.Message):
    __slots__ = ("workspace",)
    WORKSPACE_FIELD_NUMBER: _ClassVar[int]
    workspace: _values_pb2.Workspace
    def __init__(self, workspace: _Optional[_Union[_values_pb2.Workspace, _Mapping]] = ...) -> None: ...

class ListWorkspacesRequest(_message.Message):
    __slots__ = ("repository",)
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    repository: str
    def __init__(self, repository: _Optional[str] = ...) -> None: ...

class ListWorkspacesResponse(_message.Message):
    __slots__ = ("workspaces",)
    WORKSPACES_FIELD_NUMBER: _ClassVar[int]
    workspaces: _containers.RepeatedCompositeFieldContainer[_values_pb2.Workspace]
    def __init__(self, workspaces: _Optional[_Iterable[_Union[_values_pb2.Workspace, _Mapping]]] = ...) -> None: ...

class RemoveWorkspaceRequest(_message.Message):
    __slots__ = ("repository", "id")
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    repository: str
    id: str
    def __init__(self, repository: _Optional[str] = ..., id: _Optional[str] = ...) -> None: ...

class RemoveWorkspaceResponse(_message.Message):
    __slots__ = ("locks_released",)
    LOCKS_RELEASED_FIELD_NUMBER: _ClassVar[int]
    locks_released: int
    def __init__(self, locks_released: _Optional[int] = ...) -> None: ...
