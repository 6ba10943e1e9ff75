"""What every action is given: where it works, how it reaches the server, whom it tells how far it is."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import field
from typing import TYPE_CHECKING

from mlv.workspace.opened import Workspace
from mlv_core.deferred import dataclass

if TYPE_CHECKING:
    from mlv.remote import Server
    from mlv.remote.channel import Counters
    from mlv.remote.credentials import Credential
    from mlv.transfer.types import Progress
    from mlv_core.noticing import Notice


def _unheard(_text: str) -> None:
    """A notice that nobody asked for."""


@dataclass(slots=True)
class Context:
    """The surroundings of an action; for the command and for the SDK alike.

    `timeout_seconds`: when retries of one call stop (C3); None: as the user's settings say. `notice` gets one line
    each about what the user should know besides the result. `progress` None: silent. `credentials` are used before
    the remembered ones, by server. `news` gets what is new to the workspace as values, for a script; None: lines for
    people by `notice`. Each of the two is told once.
    """

    directory: str = field(default_factory=os.getcwd)
    timeout_seconds: float | None = None
    notice: Callable[[str], None] = _unheard
    progress: Progress | None = None
    _workspace: Workspace | None = None
    _servers: dict[str, Server] = field(default_factory=dict)
    credentials: dict[str, Credential] = field(default_factory=dict)
    news: Callable[[Notice], None] | None = None

    @property
    def workspace(self) -> Workspace:
        """The workspace that the directory lies in.

        Raises: NotAWorkspace.
        """
        if self._workspace is None:
            self._workspace = Workspace.open(self.directory, self.notice)
        return self._workspace

    def use(self, workspace: Workspace) -> None:
        """Work in this workspace from now on."""
        self._workspace = workspace

    def has_workspace(self) -> bool:
        """Whether the directory lies in a workspace."""
        from mlv_core.errors import NotAWorkspace

        try:
            return self.workspace is not None
        except NotAWorkspace:
            return False

    def server(self, address: str | None = None) -> Server:
        """The signed-in server at `address`; None: the workspace's, else the default of the user's settings.

        Raises: NotSignedIn, Unreachable, UntrustedServer.
        """
        from mlv.actions import connecting

        address = address or self.address()
        if address not in self._servers:
            here = self.workspace if self.has_workspace() and self.workspace.server == address else None
            self._servers[address] = connecting.connect(
                address,
                timeout_seconds=self.timeout_seconds,
                workspace_id=here.id if here is not None else "",
                seen=f"{here.repository} {self._seen(here)}" if here is not None else "",
                given=self.credentials.get(address),
            )
        return self._servers[address]

    def _seen(self, workspace: Workspace) -> str:
        from mlv.actions.noticing import seen_until

        return seen_until(workspace, scripts=self.news is not None)

    def address(self) -> str:
        """The server that a command without an address speaks to.

        Raises: NotSignedIn.
        """
        if self.has_workspace():
            return self.workspace.server
        from mlv.actions import connecting

        return connecting.default_address()

    def paths(self, arguments: tuple[str, ...]) -> tuple[str, ...]:
        """The version's paths that the user's arguments mean; none: the whole workspace.

        Raises: InvalidPath.
        """
        from mlv.workspace.layout import to_version_path

        where = self.workspace.layout
        return tuple(to_version_path(where, self.directory, item) for item in arguments) or ("",)

    def close(self, *, tell: bool = True) -> None:
        """Let go of workspace and servers; what concerns the workspace is told before, or left for the next time."""
        if tell and self._workspace is not None and self._workspace.server in self._servers:
            from mlv.actions.noticing import tell_news

            tell_news(self._workspace, self._servers[self._workspace.server], self.notice, self.news)
        if self._workspace is not None:
            self._workspace.close()
            self._workspace = None
        self.hang_up()

    def traffic(self) -> list[tuple[str, Counters]]:
        """Every server that was reached, and what was sent to it and received from it so far."""
        return [(address, server.counters) for address, server in self._servers.items()]

    def hang_up(self) -> None:
        """Let go of the servers alone."""
        for server in self._servers.values():
            server.close()
        self._servers.clear()
