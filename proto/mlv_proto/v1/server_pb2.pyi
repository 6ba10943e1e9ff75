from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor

class GetServerRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetServerResponse(_message.Message):
    __slots__ = ("version", "certificate_authority", "codecs", "protocol")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    CERTIFICATE_AUTHORITY_FIELD_NUMBER: _ClassVar[int]
    CODECS_FIELD_NUMBER: _ClassVar[int]
    PROTOCOL_FIELD_NUMBER: _ClassVar[int]
    version: str
    certificate_authority: bytes
    codecs: _containers.RepeatedScalarFieldContainer[int]
    protocol: int
    def __init__(self, version: _Optional[str] = ..., certificate_authority: _Optional[bytes] = ..., codecs: _Optional[_Iterable[int]] = ..., protocol: _Optional[int] = ...) -> None: ...
