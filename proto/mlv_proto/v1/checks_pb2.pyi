from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class CheckMoment(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CHECK_MOMENT_UNSPECIFIED: _ClassVar[CheckMoment]
    CHECK_MOMENT_BEGIN: _ClassVar[CheckMoment]
    CHECK_MOMENT_PUBLISH: _ClassVar[CheckMoment]
    CHECK_MOMENT_LABEL: _ClassVar[CheckMoment]
    CHECK_MOMENT_MERGE: _ClassVar[CheckMoment]
CHECK_MOMENT_UNSPECIFIED: CheckMoment
CHECK_MOMENT_BEGIN: CheckMoment
CHECK_MOMENT_PUBLISH: CheckMoment
CHECK_MOMENT_LABEL: CheckMoment
CHECK_MOMENT_MERGE: CheckMoment

class Check(_message.Message):
    __slots__ = ("id", "name", "url", "moments", "ref", "paths", "deadline_milliseconds", "fail_open", "created_by", "created_at", "old_secret_until")
    ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    URL_FIELD_NUMBER: _ClassVar[int]
    MOMENTS_FIELD_NUMBER: _ClassVar[int]
    REF_FIELD_NUMBER: _ClassVar[int]
    PATHS_FIELD_NUMBER: _ClassVar[int]
    DEADLINE_MILLISECONDS_FIELD_NUMBER: _ClassVar[int]
    FAIL_OPEN_FIELD_NUMBER: _ClassVar[int]
    CREATED_BY_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    OLD_SECRET_UNTIL_FIELD_NUMBER: _ClassVar[int]
    id: str
    name: str
    url: str
    moments: _containers.RepeatedScalarFieldContainer[CheckMoment]
    ref: str
    paths: _containers.RepeatedScalarFieldContainer[str]
    deadline_milliseconds: int
    fail_open: bool
    created_by: str
    created_at: int
    old_secret_until: int
    def __init__(self, id: _Optional[str] = ..., name: _Optional[str] = ..., url: _Optional[str] = ..., moments: _Optional[_Iterable[_Union[CheckMoment, str]]] = ..., ref: _Optional[str] = ..., paths: _Optional[_Iterable[str]] = ..., deadline_milliseconds: _Optional[int] = ..., fail_open: bool = ..., created_by: _Optional[str] = ..., created_at: _Optional[int] = ..., old_secret_until: _Optional[int] = ...) -> None: ...

class AddCheckRequest(_message.Message):
    __slots__ = ("repository", "url", "moments", "name", "ref", "paths", "deadline_milliseconds", "fail_open", "secret", "dry_run")
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    URL_FIELD_NUMBER: _ClassVar[int]
    MOMENTS_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    REF_FIELD_NUMBER: _ClassVar[int]
    PATHS_FIELD_NUMBER: _ClassVar[int]
    DEADLINE_MILLISECONDS_FIELD_NUMBER: _ClassVar[int]
    FAIL_OPEN_FIELD_NUMBER: _ClassVar[int]
    SECRET_FIELD_NUMBER: _ClassVar[int]
    DRY_RUN_FIELD_NUMBER: _ClassVar[int]
    repository: str
    url: str
    moments: _containers.RepeatedScalarFieldContainer[CheckMoment]
    name: str
    ref: str
    paths: _containers.RepeatedScalarFieldContainer[str]
    deadline_milliseconds: int
    fail_open: bool
    secret: str
    dry_run: bool
    def __init__(self, repository: _Optional[str] = ..., url: _Optional[str] = ..., moments: _Optional[_Iterable[_Union[CheckMoment, str]]] = ..., name: _Optional[str] = ..., ref: _Optional[str] = ..., paths: _Optional[_Iterable[str]] = ..., deadline_milliseconds: _Optional[int] = ..., fail_open: bool = ..., secret: _Optional[str] = ..., dry_run: bool = ...) -> None: ...

class AddCheckResponse(_message.Message):
    __slots__ = ("check", "secret")
    CHECK_FIELD_NUMBER: _ClassVar[int]
    SECRET_FIELD_NUMBER: _ClassVar[int]
    check: Check
    secret: str
    def __init__(self, check: _Optional[_Union[Check, _Mapping]] = ..., secret: _Optional[str] = ...) -> None: ...

class ListChecksRequest(_message.Message):
    __slots__ = ("repository",)
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    repository: str
    def __init__(self, repository: _Optional[str] = ...) -> None: ...

class ListChecksResponse(_message.Message):
    __slots__ = ("checks",)
    CHECKS_FIELD_NUMBER: _ClassVar[int]
    checks: _containers.RepeatedCompositeFieldContainer[Check]
    def __init__(self, checks: _Optional[_Iterable[_Union[Check, _Mapping]]] = ...) -> None: ...

class DeleteCheckRequest(_message.Message):
    __slots__ = ("repository", "check", "dry_run")
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    CHECK_FIELD_NUMBER: _ClassVar[int]
    DRY_RUN_FIELD_NUMBER: _ClassVar[int]
    repository: str
    check: str
    dry_run: bool
    def __init__(self, repository: _Optional[str] = ..., check: _Optional[str] = ..., dry_run: bool = ...) -> None: ...

class DeleteCheckResponse(_message.Message):
    __slots__ = ("check",)
    CHECK_FIELD_NUMBER: _ClassVar[int]
    check: Check
    def __init__(self, check: _Optional[_Union[Check, _Mapping]] = ...) -> None: ...

class RotateCheckRequest(_message.Message):
    __slots__ = ("repository", "check", "secret", "overlap_seconds", "dry_run")
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    CHECK_FIELD_NUMBER: _ClassVar[int]
    SECRET_FIELD_NUMBER: _ClassVar[int]
    OVERLAP_SECONDS_FIELD_NUMBER: _ClassVar[int]
    DRY_RUN_FIELD_NUMBER: _ClassVar[int]
    repository: str
    check: str
    secret: str
    overlap_seconds: int
    dry_run: bool
    def __init__(self, repository: _Optional[str] = ..., check: _Optional[str] = ..., secret: _Optional[str] = ..., overlap_seconds: _Optional[int] = ..., dry_run: bool = ...) -> None: ...

class RotateCheckResponse(_message.Message):
    __slots__ = ("check", "secret")
    CHECK_FIELD_NUMBER: _ClassVar[int]
    SECRET_FIELD_NUMBER: _ClassVar[int]
    check: Check
    secret: str
    def __init__(self, check: _Optional[_Union[Check, _Mapping]] = ..., secret: _Optional[str] = ...) -> None: ...

class TestCheckRequest(_message.Message):
    __slots__ = ("repository", "check", "dry_run")
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    CHECK_FIELD_NUMBER: _ClassVar[int]
    DRY_RUN_FIELD_NUMBER: _ClassVar[int]
    repository: str
    check: str
    dry_run: bool
    def __init__(self, repository: _Optional[str] = ..., check: _Optional[str] = ..., dry_run: bool = ...) -> None: ...

class TestCheckResponse(_message.Message):
    __slots__ = ("allowed", "message", "status", "milliseconds")
    ALLOWED_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    MILLISECONDS_FIELD_NUMBER: _ClassVar[int]
    allowed: bool
    message: str
    status: int
    milliseconds: int
    def __init__(self, allowed: bool = ..., message: _Optional[str] = ..., status: _Optional[int] = ..., milliseconds: _Optional[int] = ...) -> None: ...
