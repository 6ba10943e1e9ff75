from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class AuditDetail(_message.Message):
    __slots__ = ("name", "value")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    name: str
    value: str
    def __init__(self, name: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...

class AuditEntry(_message.Message):
    __slots__ = ("sequence", "time", "user", "token_id", "peer", "request_id", "action", "object", "allowed", "rule", "reason", "details", "hash")
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    TOKEN_ID_FIELD_NUMBER: _ClassVar[int]
    PEER_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    ACTION_FIELD_NUMBER: _ClassVar[int]
    OBJECT_FIELD_NUMBER: _ClassVar[int]
    ALLOWED_FIELD_NUMBER: _ClassVar[int]
    RULE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    DETAILS_FIELD_NUMBER: _ClassVar[int]
    HASH_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    time: int
    user: str
    token_id: str
    peer: str
    request_id: str
    action: str
    object: str
    allowed: bool
    rule: int
    reason: str
    details: _containers.RepeatedCompositeFieldContainer[AuditDetail]
    hash: bytes
    def __init__(self, sequence: _Optional[int] = ..., time: _Optional[int] = ..., user: _Optional[str] = ..., token_id: _Optional[str] = ..., peer: _Optional[str] = ..., request_id: _Optional[str] = ..., action: _Optional[str] = ..., object: _Optional[str] = ..., allowed: bool = ..., rule: _Optional[int] = ..., reason: _Optional[str] = ..., details: _Optional[_Iterable[_Union[AuditDetail, _Mapping]]] = ..., hash: _Optional[bytes] = ...) -> None: ...

class QueryAuditRequest(_message.Message):
    __slots__ = ("repository", "user", "action", "object", "since", "until", "denied", "after", "limit", "oldest_first")
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    ACTION_FIELD_NUMBER: _ClassVar[int]
    OBJECT_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    UNTIL_FIELD_NUMBER: _ClassVar[int]
    DENIED_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    OLDEST_FIRST_FIELD_NUMBER: _ClassVar[int]
    repository: str
    user: str
    action: str
    object: str
    since: int
    until: int
    denied: bool
    after: int
    limit: int
    oldest_first: bool
    def __init__(self, repository: _Optional[str] = ..., user: _Optional[str] = ..., action: _Optional[str] = ..., object: _Optional[str] = ..., since: _Optional[int] = ..., until: _Optional[int] = ..., denied: bool = ..., after: _Optional[int] = ..., limit: _Optional[int] = ..., oldest_first: bool = ...) -> None: ...

class QueryAuditResponse(_message.Message):
    __slots__ = ("entries",)
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    entries: _containers.RepeatedCompositeFieldContainer[AuditEntry]
    def __init__(self, entries: _Optional[_Iterable[_Union[AuditEntry, _Mapping]]] = ...) -> None: ...

class VerifyAuditRequest(_message.Message):
    __slots__ = ("repository", "known_entries", "known_hash")
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    KNOWN_ENTRIES_FIELD_NUMBER: _ClassVar[int]
    KNOWN_HASH_FIELD_NUMBER: _ClassVar[int]
    repository: str
    known_entries: int
    known_hash: bytes
    def __init__(self, repository: _Optional[str] = ..., known_entries: _Optional[int] = ..., known_hash: _Optional[bytes] = ...) -> None: ...

class VerifyAuditResponse(_message.Message):
    __slots__ = ("entries", "hash", "fault")
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    HASH_FIELD_NUMBER: _ClassVar[int]
    FAULT_FIELD_NUMBER: _ClassVar[int]
    entries: int
    hash: bytes
    fault: int
    def __init__(self, entries: _Optional[int] = ..., hash: _Optional[bytes] = ..., fault: _Optional[int] = ...) -> None: ...
