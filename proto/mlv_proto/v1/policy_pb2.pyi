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

class Verdict(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    VERDICT_UNSPECIFIED: _ClassVar[Verdict]
    VERDICT_ALLOW: _ClassVar[Verdict]
    VERDICT_DENY: _ClassVar[Verdict]
    VERDICT_APPROVAL: _ClassVar[Verdict]
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
VERDICT_UNSPECIFIED: Verdict
VERDICT_ALLOW: Verdict
VERDICT_DENY: Verdict
VERDICT_APPROVAL: Verdict

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
    __slots__ = ("repository", "version")
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    repository: str
    version: int
    def __init__(self, repository: _Optional[str] = ..., version: _Optional[int] = ...) -> None: ...

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

class GetPolicyDocumentRequest(_message.Message):
    __slots__ = ("repository", "version")
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    repository: str
    version: int
    def __init__(self, repository: _Optional[str] = ..., version: _Optional[int] = ...) -> None: ...

class GetPolicyDocumentResponse(_message.Message):
    __slots__ = ("document", "version")
    DOCUMENT_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    document: str
    version: int
    def __init__(self, document: _Optional[str] = ..., version: _Optional[int] = ...) -> None: ...

class SetPolicyRequest(_message.Message):
    __slots__ = ("repository", "document", "base", "to", "message", "dry_run")
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    DOCUMENT_FIELD_NUMBER: _ClassVar[int]
    BASE_FIELD_NUMBER: _ClassVar[int]
    TO_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    DRY_RUN_FIELD_NUMBER: _ClassVar[int]
    repository: str
    document: str
    base: int
    to: int
    message: str
    dry_run: bool
    def __init__(self, repository: _Optional[str] = ..., document: _Optional[str] = ..., base: _Optional[int] = ..., to: _Optional[int] = ..., message: _Optional[str] = ..., dry_run: bool = ...) -> None: ...

class SetPolicyResponse(_message.Message):
    __slots__ = ("version", "before", "added", "removed", "kept", "tests", "others")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    BEFORE_FIELD_NUMBER: _ClassVar[int]
    ADDED_FIELD_NUMBER: _ClassVar[int]
    REMOVED_FIELD_NUMBER: _ClassVar[int]
    KEPT_FIELD_NUMBER: _ClassVar[int]
    TESTS_FIELD_NUMBER: _ClassVar[int]
    OTHERS_FIELD_NUMBER: _ClassVar[int]
    version: int
    before: int
    added: int
    removed: int
    kept: int
    tests: int
    others: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, version: _Optional[int] = ..., before: _Optional[int] = ..., added: _Optional[int] = ..., removed: _Optional[int] = ..., kept: _Optional[int] = ..., tests: _Optional[int] = ..., others: _Optional[_Iterable[str]] = ...) -> None: ...

class PolicyTestResult(_message.Message):
    __slots__ = ("expect", "verdict", "passed", "reason", "line")
    EXPECT_FIELD_NUMBER: _ClassVar[int]
    VERDICT_FIELD_NUMBER: _ClassVar[int]
    PASSED_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    LINE_FIELD_NUMBER: _ClassVar[int]
    expect: str
    verdict: Verdict
    passed: bool
    reason: str
    line: int
    def __init__(self, expect: _Optional[str] = ..., verdict: _Optional[_Union[Verdict, str]] = ..., passed: bool = ..., reason: _Optional[str] = ..., line: _Optional[int] = ...) -> None: ...

class TestPolicyRequest(_message.Message):
    __slots__ = ("repository", "document")
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    DOCUMENT_FIELD_NUMBER: _ClassVar[int]
    repository: str
    document: str
    def __init__(self, repository: _Optional[str] = ..., document: _Optional[str] = ...) -> None: ...

class TestPolicyResponse(_message.Message):
    __slots__ = ("results", "version")
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[PolicyTestResult]
    version: int
    def __init__(self, results: _Optional[_Iterable[_Union[PolicyTestResult, _Mapping]]] = ..., version: _Optional[int] = ...) -> None: ...

