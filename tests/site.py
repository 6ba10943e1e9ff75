"""A real server over TLS on loopback, and people who use it from Python."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers import RunningServer

import mlv
from mlv.remote import Server, connect
from mlv.remote.trust import fetch_authority
from mlv_core.ids import RemoteAddress

LARGE_BYTES = 1_000_000
_numbers = itertools.count(1)


class Site:
    """A running server and the clients that signed in to it."""

    def __init__(self, process: RunningServer) -> None:
        self.process = process
        self._clients: list[mlv.Client] = []
        address = RemoteAddress.parse(process.url).server
        first = connect(address, process.admin_token, fetch_authority(address, 10.0).pem)
        self.admin_token, _ = first.exchange_token()
        first.close()
        self.admin = self.sign_in(self.admin_token)

    @property
    def server(self) -> Server:
        """The admin's connection."""
        return self.admin._context.server(self.process.url)

    def sign_in(self, token: str) -> mlv.Client:
        """A client that holds `token`."""
        client = mlv.connect(self.process.url, token, self.process.fingerprint)
        self._clients.append(client)
        return client

    def repository(self) -> mlv.Repository:
        """A new repository of the admin's."""
        return self.admin.create_repository(f"test/repo-{next(_numbers)}")

    def token(self, *grants: tuple[str, str]) -> str:
        """The token of a new user with (role, repository) grants."""
        name = f"person{next(_numbers)}"
        _, token = self.server.add_user(name)
        for role, repository in grants:
            self.server.grant_role(repository, role, name)
        return token

    def person(self, *grants: tuple[str, str]) -> mlv.Client:
        """A new user, signed in, with (role, repository) grants."""
        return self.sign_in(self.token(*grants))

    def close(self) -> None:
        """Close all connections."""
        for client in self._clients:
            client.close()


def damage(site: Site) -> None:
    """Turn one bit in the middle of every large pack, as a bad disk does, while the server is stopped."""
    site.process.stop()
    folder = site.process.directory / "content"
    packs = [path for path in folder.rglob("*") if path.is_file() and path.stat().st_size > LARGE_BYTES]
    assert packs
    for path in packs:
        path.chmod(0o644)
        with path.open("r+b") as stream:
            stream.seek(path.stat().st_size // 2)
            (byte,) = stream.read(1)
            stream.seek(-1, 1)
            stream.write(bytes([byte ^ 1]))
    site.process.start()


@contextmanager
def running_site(folder: Path) -> Iterator[Site]:
    """A started server with its admin signed in; stopped at the end."""
    process = RunningServer.create(folder / "server").start()
    try:
        site = Site(process)
        yield site
        site.close()
    finally:
        process.stop()
