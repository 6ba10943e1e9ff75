from mlv_proto.v1 import values_pb2 as _values_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class LockAnswer(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    LOCK_ANSWER_UNSPECIFIED: _ClassVar[LockAnswer]
    LOCK_ANSWER_GIVE: _ClassVar[LockAnswer]
    LOCK_ANSWER_DENY: _ClassVar[LockAnswer]
LOCK_ANSWER_UNSPECIFIED: LockAnswer
LOCK_ANSWER_GIVE: LockAnswer
LOCK_ANSWER_DENY: LockAnswer

class AskForLocksRequest(_message.Message):
    __slots__ = ("repository", "branch", "workspace", "paths", "bases", "reason", "waits", "wait_ms", "again", "dry_run", "tree")
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    BRANCH_FIELD_NUMBER: _ClassVar[int]
    WORKSPACE_FIELD_NUMBER: _ClassVar[int]
    PATHS_FIELD_NUMBER: _ClassVar[int]
    BASES_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    WAITS_FIELD_NUMBER: _ClassVar[int]
    WAIT_MS_FIELD_NUMBER: _ClassVar[int]
    AGAIN_FIELD_NUMBER: _ClassVar[int]
    DRY_RUN_FIELD_NUMBER: _ClassVar[int]
    TREE_FIELD_NUMBER: _ClassVar[int]
    repository: str
    branch: str
    workspace: str
    paths: _containers.RepeatedScalarFieldContainer[str]
    bases: _containers.RepeatedScalarFieldContainer[int]
    reason: str
    waits: bool
    wait_ms: int
    again: bool
    dry_run: bool
    tree: bool
    def __init__(self, repository: _Optional[str] = ..., branch: _Optional[str] = ..., workspace: _Optional[str] = ..., paths: _Optional[_Iterable[str]] = ..., bases: _Optional[_Iterable[int]] = ..., reason: _Optional[str] = ..., waits: bool = ..., wait_ms: _Optional[int] = ..., again: bool = ..., dry_run: bool = ..., tree: bool = ...) -> None: ...

class AskForLocksResponse(_message.Message):
    __slots__ = ("turn", "ahead", "contact_ms", "holders")
    TURN_FIELD_NUMBER: _ClassVar[int]
    AHEAD_FIELD_NUMBER: _ClassVar[int]
    CONTACT_MS_FIELD_NUMBER: _ClassVar[int]
    HOLDERS_FIELD_NUMBER: _ClassVar[int]
    turn: bool
    ahead: int
    contact_ms: int
    holders: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, turn: bool = ..., ahead: _Optional[int] = ..., contact_ms: _Optional[int] = ..., holders: _Optional[_Iterable[str]] = ...) -> None: ...

class WithdrawLockRequestRequest(_message.Message):
    __slots__ = ("repository", "branch", "workspace", "paths", "dry_run", "tree")
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    BRANCH_FIELD_NUMBER: _ClassVar[int]
    WORKSPACE_FIELD_NUMBER: _ClassVar[int]
    PATHS_FIELD_NUMBER: _ClassVar[int]
    DRY_RUN_FIELD_NUMBER: _ClassVar[int]
    TREE_FIELD_NUMBER: _ClassVar[int]
    repository: str
    branch: str
    workspace: str
    paths: _containers.RepeatedScalarFieldContainer[str]
    dry_run: bool
    tree: bool
    def __init__(self, repository: _Optional[str] = ..., branch: _Optional[str] = ..., workspace: _Optional[str] = ..., paths: _Optional[_Iterable[str]] = ..., dry_run: bool = ..., tree: bool = ...) -> None: ...

class WithdrawLockRequestResponse(_message.Message):
    __slots__ = ("withdrawn",)
    WITHDRAWN_FIELD_NUMBER: _ClassVar[int]
    withdrawn: int
    def __init__(self, withdrawn: _Optional[int] = ...) -> None: ...