class AccessChange(_message.Message):
    __slots__ = ("subject", "actions", "repository", "ref", "path", "before", "after", "users")
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    ACTIONS_FIELD_NUMBER: _ClassVar[int]
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    REF_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    BEFORE_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    USERS_FIELD_NUMBER: _ClassVar[int]
    subject: str
    actions: _containers.RepeatedScalarFieldContainer[str]
    repository: str
    ref: str
    path: str
    before: Verdict
    after: Verdict
    users: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, subject: _Optional[str] = ..., actions: _Optional[_Iterable[str]] = ..., repository: _Optional[str] = ..., ref: _Optional[str] = ..., path: _Optional[str] = ..., before: _Optional[_Union[Verdict, str]] = ..., after: _Optional[_Union[Verdict, str]] = ..., users: _Optional[_Iterable[str]] = ...) -> None: ...

class DiffPolicyRequest(_message.Message):
    __slots__ = ("repository", "document", "before", "after")
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    DOCUMENT_FIELD_NUMBER: _ClassVar[int]
    BEFORE_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    repository: str
    document: str
    before: int
    after: int
    def __init__(self, repository: _Optional[str] = ..., document: _Optional[str] = ..., before: _Optional[int] = ..., after: _Optional[int] = ...) -> None: ...

class DiffPolicyResponse(_message.Message):
    __slots__ = ("before", "after", "complete", "others", "added", "removed", "access")
    BEFORE_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    COMPLETE_FIELD_NUMBER: _ClassVar[int]
    OTHERS_FIELD_NUMBER: _ClassVar[int]
    ADDED_FIELD_NUMBER: _ClassVar[int]
    REMOVED_FIELD_NUMBER: _ClassVar[int]
    ACCESS_FIELD_NUMBER: _ClassVar[int]
    before: int
    after: int
    complete: bool
    others: _containers.RepeatedScalarFieldContainer[str]
    added: _containers.RepeatedCompositeFieldContainer[Rule]
    removed: _containers.RepeatedCompositeFieldContainer[Rule]
    access: _containers.RepeatedCompositeFieldContainer[AccessChange]
    def __init__(self, before: _Optional[int] = ..., after: _Optional[int] = ..., complete: bool = ..., others: _Optional[_Iterable[str]] = ..., added: _Optional[_Iterable[_Union[Rule, _Mapping]]] = ..., removed: _Optional[_Iterable[_Union[Rule, _Mapping]]] = ..., access: _Optional[_Iterable[_Union[AccessChange, _Mapping]]] = ...) -> None: ...

class PolicyVersion(_message.Message):
    __slots__ = ("version", "time", "by", "why", "act", "added", "removed")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    BY_FIELD_NUMBER: _ClassVar[int]
    WHY_FIELD_NUMBER: _ClassVar[int]
    ACT_FIELD_NUMBER: _ClassVar[int]
    ADDED_FIELD_NUMBER: _ClassVar[int]
    REMOVED_FIELD_NUMBER: _ClassVar[int]
    version: int
    time: int
    by: str
    why: str
    act: str
    added: int
    removed: int
    def __init__(self, version: _Optional[int] = ..., time: _Optional[int] = ..., by: _Optional[str] = ..., why: _Optional[str] = ..., act: _Optional[str] = ..., added: _Optional[int] = ..., removed: _Optional[int] = ...) -> None: ...

class ListPolicyVersionsRequest(_message.Message):
    __slots__ = ("repository", "limit")
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    repository: str
    limit: int
    def __init__(self, repository: _Optional[str] = ..., limit: _Optional[int] = ...) -> None: ...

class ListPolicyVersionsResponse(_message.Message):
    __slots__ = ("versions",)
    VERSIONS_FIELD_NUMBER: _ClassVar[int]
    versions: _containers.RepeatedCompositeFieldContainer[PolicyVersion]
    def __init__(self, versions: _Optional[_Iterable[_Union[PolicyVersion, _Mapping]]] = ...) -> None: ...
