"""What a method declares: its messages, the permission it needs, and the function that serves it."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import TYPE_CHECKING, Any

from google.protobuf.message import DecodeError

from mlv_core.deferred import dataclass
from mlv_core.errors import InvalidRequest, MlvError

if TYPE_CHECKING:
    from google.protobuf.descriptor import MethodDescriptor

    from mlv_proto.convert.slices import Sliced


class Access(Enum):
    """Who may call a method that names no action."""

    PUBLIC = "public"
    """Anybody, without a token."""
    EXCHANGE = "any sign-in"
    """Any token, also the single-use first one."""
    SIGNED_IN = "signed in"
    """Any token but the first one; the service decides on what."""


OPTIONAL_REPOSITORY = frozenset(
    {
        "ShowPolicy", "GetPolicyDocument", "SetPolicy", "TestPolicy", "DiffPolicy", "ListPolicyVersions",
        "QueryAudit", "VerifyAudit",
    }
)  # fmt: skip
"""Methods whose request may leave the repository empty: they then speak of the whole server."""

Serve = Callable[..., Any]
"""Unary: (call, request) -> awaitable message. Server stream: (call, request) -> async iterator of messages.
Client stream: (call, async iterator of messages, metadata) -> awaitable message. In slices: (call, value of the whole
request) -> awaitable message, or awaitable async iterator of messages where the answer is a stream."""


@dataclass(frozen=True, slots=True)
class Method:
    """One RPC. `permission` is an action on the request's repository, or an Access.

    A method that is sent a stream of bytes reads its repository from the call's metadata. One with `sliced` is sent a
    request that may be cut into several messages, of which the first one names the repository. One that `watches`
    mostly waits: it takes no place among the calls, but one among the watchers, or is refused at once. `instead` is
    another action that lets a caller in who lacks `permission`.
    """

    name: str
    permission: str | Access
    serve: Serve
    serializer: Callable[[Any], bytes] | None = None
    deserializer: Callable[[bytes], Any] | None = None
    sliced: Sliced[Any, Any] | None = None
    watches: bool = False
    instead: str = ""


@dataclass(frozen=True, slots=True)
class Service:
    """The methods of one gRPC service, by the service's full name."""

    name: str
    methods: tuple[Method, ...]


@dataclass(frozen=True, slots=True)
class Unreadable:
    """What came instead of a message; the chain raises `error` where every failure gets its name."""

    error: MlvError


def readable(parse: Callable[[bytes], Any], name: str) -> Callable[[bytes], Any]:
    """`parse` for messages of the type `name`, giving Unreadable for bytes that are none.

    What `parse` raised would reach the caller as the text of an exception.
    """

    def read(data: bytes) -> Any:  # noqa: ANN401 - any message of the contract
        try:
            return parse(data)
        except DecodeError:
            return Unreadable(InvalidRequest(f"The bytes that came are no {name}."))
        except MlvError as error:
            return Unreadable(error)

    return read


def repository_of(request: object, metadata: dict[str, str], descriptor: MethodDescriptor) -> str | None:
    """The repository that a call speaks of; None for a message without such a field.

    Raises: InvalidRequest when the field is there but empty.
    """
    if "repository" in descriptor.input_type.fields_by_name:
        repository = str(getattr(request, "repository", ""))
    elif descriptor.client_streaming:
        repository = metadata.get("mlv-repository", "")
    else:
        return None
    if not repository and descriptor.name not in OPTIONAL_REPOSITORY:
        raise InvalidRequest("The request names no repository.", advice="Set repository to namespace/name.")
    return repository or None