class AnswerLockRequestRequest(_message.Message):
    __slots__ = ("repository", "branch", "paths", "user", "answer", "reason", "dry_run", "tree")
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    BRANCH_FIELD_NUMBER: _ClassVar[int]
    PATHS_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    ANSWER_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    DRY_RUN_FIELD_NUMBER: _ClassVar[int]
    TREE_FIELD_NUMBER: _ClassVar[int]
    repository: str
    branch: str
    paths: _containers.RepeatedScalarFieldContainer[str]
    user: str
    answer: LockAnswer
    reason: str
    dry_run: bool
    tree: bool
    def __init__(self, repository: _Optional[str] = ..., branch: _Optional[str] = ..., paths: _Optional[_Iterable[str]] = ..., user: _Optional[str] = ..., answer: _Optional[_Union[LockAnswer, str]] = ..., reason: _Optional[str] = ..., dry_run: bool = ..., tree: bool = ...) -> None: ...

class AnswerLockRequestResponse(_message.Message):
    __slots__ = ("given",)
    GIVEN_FIELD_NUMBER: _ClassVar[int]
    given: _containers.RepeatedCompositeFieldContainer[_values_pb2.Lock]
    def __init__(self, given: _Optional[_Iterable[_Union[_values_pb2.Lock, _Mapping]]] = ...) -> None: ...

class ListLockRequestsRequest(_message.Message):
    __slots__ = ("repository", "branch", "paths")
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    BRANCH_FIELD_NUMBER: _ClassVar[int]
    PATHS_FIELD_NUMBER: _ClassVar[int]
    repository: str
    branch: str
    paths: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, repository: _Optional[str] = ..., branch: _Optional[str] = ..., paths: _Optional[_Iterable[str]] = ...) -> None: ...

class LockRequest(_message.Message):
    __slots__ = ("number", "file_id", "path", "user", "workspace", "host", "branch", "reason", "waits", "place", "absent", "asked_at", "until", "denied_at", "denied_by", "denied_why", "tree")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    FILE_ID_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    WORKSPACE_FIELD_NUMBER: _ClassVar[int]
    HOST_FIELD_NUMBER: _ClassVar[int]
    BRANCH_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    WAITS_FIELD_NUMBER: _ClassVar[int]
    PLACE_FIELD_NUMBER: _ClassVar[int]
    ABSENT_FIELD_NUMBER: _ClassVar[int]
    ASKED_AT_FIELD_NUMBER: _ClassVar[int]
    UNTIL_FIELD_NUMBER: _ClassVar[int]
    DENIED_AT_FIELD_NUMBER: _ClassVar[int]
    DENIED_BY_FIELD_NUMBER: _ClassVar[int]
    DENIED_WHY_FIELD_NUMBER: _ClassVar[int]
    TREE_FIELD_NUMBER: _ClassVar[int]
    number: int
    file_id: int
    path: str
    user: str
    workspace: str
    host: str
    branch: str
    reason: str
    waits: bool
    place: int
    absent: bool
    asked_at: int
    until: int
    denied_at: int
    denied_by: str
    denied_why: str
    tree: bool
    def __init__(self, number: _Optional[int] = ..., file_id: _Optional[int] = ..., path: _Optional[str] = ..., user: _Optional[str] = ..., workspace: _Optional[str] = ..., host: _Optional[str] = ..., branch: _Optional[str] = ..., reason: _Optional[str] = ..., waits: bool = ..., place: _Optional[int] = ..., absent: bool = ..., asked_at: _Optional[int] = ..., until: _Optional[int] = ..., denied_at: _Optional[int] = ..., denied_by: _Optional[str] = ..., denied_why: _Optional[str] = ..., tree: bool = ...) -> None: ...

class ListLockRequestsResponse(_message.Message):
    __slots__ = ("requests",)
    REQUESTS_FIELD_NUMBER: _ClassVar[int]
    requests: _containers.RepeatedCompositeFieldContainer[LockRequest]
    def __init__(self, requests: _Optional[_Iterable[_Union[LockRequest, _Mapping]]] = ...) -> None: ...
