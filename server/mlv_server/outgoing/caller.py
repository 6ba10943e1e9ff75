"""Sends one POST over HTTPS to an address that was checked, and reads a bounded answer; follows nothing."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import h11

from mlv_core.deferred import dataclass
from mlv_core.errors import InvalidRequest
from mlv_core.version import VERSION
from mlv_server.domain.destinations import Allowed, Destination, address_fault, parse_destination

if TYPE_CHECKING:
    from mlv_server.settings import Settings

ANSWER_LIMIT = 64 * 1024
"""Bytes of an answer's body that are looked at; what comes after them is not read."""
RECEIVED_LIMIT = 4 * ANSWER_LIMIT
"""Bytes that are taken from the line in all, headers and framing included."""
HEADER_LIMIT = 16 * 1024
CALLS_LIMIT = 128
"""Requests under way at once; others wait, within their time: a descriptor and some 300 KiB each at most."""
LOOKUP_THREADS = 4
"""Names are looked up in threads of their own: a dead name server holds up no other work of the server."""
ADDRESSES_LIMIT = 4
"""Addresses of one name that are tried, in the resolver's order."""
_CHUNK = 16 * 1024

Place = tuple[int, tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]]


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of a request: status and body of the answer, or status 0 and a `fault` in our own words."""

    status: int
    body: bytes
    milliseconds: int
    fault: str = ""


class _FaultError(Exception):
    """Why there is no answer, in words that may be shown."""


class Caller:
    """Makes requests. It knows no proxy, no cookie and no redirect, and connects to the very address it checked."""

    def __init__(self, settings: Settings) -> None:
        self.allowed = Allowed.of(settings.outgoing_allow, plaintext=settings.outgoing_plaintext)
        self._authority = settings.outgoing_authority
        self._lookups: ThreadPoolExecutor | None = None
        self._places = asyncio.Semaphore(CALLS_LIMIT)
        self._context: ssl.SSLContext | None = None

    async def post(self, url: str, body: bytes, headers: Mapping[str, str], seconds: float) -> Reply:
        """Send `body` as JSON to `url` and read the answer, all within `seconds`; never raises for the other side."""
        began = time.monotonic()
        try:
            target = parse_destination(url, self.allowed)
            async with asyncio.timeout(seconds), self._places:
                status, answer = await self._exchange(target, _request(target, body, headers), body)
                return Reply(status, answer, _since(began))
        except InvalidRequest as error:
            return Reply(0, b"", _since(began), error.message.rstrip("."))
        except _FaultError as error:
            return Reply(0, b"", _since(began), str(error))
        except TimeoutError:
            return Reply(0, b"", _since(began), f"no answer within {seconds:g} s")
        except ssl.SSLCertVerificationError:
            return Reply(0, b"", _since(began), "its certificate is not trusted")
        except ssl.SSLError:
            return Reply(0, b"", _since(began), "TLS with it failed")
        except OSError:
            return Reply(0, b"", _since(began), "the connection failed")
        except h11.RemoteProtocolError:
            return Reply(0, b"", _since(began), "its answer is no HTTP")

    def close(self) -> None:
        """Let go of the threads."""
        if self._lookups is not None:
            self._lookups.shutdown(wait=False, cancel_futures=True)

    async def _exchange(self, target: Destination, request: h11.Request, body: bytes) -> tuple[int, bytes]:
        line = await self._connected(target)
        try:
            reader, writer = await asyncio.open_connection(
                sock=line,
                ssl=self._trust() if target.tls else None,
                server_hostname=target.host if target.tls else None,
                limit=_CHUNK,
            )
        except BaseException:
            line.close()
            raise
        try:
            talk = h11.Connection(h11.CLIENT, max_incomplete_event_size=HEADER_LIMIT)
            writer.write(talk.send(request) or b"")
            writer.write(talk.send(h11.Data(data=body)) or b"")
            writer.write(talk.send(h11.EndOfMessage()) or b"")
            await writer.drain()
            return await _answer(talk, reader)
        finally:
            writer.transport.abort()

    async def _connected(self, target: Destination) -> socket.socket:
        """A connection to an address of `target` that is within bounds. Raises: OSError, _FaultError."""
        loop = asyncio.get_running_loop()
        failed: OSError | None = None
        for family, place in await self._addresses(target):
            line = socket.socket(family, socket.SOCK_STREAM)
            line.setblocking(False)
            try:
                await loop.sock_connect(line, place)
                return line
            except OSError as error:
                failed = error
                line.close()
            except BaseException:
                line.close()
                raise
        raise _FaultError("it cannot be reached") from failed

    async def _addresses(self, target: Destination) -> list[Place]:
        """Where the host's name leads, without what is out of bounds. Raises: _FaultError."""
        if self._lookups is None:
            self._lookups = ThreadPoolExecutor(LOOKUP_THREADS, thread_name_prefix="mlv-lookup")
        try:
            found = await asyncio.get_running_loop().run_in_executor(self._lookups, _look_up, target.host, target.port)
        except (OSError, UnicodeError):
            raise _FaultError("its name leads to no address") from None
        faults = {place: address_fault(target.host, str(place[1][0]), self.allowed) for place in found}
        good = [place for place, fault in faults.items() if not fault]
        if not good:
            reason = next(iter(faults.values()), "its name leads to no address")
            raise _FaultError(f"the server does not call {target.host}: {reason}")
        return good[:ADDRESSES_LIMIT]

    def _trust(self) -> ssl.SSLContext:
        if self._context is None:
            made = ssl.create_default_context()
            try:
                if self._authority is not None:
                    made.load_verify_locations(self._authority)
            except OSError:
                raise _FaultError("this server cannot read the authorities that outgoing.authority names") from None
            self._context = made
        return self._context


async def _answer(talk: h11.Connection, reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """Status and body of the answer. Raises: _FaultError, RemoteProtocolError."""
    status, received, body = 0, 0, bytearray()
    while True:
        event = talk.next_event()
        if event is h11.NEED_DATA:
            data = await reader.read(_CHUNK)
            if not data and not received:
                raise _FaultError("it hung up without an answer")
            received += len(data)
            if received > RECEIVED_LIMIT:
                raise _FaultError("its answer is too long")
            talk.receive_data(data)
        elif isinstance(event, h11.Response):
            status = event.status_code
        elif isinstance(event, h11.Data):
            body += event.data
            if len(body) > ANSWER_LIMIT:
                return status, bytes(body[:ANSWER_LIMIT])
        elif isinstance(event, h11.EndOfMessage):
            return status, bytes(body)
        elif not isinstance(event, h11.InformationalResponse):
            raise _FaultError("its answer is no HTTP")


def _request(target: Destination, body: bytes, headers: Mapping[str, str]) -> h11.Request:
    fixed = {
        "Host": target.authority,
        "User-Agent": f"mlv/{VERSION}",
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        "Accept": "application/json",
        "Connection": "close",
    }
    return h11.Request(method="POST", target=target.resource, headers=list({**fixed, **headers}.items()))


def _look_up(host: str, port: int) -> list[Place]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    return list(dict.fromkeys((int(family), place) for family, _, _, _, place in found))


def _since(began: float) -> int:
    return round((time.monotonic() - began) * 1000)
