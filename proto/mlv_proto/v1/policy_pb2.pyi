from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Effect(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    EFFECT_UNSPECIFIED: _ClassVar[Effect]
    EFFECT_ALLOW: _ClassVar[Effect]
    EFFECT_DENY: _ClassVar[Effect]
    EFFECT_REQUIRE: _ClassVar[Effect]

class SubjectKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SUBJECT_KIND_UNSPECIFIED: _ClassVar[SubjectKind]
    SUBJECT_KIND_USER: _ClassVar[SubjectKind]
    SUBJECT_KIND_GROUP: _ClassVar[SubjectKind]
    SUBJECT_KIND_TOKEN: _ClassVar[SubjectKind]
    SUBJECT_KIND_EVERYBODY: _ClassVar[SubjectKind]
EFFECT_UNSPECIFIED: Effect
EFFECT_ALLOW: Effect
EFFECT_DENY: Effect
EFFECT_REQUIRE: Effect
SUBJECT_KIND_UNSPECIFIED: SubjectKind
SUBJECT_KIND_USER: SubjectKind
SUBJECT_KIND_GROUP: SubjectKind
SUBJECT_KIND_TOKEN: SubjectKind
SUBJECT_KIND_EVERYBODY: SubjectKind

class Condition(_message.Message):
    __slots__ = ("name", "value")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    name: str
    value: str
    def __init__(self, name: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...

class Rule(_message.Message):
    __slots__ = ("id", "effect", "subject_kind", "subject", "role", "actions", "repository", "ref", "path", "conditions", "expires_at", "created_by", "created_at")
    ID_FIELD_NUMBER: _ClassVar[int]
    EFFECT_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_KIND_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    ACTIONS_FIELD_NUMBER: _ClassVar[int]
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    REF_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    CONDITIONS_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_FIELD_NUMBER: _ClassVar[int]
    CREATED_BY_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    id: int
    effect: Effect
    subject_kind: SubjectKind
    subject: str
    role: str
    actions: _containers.RepeatedScalarFieldContainer[str]
    repository: str
    ref: str
    path: str
    conditions: _containers.RepeatedCompositeFieldContainer[Condition]
    expires_at: int
    created_by: str
    created_at: int
    def __init__(self, id: _Optional[int] = ..., effect: _Optional[_Union[Effect, str]] = ..., subject_kind: _Optional[_Union[SubjectKind, str]] = ..., subject: _Optional[str] = ..., role: _Optional[str] = ..., actions: _Optional[_Iterable[str]] = ..., repository: _Optional[str] = ..., ref: _Optional[str] = ..., path: _Optional[str] = ..., conditions: _Optional[_Iterable[_Union[Condition, _Mapping]]] = ..., expires_at: _Optional[int] = ..., created_by: _Optional[str] = ..., created_at: _Optional[int] = ...) -> None: ...

class GrantRoleRequest(_message.Message):
    __slots__ = ("repository", "role", "user", "dry_run")
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    DRY_RUN_FIELD_NUMBER: _ClassVar[int]
    repository: str
    role: str
    user: str
    dry_run: bool
    def __init__(self, repository: _Optional[str] = ..., role: _Optional[str] = ..., user: _Optional[str] = ..., dry_run: bool = ...) -> None: ...

class GrantRoleResponse(_message.Message):
    __slots__ = ("rule",)
    RULE_FIELD_NUMBER: _ClassVar[int]
    rule: Rule
    def __init__(self, rule: _Optional[_Union[Rule, _Mapping]] = ...) -> None: ...

class RevokeRoleRequest(_message.Message):
    __slots__ = ("repository", "role", "user", "dry_run")
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    DRY_RUN_FIELD_NUMBER: _ClassVar[int]
    repository: str
    role: str
    user: str
    dry_run: bool
    def __init__(self, repository: _Optional[str] = ..., role: _Optional[str] = ..., user: _Optional[str] = ..., dry_run: bool = ...) -> None: ...

class RevokeRoleResponse(_message.Message):
    __slots__ = ("removed",)
    REMOVED_FIELD_NUMBER: _ClassVar[int]
    removed: int
    def __init__(self, removed: _Optional[int] = ...) -> None: ...

class ShowPolicyRequest(_message.Message):
    __slots__ = ("repository",)
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    repository: str
    def __init__(self, repository: _Optional[str] = ...) -> None: ...

class ShowPolicyResponse(_message.Message):
    __slots__ = ("rules", "version")
    RULES_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    rules: _containers.RepeatedCompositeFieldContainer[Rule]
    version: int
    def __init__(self, rules: _Optional[_Iterable[_Union[Rule, _Mapping]]] = ..., version: _Optional[int] = ...) -> None: ...
