"""The real thing that the model is compared with: a server, users and workspaces, looked at from outside."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import os
import stat
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from blake3 import blake3
from tests.faults.model import File, Repository, Workspace
from tests.faults.workload import USER_ACTS, Op
from tests.faults.zygote import Fork, Server, Trap, command
from tests.ports import free_port

from mlv import connect
from mlv.cli.main import run
from mlv_core.entities import LockMode
from mlv_core.ids import ChangesetNumber, RepositoryName
from mlv_server import app
from mlv_server.cli.main import main
from mlv_server.services import verification
from mlv_server.settings import SETTINGS_FILE, load_settings

USERS = ("admin", "ann", "bob", "cat", "dan")
ROLES = {"ann": "maintainer", "bob": "contributor", "cat": "contributor", "dan": "contributor"}
POLICY = """
[[allow]]
who = "admin"
role = "admin"

[[lock]]
types = [".bin"]
need = "required"
scope = "branch"

[[lock]]
need = "none"
scope = "branch"
"""
"""What the model knows of: a lock is needed on weights, and is of its branch alone (L3, L4)."""


@lru_cache(maxsize=65_536)
def name_of(data: bytes) -> str:
    """The name of content."""
    return blake3(data).hexdigest()


def _in_order_of_tokens(locks: Iterable[tuple[int, list[Any]]]) -> list[list[Any]]:
    """Locks in the order of their tokens, which the model has too; intents, which it has not, take tokens as well."""
    return [lock for _, lock in sorted(locks)]


def typed(config: Path, directory: Path, arguments: tuple[str, ...]) -> tuple[int, Any]:
    """In this very process: the exit code of a command and its JSON; directory and settings folder stay so."""
    os.environ["MLV_CONFIG_DIR"] = str(config)
    os.chdir(directory)
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
        code = run((*arguments, "--json"))
    return code, json.loads(out.getvalue() or "null")


def code_of(answer: Any) -> str:
    """The error code of what a command printed, '' when it did what it was told."""
    return str(answer["code"]) if isinstance(answer, dict) and "exit" in answer else ""


@dataclass
class House:
    """One server with its users, and the workspaces of one repository after the other."""

    folder: Path
    trap: Trap
    server: Server = field(init=False)
    repository: str = ""
    ids: dict[str, str] = field(default_factory=dict)
    """Workspace ids by the names that the model gives them."""
    forks: bool = True
    """Whether commands and looks are forks of this process; else they run in it, one after the other."""

    @classmethod
    def build(cls, folder: Path, trap: Trap) -> House:
        """Make a server and sign everybody in."""
        folder.mkdir(parents=True)
        house = cls(folder, trap)
        made = house._init(free_port())
        house.server = Server(folder / "server", trap)
        house.server.start()
        house.move_in(made["url"], made["fingerprint"], made["admin_token"])
        return house

    def move_in(self, url: str, fingerprint: str, admin_token: str) -> None:
        """Sign everybody in."""
        token = admin_token
        for user in USERS:
            if user != "admin":
                token = self.must("admin", self.folder, "user", "add", user)["token"]
            self.must(user, self.folder, "login", url, "--token", token, "--fingerprint", fingerprint)

    def config(self, user: str) -> Path:
        """The settings folder of a user."""
        return self.folder / f"{user}-config"

    def place(self, ws: Workspace) -> Path:
        """The directory of a workspace."""
        return self.folder / self.repository.replace("/", "-") / ws.name

    def must(self, user: str, directory: Path, *arguments: str) -> Any:
        """Run a command that has to succeed; its JSON."""
        if not self.forks:
            code, answer = typed(self.config(user), directory, arguments)
            assert code == 0, f"mlv {' '.join(arguments)} -> {code}: {answer}"
            return answer
        ended = command(self.config(user), directory, (*arguments, "--json")).finish()
        assert ended.code == 0, f"mlv {' '.join(arguments)} -> {ended.code}\n{ended.out}\n{ended.err}"
        return json.loads(ended.out)

    def new_repository(self, name: str) -> None:
        """A new, empty repository, which all may use."""
        self.repository = f"test/{name}"
        (self.folder / f"test-{name}").mkdir()
        self.must("admin", self.folder, "repo", "create", self.repository)
        policy = self.folder / f"test-{name}" / "policy.toml"
        policy.write_text(POLICY)
        version = str(self.must("admin", self.folder, "policy", "show", self.repository)["version"])
        self.must("admin", self.folder, "policy", "set", self.repository, str(policy), "--base", version)
        for user, role in ROLES.items():
            self.must("admin", self.folder, "policy", "grant", role, user, self.repository)

    def checkout(self, ws: Workspace) -> None:
        """Make the workspace that the model has."""
        self.must(ws.user, self.folder, "checkout", self.repository, str(self.place(ws)), "--branch", ws.branch)
        self.meet(ws)

    def meet(self, ws: Workspace) -> None:
        """Learn under which id the server knows a workspace."""
        identity = json.loads((self.place(ws) / ".mlv" / "workspace.json").read_text(encoding="utf-8"))
        self.ids[ws.name] = identity["workspace"]

    def type(self, op: Op, ws: Workspace, trap: Trap | None = None, *, timeout: str = "20") -> Fork:
        """Type a command of `ws`."""
        arguments = (*self.arguments(op, ws), "--json", "--timeout", timeout)
        return command(self.config(ws.user), self.here(op, ws), arguments, trap)

    def arguments(self, op: Op, ws: Workspace) -> tuple[str, ...]:
        """The command line of an act; only here it is known where workspaces lie."""
        if op.verb == "checkout":
            return ("checkout", self.repository, str(self.place(ws)), "--branch", ws.branch)
        return op.arguments()

    def here(self, op: Op, ws: Workspace) -> Path:
        """Where it is typed."""
        return self.folder if op.verb == "checkout" else self.place(ws)

    def do(self, op: Op, ws: Workspace) -> None:
        """What a user does on the disk without a command."""
        assert op.verb in USER_ACTS
        target = self.place(ws) / op.path
        if op.verb == "remove":
            target.unlink()
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists():
            target.chmod(0o644)
        target.write_bytes(op.data)
        target.chmod(0o755 if op.flag else 0o644)

    # --- looking ------------------------------------------------------------------------------------------------------

    def look(self, ws: Workspace, again: Iterable[tuple[str, ...]] = (), *, read: int = 0) -> dict[str, Any]:
        """In one fork: commands typed again, then status, then what a second client sees of the server.

        `read`: so many files of the newest version are fetched and compared with their hashes.
        """
        commands, directory, config = list(again), self.place(ws), self.config(ws.user)

        def work() -> Any:
            codes = [code_of(typed(config, directory, arguments)[1]) for arguments in commands]
            code, status = typed(config, directory, ("status",))
            assert code == 0, status
            return {"codes": codes, "status": status, "served": self._served(read)}

        return self.told(work)  # type: ignore[no-any-return]

    def _served(self, read: int) -> dict[str, Any]:
        """What the admin's own client sees (N2)."""
        os.environ["MLV_CONFIG_DIR"] = str(self.config("admin"))
        with connect() as client:
            name = RepositoryName.parse(self.repository)
            server = client._context.server(client.url)
            branches = {one.name: int(one.head) for one in server.list_branches(name)}
            heads = {}
            for number in {*branches.values()} - {0}:
                rows = server.list_files(name, ChangesetNumber(number))
                heads[str(number)] = sorted(
                    [
                        row.path,
                        int(row.state.file_id),
                        row.state.content.hex(),
                        int(row.state.mode),
                        [list(pair) for pair in row.state.properties],
                    ]
                    for row in rows
                    if row.path != "."
                )
            newest = max(branches.values())
            if newest and read:
                version = client.repository(self.repository).version(newest)
                for change in [one for one in version.changes if one.state is not None][:read]:
                    assert blake3(version.read(change.path)).digest() == bytes(change.state.content)  # type: ignore[union-attr]
            return {
                "branches": branches,
                "heads": heads,
                "labels": {one.name: int(one.changeset) for one in server.list_labels(name)},
                "locks": _in_order_of_tokens(
                    (int(one.token), [one.branch, int(one.file_id), one.path, one.owner, str(one.workspace)])
                    for one in server.list_locks(name)
                    if one.mode is LockMode.EXCLUSIVE
                ),
            }

    def served(self, repo: Repository) -> dict[str, Any]:
        """What `look` must see of the server, by the model."""
        return {
            "branches": repo.branches,
            "heads": {str(number): _rows(repo.versions[number]) for number in {*repo.branches.values()} - {0}},
            "labels": repo.labels,
            "locks": _in_order_of_tokens(
                (one.token, [one.branch, one.file, one.path, one.owner, self.ids[one.workspace]]) for one in repo.locks
            ),
        }

    def differs(self, ws: Workspace, status: dict[str, Any]) -> str:
        """How the disk and `mlv status` of a workspace differ from the model; '' when they do not."""
        shown = {one["path"]: one["state"] for one in status["files"]}
        disk = self.disk(ws)
        found = []
        if disk != ws.disk:
            paths = sorted(path for path in {*disk, *ws.disk} if disk.get(path) != ws.disk.get(path))
            found.append(f"on the disk: {[(path, path in disk, path in ws.disk) for path in paths]}")
        if shown != ws.status():
            found.append(f"status: {shown} but by the model {ws.status()}")
        if (status["branch"], status["base"]) != (ws.branch, ws.base):
            found.append(f"stands at {status['branch']} @{status['base']}, by the model {ws.branch} @{ws.base}")
        if sorted(status.get("opened", ())) != sorted(p for p, file in ws.tracked.items() if file.opened or file.token):
            found.append(f"opened: {status.get('opened')}")
        return "; ".join(found)

    def disk(self, ws: Workspace) -> dict[str, tuple[bytes, bool]]:
        """Every file of the user's in a workspace, with its executable bit."""
        return {path: (data, mode) for path, data, mode in _files(self.place(ws))}

    def kept(self, ws: Workspace) -> set[bytes]:
        """The bytes that a user finds in a workspace and its rescue folder (N4)."""
        place = self.place(ws)
        rescued = _files(place / ".mlv" / "rescue") if (place / ".mlv" / "rescue").is_dir() else []
        return {data for _, data, _ in (*_files(place), *rescued)}

    def verify(self) -> dict[str, Any]:
        """What `mlv-server verify` says of the stopped server."""

        def work() -> Any:
            async def verified() -> verification.Report:
                settings = load_settings(self.server.folder / SETTINGS_FILE)
                async with app.open_parts(settings, background=False) as parts:
                    return await verification.verify(parts.db, parts.store)

            return asdict(asyncio.run(verified()))

        return self.told(work)  # type: ignore[no-any-return]

    def read_all(self, repo: Repository) -> int:
        """Compare every file of every version bit for bit with the model; the number of files read."""

        def work() -> int:
            os.environ["MLV_CONFIG_DIR"] = str(self.config("admin"))
            read: dict[str, bytes] = {}
            with connect() as client:
                where = client.repository(self.repository)
                for number in range(1, len(repo.versions)):
                    version = where.version(number)
                    found = {row.path: row.state.content.hex() for row in version.files() if row.path != "."}
                    wanted = {path: name_of(file.data) for path, file in repo.versions[number].items()}
                    assert found == wanted, f"@{number}: {found} but by the model {wanted}"
                    for path, name in found.items():
                        if name not in read:
                            read[name] = version.read(path)
                        assert read[name] == repo.versions[number][path].data, f"@{number} {path}"
            return len(read)

        return int(self.told(work))

    def _init(self, port: int) -> dict[str, Any]:
        def work() -> Any:
            out, folder = io.StringIO(), str(self.folder / "server")
            with contextlib.redirect_stdout(out):
                main.main(["init", folder, "--listen", f"127.0.0.1:{port}", "--json"], standalone_mode=False)
            return json.loads(out.getvalue())

        return self.told(work)  # type: ignore[no-any-return]

    def told(self, work: Callable[[], Any]) -> Any:
        """What `work` gives, as JSON, from a fork or from this process."""
        if not self.forks:
            return json.loads(json.dumps(work()))

        def tell() -> int:
            print(json.dumps(work()))  # noqa: T201 - read by the parent
            return 0

        ended = Fork(tell).finish()
        assert ended.code == 0, f"{ended.code}\n{ended.out}\n{ended.err}"
        return json.loads(ended.out)


def _rows(version: dict[str, File]) -> list[list[Any]]:
    return sorted(
        [path, file.id, name_of(file.data), int(file.executable), [list(pair) for pair in file.properties]]
        for path, file in version.items()
    )


def _files(root: Path) -> list[tuple[str, bytes, bool]]:
    """Every file below `root`: relative name, bytes, executable; mlv's own are left out."""
    found = []
    for folder, folders, names in os.walk(root):
        if folder == str(root) and ".mlv" in folders:
            folders.remove(".mlv")
        for name in names:
            file = Path(folder, name)
            mode = bool(file.stat().st_mode & stat.S_IXUSR)
            found.append((file.relative_to(root).as_posix(), file.read_bytes(), mode))
    return found
