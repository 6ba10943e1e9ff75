from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class FileMode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    FILE_MODE_UNSPECIFIED: _ClassVar[FileMode]
    FILE_MODE_REGULAR: _ClassVar[FileMode]
    FILE_MODE_EXECUTABLE: _ClassVar[FileMode]
    FILE_MODE_SYMLINK: _ClassVar[FileMode]

class Operation(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    OPERATION_UNSPECIFIED: _ClassVar[Operation]
    OPERATION_ADD: _ClassVar[Operation]
    OPERATION_MODIFY: _ClassVar[Operation]
    OPERATION_DELETE: _ClassVar[Operation]
    OPERATION_MOVE: _ClassVar[Operation]
    OPERATION_META: _ClassVar[Operation]

class DatasetRole(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DATASET_ROLE_UNSPECIFIED: _ClassVar[DatasetRole]
    DATASET_ROLE_TRAIN: _ClassVar[DatasetRole]
    DATASET_ROLE_EVAL: _ClassVar[DatasetRole]
    DATASET_ROLE_DEV: _ClassVar[DatasetRole]
    DATASET_ROLE_TEST: _ClassVar[DatasetRole]

class MetricKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    METRIC_KIND_UNSPECIFIED: _ClassVar[MetricKind]
    METRIC_KIND_TRAINING: _ClassVar[MetricKind]
    METRIC_KIND_EVALUATION: _ClassVar[MetricKind]
    METRIC_KIND_VALIDATION: _ClassVar[MetricKind]

class BranchKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    BRANCH_KIND_UNSPECIFIED: _ClassVar[BranchKind]
    BRANCH_KIND_MAIN: _ClassVar[BranchKind]
    BRANCH_KIND_INTEGRATION: _ClassVar[BranchKind]
    BRANCH_KIND_EXPERIMENT: _ClassVar[BranchKind]
    BRANCH_KIND_RELEASE: _ClassVar[BranchKind]

class LockMode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    LOCK_MODE_UNSPECIFIED: _ClassVar[LockMode]
    LOCK_MODE_EXCLUSIVE: _ClassVar[LockMode]
    LOCK_MODE_INTENT: _ClassVar[LockMode]
    LOCK_MODE_FREEZE: _ClassVar[LockMode]

class LockScope(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    LOCK_SCOPE_UNSPECIFIED: _ClassVar[LockScope]
    LOCK_SCOPE_BRANCH: _ClassVar[LockScope]
    LOCK_SCOPE_LINE: _ClassVar[LockScope]
    LOCK_SCOPE_REPOSITORY: _ClassVar[LockScope]

class LockNeed(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    LOCK_NEED_UNSPECIFIED: _ClassVar[LockNeed]
    LOCK_NEED_NONE: _ClassVar[LockNeed]
    LOCK_NEED_OPTIONAL: _ClassVar[LockNeed]
    LOCK_NEED_REQUIRED: _ClassVar[LockNeed]
FILE_MODE_UNSPECIFIED: FileMode
FILE_MODE_REGULAR: FileMode
FILE_MODE_EXECUTABLE: FileMode
FILE_MODE_SYMLINK: FileMode
OPERATION_UNSPECIFIED: Operation
OPERATION_ADD: Operation
OPERATION_MODIFY: Operation
OPERATION_DELETE: Operation
OPERATION_MOVE: Operation
OPERATION_META: Operation
DATASET_ROLE_UNSPECIFIED: DatasetRole
DATASET_ROLE_TRAIN: DatasetRole
DATASET_ROLE_EVAL: DatasetRole
DATASET_ROLE_DEV: DatasetRole
DATASET_ROLE_TEST: DatasetRole
METRIC_KIND_UNSPECIFIED: MetricKind
METRIC_KIND_TRAINING: MetricKind
METRIC_KIND_EVALUATION: MetricKind
METRIC_KIND_VALIDATION: MetricKind
BRANCH_KIND_UNSPECIFIED: BranchKind
BRANCH_KIND_MAIN: BranchKind
BRANCH_KIND_INTEGRATION: BranchKind
BRANCH_KIND_EXPERIMENT: BranchKind
BRANCH_KIND_RELEASE: BranchKind
LOCK_MODE_UNSPECIFIED: LockMode
LOCK_MODE_EXCLUSIVE: LockMode
LOCK_MODE_INTENT: LockMode
LOCK_MODE_FREEZE: LockMode
LOCK_SCOPE_UNSPECIFIED: LockScope
LOCK_SCOPE_BRANCH: LockScope
LOCK_SCOPE_LINE: LockScope
LOCK_SCOPE_REPOSITORY: LockScope
LOCK_NEED_UNSPECIFIED: LockNeed
LOCK_NEED_NONE: LockNeed
LOCK_NEED_OPTIONAL: LockNeed
LOCK_NEED_REQUIRED: LockNeed

class Property(_message.Message):
    __slots__ = ("key", "value")
    KEY_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    key: str
    value: str
    def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...

class RowProperties(_message.Message):
    __slots__ = ("row", "properties")
    ROW_FIELD_NUMBER: _ClassVar[int]
    PROPERTIES_FIELD_NUMBER: _ClassVar[int]
    row: int
    properties: _containers.RepeatedCompositeFieldContainer[Property]
    def __init__(self, row: _Optional[int] = ..., properties: _Optional[_Iterable[_Union[Property, _Mapping]]] = ...) -> None: ...

class Changes(_message.Message):
    __slots__ = ("paths", "operations", "file_ids", "modes", "texts", "sizes", "hashes", "sources", "properties")
    PATHS_FIELD_NUMBER: _ClassVar[int]
    OPERATIONS_FIELD_NUMBER: _ClassVar[int]
    FILE_IDS_FIELD_NUMBER: _ClassVar[int]
    MODES_FIELD_NUMBER: _ClassVar[int]
    TEXTS_FIELD_NUMBER: _ClassVar[int]
    SIZES_FIELD_NUMBER: _ClassVar[int]
    HASHES_FIELD_NUMBER: _ClassVar[int]
    SOURCES_FIELD_NUMBER: _ClassVar[int]
    PROPERTIES_FIELD_NUMBER: _ClassVar[int]
    paths: _containers.RepeatedScalarFieldContainer[str]
    operations: _containers.RepeatedScalarFieldContainer[Operation]
    file_ids: _containers.RepeatedScalarFieldContainer[int]
    modes: _containers.RepeatedScalarFieldContainer[FileMode]
    texts: _containers.RepeatedScalarFieldContainer[bool]
    sizes: _containers.RepeatedScalarFieldContainer[int]
    hashes: bytes
    sources: _containers.RepeatedScalarFieldContainer[str]
    properties: _containers.RepeatedCompositeFieldContainer[RowProperties]
    def __init__(self, paths: _Optional[_Iterable[str]] = ..., operations: _Optional[_Iterable[_Union[Operation, str]]] = ..., file_ids: _Optional[_Iterable[int]] = ..., modes: _Optional[_Iterable[_Union[FileMode, str]]] = ..., texts: _Optional[_Iterable[bool]] = ..., sizes: _Optional[_Iterable[int]] = ..., hashes: _Optional[bytes] = ..., sources: _Optional[_Iterable[str]] = ..., properties: _Optional[_Iterable[_Union[RowProperties, _Mapping]]] = ...) -> None: ...

class DatasetReference(_message.Message):
    __slots__ = ("repository", "changeset", "path", "digest")
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    CHANGESET_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    repository: str
    changeset: int
    path: str
    digest: bytes
    def __init__(self, repository: _Optional[str] = ..., changeset: _Optional[int] = ..., path: _Optional[str] = ..., digest: _Optional[bytes] = ...) -> None: ...

class Param(_message.Message):
    __slots__ = ("name", "value", "origin")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    ORIGIN_FIELD_NUMBER: _ClassVar[int]
    name: str
    value: str
    origin: str
    def __init__(self, name: _Optional[str] = ..., value: _Optional[str] = ..., origin: _Optional[str] = ...) -> None: ...

class Metric(_message.Message):
    __slots__ = ("name", "value", "kind", "dataset", "step", "time", "context", "origin")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    DATASET_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    ORIGIN_FIELD_NUMBER: _ClassVar[int]
    name: str
    value: float
    kind: MetricKind
    dataset: DatasetReference
    step: int
    time: int
    context: _containers.RepeatedCompositeFieldContainer[Property]
    origin: str
    def __init__(self, name: _Optional[str] = ..., value: _Optional[float] = ..., kind: _Optional[_Union[MetricKind, str]] = ..., dataset: _Optional[_Union[DatasetReference, _Mapping]] = ..., step: _Optional[int] = ..., time: _Optional[int] = ..., context: _Optional[_Iterable[_Union[Property, _Mapping]]] = ..., origin: _Optional[str] = ...) -> None: ...

class Input(_message.Message):
    __slots__ = ("role", "dataset")
    ROLE_FIELD_NUMBER: _ClassVar[int]
    DATASET_FIELD_NUMBER: _ClassVar[int]
    role: DatasetRole
    dataset: DatasetReference
    def __init__(self, role: _Optional[_Union[DatasetRole, str]] = ..., dataset: _Optional[_Union[DatasetReference, _Mapping]] = ...) -> None: ...

class Environment(_message.Message):
    __slots__ = ("facts", "packages", "origin", "digest")
    FACTS_FIELD_NUMBER: _ClassVar[int]
    PACKAGES_FIELD_NUMBER: _ClassVar[int]
    ORIGIN_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    facts: _containers.RepeatedCompositeFieldContainer[Property]
    packages: _containers.RepeatedCompositeFieldContainer[Property]
    origin: str
    digest: bytes
    def __init__(self, facts: _Optional[_Iterable[_Union[Property, _Mapping]]] = ..., packages: _Optional[_Iterable[_Union[Property, _Mapping]]] = ..., origin: _Optional[str] = ..., digest: _Optional[bytes] = ...) -> None: ...

class Records(_message.Message):
    __slots__ = ("params", "metrics", "inputs", "trained_from", "environment", "run_id")
    PARAMS_FIELD_NUMBER: _ClassVar[int]
    METRICS_FIELD_NUMBER: _ClassVar[int]
    INPUTS_FIELD_NUMBER: _ClassVar[int]
    TRAINED_FROM_FIELD_NUMBER: _ClassVar[int]
    ENVIRONMENT_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    params: _containers.RepeatedCompositeFieldContainer[Param]
    metrics: _containers.RepeatedCompositeFieldContainer[Metric]
    inputs: _containers.RepeatedCompositeFieldContainer[Input]
    trained_from: int
    environment: Environment
    run_id: str
    def __init__(self, params: _Optional[_Iterable[_Union[Param, _Mapping]]] = ..., metrics: _Optional[_Iterable[_Union[Metric, _Mapping]]] = ..., inputs: _Optional[_Iterable[_Union[Input, _Mapping]]] = ..., trained_from: _Optional[int] = ..., environment: _Optional[_Union[Environment, _Mapping]] = ..., run_id: _Optional[str] = ...) -> None: ...

class Changeset(_message.Message):
    __slots__ = ("number", "id", "parents", "branch", "author", "time", "message", "prepared_min", "prepared_max", "records", "files_changed", "labels")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    PARENTS_FIELD_NUMBER: _ClassVar[int]
    BRANCH_FIELD_NUMBER: _ClassVar[int]
    AUTHOR_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    PREPARED_MIN_FIELD_NUMBER: _ClassVar[int]
    PREPARED_MAX_FIELD_NUMBER: _ClassVar[int]
    RECORDS_FIELD_NUMBER: _ClassVar[int]
    FILES_CHANGED_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    number: int
    id: bytes
    parents: _containers.RepeatedScalarFieldContainer[int]
    branch: str
    author: str
    time: int
    message: str
    prepared_min: int
    prepared_max: int
    records: Records
    files_changed: int
    labels: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, number: _Optional[int] = ..., id: _Optional[bytes] = ..., parents: _Optional[_Iterable[int]] = ..., branch: _Optional[str] = ..., author: _Optional[str] = ..., time: _Optional[int] = ..., message: _Optional[str] = ..., prepared_min: _Optional[int] = ..., prepared_max: _Optional[int] = ..., records: _Optional[_Union[Records, _Mapping]] = ..., files_changed: _Optional[int] = ..., labels: _Optional[_Iterable[str]] = ...) -> None: ...

class Branch(_message.Message):
    __slots__ = ("id", "name", "kind", "target", "head", "origin", "created_by", "created_at", "abandoned_at", "abandoned_by", "abandoned_why")
    ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    HEAD_FIELD_NUMBER: _ClassVar[int]
    ORIGIN_FIELD_NUMBER: _ClassVar[int]
    CREATED_BY_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    ABANDONED_AT_FIELD_NUMBER: _ClassVar[int]
    ABANDONED_BY_FIELD_NUMBER: _ClassVar[int]
    ABANDONED_WHY_FIELD_NUMBER: _ClassVar[int]
    id: int
    name: str
    kind: BranchKind
    target: str
    head: int
    origin: int
    created_by: str
    created_at: int
    abandoned_at: int
    abandoned_by: str
    abandoned_why: str
    def __init__(self, id: _Optional[int] = ..., name: _Optional[str] = ..., kind: _Optional[_Union[BranchKind, str]] = ..., target: _Optional[str] = ..., head: _Optional[int] = ..., origin: _Optional[int] = ..., created_by: _Optional[str] = ..., created_at: _Optional[int] = ..., abandoned_at: _Optional[int] = ..., abandoned_by: _Optional[str] = ..., abandoned_why: _Optional[str] = ...) -> None: ...

class Label(_message.Message):
    __slots__ = ("name", "changeset", "message", "by", "time", "moves")
    NAME_FIELD_NUMBER: _ClassVar[int]
    CHANGESET_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    BY_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    MOVES_FIELD_NUMBER: _ClassVar[int]
    name: str
    changeset: int
    message: str
    by: str
    time: int
    moves: int
    def __init__(self, name: _Optional[str] = ..., changeset: _Optional[int] = ..., message: _Optional[str] = ..., by: _Optional[str] = ..., time: _Optional[int] = ..., moves: _Optional[int] = ...) -> None: ...

class Workspace(_message.Message):
    __slots__ = ("id", "repository", "owner", "host", "directory", "branch", "base", "last_seen")
    ID_FIELD_NUMBER: _ClassVar[int]
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    OWNER_FIELD_NUMBER: _ClassVar[int]
    HOST_FIELD_NUMBER: _ClassVar[int]
    DIRECTORY_FIELD_NUMBER: _ClassVar[int]
    BRANCH_FIELD_NUMBER: _ClassVar[int]
    BASE_FIELD_NUMBER: _ClassVar[int]
    LAST_SEEN_FIELD_NUMBER: _ClassVar[int]
    id: str
    repository: str
    owner: str
    host: str
    directory: str
    branch: str
    base: int
    last_seen: int
    def __init__(self, id: _Optional[str] = ..., repository: _Optional[str] = ..., owner: _Optional[str] = ..., host: _Optional[str] = ..., directory: _Optional[str] = ..., branch: _Optional[str] = ..., base: _Optional[int] = ..., last_seen: _Optional[int] = ...) -> None: ...

class Lock(_message.Message):
    __slots__ = ("file_id", "path", "owner", "workspace", "host", "mode", "scope", "branch", "base", "reason", "acquired_at", "lease_until", "token", "tree", "ttl", "limit", "told_at")
    FILE_ID_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    OWNER_FIELD_NUMBER: _ClassVar[int]
    WORKSPACE_FIELD_NUMBER: _ClassVar[int]
    HOST_FIELD_NUMBER: _ClassVar[int]
    MODE_FIELD_NUMBER: _ClassVar[int]
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    BRANCH_FIELD_NUMBER: _ClassVar[int]
    BASE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    ACQUIRED_AT_FIELD_NUMBER: _ClassVar[int]
    LEASE_UNTIL_FIELD_NUMBER: _ClassVar[int]
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    TREE_FIELD_NUMBER: _ClassVar[int]
    TTL_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    TOLD_AT_FIELD_NUMBER: _ClassVar[int]
    file_id: int
    path: str
    owner: str
    workspace: str
    host: str
    mode: LockMode
    scope: LockScope
    branch: str
    base: int
    reason: str
    acquired_at: int
    lease_until: int
    token: int
    tree: bool
    ttl: int
    limit: int
    told_at: int
    def __init__(self, file_id: _Optional[int] = ..., path: _Optional[str] = ..., owner: _Optional[str] = ..., workspace: _Optional[str] = ..., host: _Optional[str] = ..., mode: _Optional[_Union[LockMode, str]] = ..., scope: _Optional[_Union[LockScope, str]] = ..., branch: _Optional[str] = ..., base: _Optional[int] = ..., reason: _Optional[str] = ..., acquired_at: _Optional[int] = ..., lease_until: _Optional[int] = ..., token: _Optional[int] = ..., tree: bool = ..., ttl: _Optional[int] = ..., limit: _Optional[int] = ..., told_at: _Optional[int] = ...) -> None: ...

class ErrorDetail(_message.Message):
    __slots__ = ("code", "message", "advice", "items", "request_id")
    CODE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    ADVICE_FIELD_NUMBER: _ClassVar[int]
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    code: str
    message: str
    advice: str
    items: _containers.RepeatedScalarFieldContainer[str]
    request_id: str
    def __init__(self, code: _Optional[str] = ..., message: _Optional[str] = ..., advice: _Optional[str] = ..., items: _Optional[_Iterable[str]] = ..., request_id: _Optional[str] = ...) -> None: ...
