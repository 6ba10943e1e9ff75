"""A server as the client sees it: all calls over one connection."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar

from mlv.remote.asking import AskingCalls
from mlv.remote.channel import Channel, Counters
from mlv.remote.history import HistoryCalls
from mlv.remote.notices import NoticeCalls
from mlv.remote.repositories import RepositoryCalls
from mlv_core.errors import UntrustedServer
from mlv_core.ids import ServerAddress
from mlv_core.version import VERSION

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})

if TYPE_CHECKING:
    from mlv.remote.auditing import AuditCalls
    from mlv.remote.events import EventCalls
    from mlv.remote.groups import GroupCalls
    from mlv.remote.hooks import HookCalls
    from mlv.remote.merges import MergeCalls
    from mlv.remote.people import PeopleCalls
    from mlv.remote.policies import PolicyCalls
    from mlv.remote.releasing import ReleaseCalls
    from mlv.remote.shelves import ShelfCalls

    class SeldomCalls(
        PeopleCalls, MergeCalls, ShelfCalls, ReleaseCalls, EventCalls, PolicyCalls, GroupCalls, AuditCalls, HookCalls
    ):
        """What few commands ask for."""

else:

    class SeldomCalls:
        """What few commands ask for: a part is imported when one of its calls is wanted, and its messages with it."""

        PARTS: ClassVar[dict[str, str]] = {
            "people": "PeopleCalls",
            "merges": "MergeCalls",
            "shelves": "ShelfCalls",
            "releasing": "ReleaseCalls",
            "events": "EventCalls",
            "policies": "PolicyCalls",
            "groups": "GroupCalls",
            "auditing": "AuditCalls",
            "hooks": "HookCalls",
        }

        def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - any call
            if not name.startswith("_"):
                for module, part in self.PARTS.items():
                    found = vars(getattr(import_module(f"mlv.remote.{module}"), part)).get(name)
                    if found is not None:
                        setattr(SeldomCalls, name, found)
                        return getattr(self, name)
            raise AttributeError(name)


class Server(RepositoryCalls, HistoryCalls, AskingCalls, NoticeCalls, SeldomCalls):
    """One server, signed in with one token; use it from any thread, close it at the end."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    @property
    def address(self) -> ServerAddress:
        """Where it listens."""
        return self._channel.address

    @property
    def counters(self) -> Counters:
        """Bytes and calls of this connection."""
        return self._channel.counters

    def close(self) -> None:
        """Close the connection."""
        self._channel.close()


def connect(
    address: ServerAddress,
    token: str | None,
    authority_pem: bytes | None,
    workspace_id: str = "",
    timeout_seconds: float = 10.0,
    cut_seconds: float | None = None,
    seen: str = "",
) -> Server:
    """A server at `address` whose certificate must come from `authority_pem`; nothing is sent before the first call.

    Retries of a call stop after `timeout_seconds`; once content has begun to move, after `cut_seconds` (None: as long).
    `seen` says what the workspace was told of already: its repository, and the number of an event if there is one.

    Raises: UntrustedServer for plaintext outside of the loopback, or TLS without an authority.
    """
    if address.plaintext and address.host not in LOOPBACK:
        raise UntrustedServer(
            f"{address} is not this machine: plaintext would show your token to the network.",
            advice="Name the server with mlv://.",
        )
    if not address.plaintext and not authority_pem:
        raise UntrustedServer(f"{address} is not known yet.", advice=f"'mlv login {address}' confirms it once.")
    channel = Channel(
        address,
        token,
        authority_pem,
        workspace_id=workspace_id,
        seen=seen,
        timeout_seconds=timeout_seconds,
        cut_seconds=cut_seconds,
        version=VERSION,
    )
    return Server(channel)
