"""The one chain of every call: request id, authentication, permission, deadline, limits, errors, metrics, audit."""

from __future__ import annotations

import asyncio
import contextlib
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import field
from typing import TYPE_CHECKING, Any, NoReturn, Self

import grpc

from mlv_core.deferred import dataclass
from mlv_core.errors import DeadlineExceeded, Interrupted, LimitExceeded, MlvError, NotSignedIn
from mlv_server import telemetry
from mlv_server.domain.networks import address_of
from mlv_server.rpc import errors, slices
from mlv_server.rpc.methods import Access, Method, Unreadable, repository_of
from mlv_server.services import access, signing
from mlv_server.services.call import Call, Randomness
from mlv_server.services.memory import Memory

if TYPE_CHECKING:
    from google.protobuf.descriptor import MethodDescriptor

    from mlv_server.content.store import ContentStore
    from mlv_server.domain.policy import Principal
    from mlv_server.metadata.engine import Database
    from mlv_server.outgoing.caller import Caller
    from mlv_server.services.background import Background
    from mlv_server.services.clock import Clock
    from mlv_server.services.contacts import Contacts
    from mlv_server.services.notices import NoticeBoard
    from mlv_server.settings import Settings

Context = grpc.aio.ServicerContext[Any, Any]
REQUEST_ID_LIMIT = 64
"""Room for a UUID with a prefix; longer ids are replaced, not refused."""
NUMBER_DIGITS = 18
"""Of an event that a caller says it has seen: below 2^63."""
_WARNED = frozenset({"INTERNAL", "DATA_LOSS", "RESOURCE_EXHAUSTED", "UNAUTHENTICATED", "UNAVAILABLE"})
"""What whoever runs the server may have to mend, or should see."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What every call is given to work with."""

    db: Database
    store: ContentStore
    background: Background
    settings: Settings
    metrics: telemetry.Metrics
    outgoing: Caller
    anonymous: Principal
    clock: Clock
    contacts: Contacts
    notices: NoticeBoard
    memory: Memory = field(default_factory=Memory)
    randomness: Randomness = field(default_factory=Randomness)


