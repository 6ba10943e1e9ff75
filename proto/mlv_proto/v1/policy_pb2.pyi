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

class Weight(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    WEIGHT_UNSPECIFIED: _ClassVar[Weight]
    WEIGHT_DECIDES: _ClassVar[Weight]
    WEIGHT_AGREES: _ClassVar[Weight]
    WEIGHT_LOSES: _ClassVar[Weight]
    WEIGHT_NARROWER: _ClassVar[Weight]
    WEIGHT_CONDITIONAL: _ClassVar[Weight]
    WEIGHT_EXPIRED: _ClassVar[Weight]
    WEIGHT_REQUIRES: _ClassVar[Weight]
    WEIGHT_MET: _ClassVar[Weight]
EFFECT_UNSPECIFIED: Effect
EFFECT_ALLOW: Effect
EFFECT_DENY: Effect
EFFECT_REQUIRE: Effect
SUBJECT_KIND_UNSPECIFIED: SubjectKind
SUBJECT_KIND_USER: SubjectKind
SUBJECT_KIND_GROUP: SubjectKind
SUBJECT_KIND_TOKEN: SubjectKind
SUBJECT_KIND_EVERYBODY: SubjectKind
WEIGHT_UNSPECIFIED: Weight
WEIGHT_DECIDES: Weight
WEIGHT_AGREES: Weight
WEIGHT_LOSES: Weight
WEIGHT_NARROWER: Weight
WEIGHT_CONDITIONAL: Weight
WEIGHT_EXPIRED: Weight
WEIGHT_REQUIRES: Weight
WEIGHT_MET: Weight

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

class WeighedRule(_message.Message):
    __slots__ = ("rule", "weight")
    RULE_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    rule: Rule
    weight: Weight
    def __init__(self, rule: _Optional[_Union[Rule, _Mapping]] = ..., weight: _Optional[_Union[Weight, str]] = ...) -> None: ...

class ExplainPolicyRequest(_message.Message):
    __slots__ = ("repository", "user", "action", "ref", "path", "from_address")
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    ACTION_FIELD_NUMBER: _ClassVar[int]
    REF_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    FROM_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    repository: str
    user: str
    action: str
    ref: str
    path: str
    from_address: str
    def __init__(self, repository: _Optional[str] = ..., user: _Optional[str] = ..., action: _Optional[str] = ..., ref: _Optional[str] = ..., path: _Optional[str] = ..., from_address: _Optional[str] = ...) -> None: ...

class ExplainPolicyResponse(_message.Message):
    __slots__ = ("user", "allowed", "rule", "reason", "scope", "rules")
    USER_FIELD_NUMBER: _ClassVar[int]
    ALLOWED_FIELD_NUMBER: _ClassVar[int]
    RULE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    RULES_FIELD_NUMBER: _ClassVar[int]
    user: str
    allowed: bool
    rule: int
    reason: str
    scope: _containers.RepeatedScalarFieldContainer[str]
    rules: _containers.RepeatedCompositeFieldContainer[WeighedRule]
    def __init__(self, user: _Optional[str] = ..., allowed: bool = ..., rule: _Optional[int] = ..., reason: _Optional[str] = ..., scope: _Optional[_Iterable[str]] = ..., rules: _Optional[_Iterable[_Union[WeighedRule, _Mapping]]] = ...) -> None: ...