class Chain:
    """Wraps each method's function, so that none can be reached around it."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._running = asyncio.Semaphore(parts.settings.calls)
        self._watching = asyncio.Semaphore(parts.settings.watchers)
        self._held = slices.Held()

    def unary(self, method: Method, descriptor: MethodDescriptor) -> Callable[[Any, Context], Awaitable[Any]]:
        """The handler of a unary method."""

        async def handle(request: Any, context: Context) -> Any:  # noqa: ANN401 - any message of the contract
            async with _Frame(self._parts, self._running, method, descriptor, context) as frame:
                async with asyncio.timeout(frame.seconds_left()):
                    return await method.serve(await frame.admit(request), request)

        return handle

    def server_stream(self, method: Method, descriptor: MethodDescriptor) -> Callable[[Any, Context], Any]:
        """The handler of a method that answers with a stream."""

        async def handle(request: Any, context: Context) -> AsyncIterator[Any]:  # noqa: ANN401 - as above
            places = self._watching if method.watches else self._running
            async with _Frame(self._parts, places, method, descriptor, context) as frame:
                call = await frame.admit(request)
                async for message in method.serve(call, request):
                    yield message

        return handle

    def sliced(self, method: Method, descriptor: MethodDescriptor) -> Callable[[Any, Context], Any]:
        """The handler of a method whose request comes in slices and whose answer goes in some.

        The deadline is for all but the answer: what was done by then is done.
        """

        async def handle(requests: AsyncIterator[Any], context: Context) -> AsyncIterator[Any]:
            async with _Frame(self._parts, self._running, method, descriptor, context) as frame:
                answers = await self._gathered(frame, method, requests)
                async for message in answers:
                    yield message

        return handle

    def sliced_unary(self, method: Method, descriptor: MethodDescriptor) -> Callable[[Any, Context], Any]:
        """The handler of a method whose request comes in slices and whose answer is one message."""

        async def handle(requests: AsyncIterator[Any], context: Context) -> Any:  # noqa: ANN401 - as above
            async with _Frame(self._parts, self._running, method, descriptor, context) as frame:
                return await self._gathered(frame, method, requests)

        return handle

    async def _gathered(self, frame: _Frame, method: Method, requests: AsyncIterator[Any]) -> Any:  # noqa: ANN401 - as above
        """What the method gives for the request that comes; the caller is admitted by its first message."""
        if method.sliced is None:
            raise TypeError(method.name)
        async with asyncio.timeout(frame.seconds_left()):
            first = await anext(requests, None)
            call = await frame.admit(first)
            with self._held.counting() as count:
                limit = self._parts.settings.files_per_commit
                asked = await slices.gather(method.sliced, first, requests, limit, count)
                return await method.serve(call, asked)

    def client_stream(self, method: Method, descriptor: MethodDescriptor) -> Callable[[Any, Context], Any]:
        """The handler of a method that is sent a stream."""

        async def handle(requests: AsyncIterator[Any], context: Context) -> Any:  # noqa: ANN401 - as above
            async with _Frame(self._parts, self._running, method, descriptor, context) as frame:
                call = await frame.admit(None)
                return await method.serve(call, _readable(requests), frame.metadata)

        return handle


async def _readable(requests: AsyncIterator[Any]) -> AsyncIterator[Any]:
    """The messages of a stream. Raises: the error of one that is unreadable."""
    async for request in requests:
        if isinstance(request, Unreadable):
            raise request.error
        yield request


class _Frame:
    """One call on its way through the chain."""

    def __init__(
        self,
        parts: Parts,
        running: asyncio.Semaphore,
        method: Method,
        descriptor: MethodDescriptor,
        context: Context,
    ) -> None:
        self._parts = parts
        self._running = running
        self._method = method
        self._descriptor = descriptor
        self._context = context
        self._started = time.monotonic()
        # Asked for now: gRPC frees a call whose client is gone, and to ask it then ends the whole process.
        self._peer = context.peer()
        self.metadata = {key: value for key, value in (context.invocation_metadata() or ()) if isinstance(value, str)}
        given = self.metadata.get("mlv-request-id", "")
        self._named = 0 < len(given) <= REQUEST_ID_LIMIT and given.isprintable()
        self.request_id = given if self._named else str(uuid.uuid4())
        self._user = ""
        self._trailer: tuple[tuple[str, str], ...] = ()

    async def __aenter__(self) -> Self:
        self._parts.metrics.begin()
        if not self._running.locked():
            await self._running.acquire()  # there is a place: it does not wait
            return self
        if self._method.watches:
            await self._fail(LimitExceeded("The server has as many watchers as it takes."), held=False)
        try:
            async with asyncio.timeout(self.seconds_left()):
                await self._running.acquire()
        except TimeoutError:
            await self._fail(LimitExceeded("The server is busy: no place became free in time."), held=False)
        except asyncio.CancelledError:
            self._finish(Interrupted.status)
            raise
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        if error is None:
            self._finish("OK")
            self._running.release()
        elif isinstance(error, MlvError):
            await self._fail(error)
        elif isinstance(error, TimeoutError):
            await self._fail(DeadlineExceeded("The call took longer than its deadline."))
        elif isinstance(error, Exception):
            telemetry.logger().error(
                "call failed",
                method=self._descriptor.full_name,
                request=self.request_id,
                user=self._user,
                exc_info=error,
            )
            await self._fail(errors.hidden(self.request_id))
        else:
            self._finish(Interrupted.status)
            self._running.release()

    async def admit(self, request: object) -> Call:
        """Authentication, then permission: the call, or the error that says why not."""
        asked = self._asked(request)
        principal = await self._principal(asked)
        self._user = principal.user
        if isinstance(request, Unreadable):
            raise request.error
        call = Call(
            principal=principal,
            request_id=self.request_id,
            now=self._parts.clock.now(),
            fresh=self._parts.randomness.fresh(),
            peer=self._peer,
            db=self._parts.db,
            store=self._parts.store,
            background=self._parts.background,
            settings=self._parts.settings,
            outgoing=self._parts.outgoing,
            named=self._named,
            memory=self._parts.memory,
        )
        repository = repository_of(request, self.metadata, self._descriptor)
        permission = self._method.permission
        if isinstance(permission, str):
            await access.authorize(call, permission, repository, instead=self._method.instead, asked=asked)
            workspace = self.metadata.get("mlv-workspace", "")
            if workspace and repository:
                self._parts.contacts.note(repository, workspace, principal.user_id, call.now)
                await self._hint(repository, workspace, call.now)
        return call

    async def _hint(self, repository: str, workspace: str, now: int) -> None:
        """Tell a workspace of this repository, at the end of the answer, if something concerns it that is new to it."""
        named, _, number = self.metadata.get("mlv-seen", "").partition(" ")
        if named != repository or len(number) > NUMBER_DIGITS or (number and not number.isdecimal()):
            return
        seen = int(number) if number else None
        news = await self._parts.notices.look(repository, self._user, workspace, seen, now)
        if news is not None:
            self._trailer = (("mlv-notices", str(news)),)
            self._context.set_trailing_metadata(self._trailer)

    def _asked(self, request: object) -> access.Asked | None:
        """What is to be decided as the caller signs in; None where that is no right, or what came is not readable."""
        permission = self._method.permission
        if isinstance(permission, str) and not isinstance(request, Unreadable):
            with contextlib.suppress(MlvError):  # raised once it is known who calls
                repository = repository_of(request, self.metadata, self._descriptor)
                return access.Asked(permission, repository, self._method.instead)
        return None

    async def _principal(self, asked: access.Asked | None) -> Principal:
        permission = self._method.permission
        if permission is Access.PUBLIC:
            return self._parts.anonymous
        scheme, _, secret = self.metadata.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not secret:
            raise NotSignedIn("The call carries no token.")
        parts, address = self._parts, address_of(self._peer)
        principal = await signing.sign_in(parts.db, parts.memory, secret.strip(), address, parts.clock.now(), asked)
        if principal.exchange and permission is not Access.EXCHANGE:
            raise NotSignedIn(
                "The first token can only be exchanged.", advice="'mlv login URL' exchanges it for your own."
            )
        return principal

    def seconds_left(self) -> float:
        """How long the call may still take: the caller's deadline within the server's limit."""
        remaining: float | None = self._context.time_remaining()
        limit = float(self._parts.settings.call_seconds)
        return limit if remaining is None else max(0.0, min(limit, remaining))

    async def _fail(self, error: MlvError, *, held: bool = True) -> NoReturn:
        self._finish(error.status, error.code)
        if held:
            self._running.release()
        await self._context.abort(errors.status_of(error), error.message, self._ends(error))
        raise error

    def _ends(self, error: MlvError) -> tuple[tuple[str, str | bytes], ...]:
        """What stands at the end of a refusal."""
        return (*errors.trailer(error, self.request_id), *self._trailer)

    def _finish(self, status: str, code: str = "") -> None:
        """Count the call and log it; what a refusal says may name a user's files, so only its code is logged."""
        seconds = time.monotonic() - self._started
        self._parts.metrics.end(self._descriptor.full_name, status, seconds)
        if status == "OK" and self._parts.settings.log_level != "debug":
            return
        log = telemetry.logger()
        level = log.debug if status == "OK" else log.warning if status in _WARNED else log.info
        level(
            "call",
            method=self._descriptor.full_name,
            request=self.request_id,
            user=self._user,
            peer=self._peer,
            status=status,
            code=code,
            seconds=round(seconds, 4),
        )
