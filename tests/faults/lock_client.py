"""One of many clients that lock, renew, steal, give and commit at random, and write down what they were answered.

Each call is made once: whether one that was not answered has happened is for the checker to find out. Only a commit is
sent again sometimes, under its own request id, which is one act still (C3).
"""

from __future__ import annotations

import json
import random
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import grpc

from mlv.remote import Server, connect
from mlv_core.asking import Answer, AnswerRequest, AskRequest
from mlv_core.codecs import encode_group
from mlv_core.entities import Change, FileMode, FileState, Lock, Operation
from mlv_core.errors import MlvError
from mlv_core.hashing import ContentHash, hash_content
from mlv_core.ids import ChangesetNumber, FencingToken, FileId, RemoteAddress, RepositoryName, RequestId, WorkspaceId
from mlv_core.packs import PackBuilder, frame_of
from mlv_core.requests import AcquireRequest, ProposedChange, PublishRequest, ReleaseRequest

T = TypeVar("T")
UNKNOWN = frozenset({"UNREACHABLE", "INTERNAL", "LIMIT_EXCEEDED", "INTERRUPTED"})
"""Answers after which nobody knows what the server did."""
CONNECT_SECONDS = 5.0
READY_SECONDS = 60.0
COUNTED = frozenset({"lock", "steal", "unlock", "break", "renew", "give", "commit"})
"""Calls that make up a history; the others only look, or prepare one of these."""
HELD_AT_ONCE = 3
LOOKED_AT = 6
"""Files, of all that a list of locks told of, that are written down."""
PAUSE_SECONDS = (0.5, 8.0)
HOT_SHARE = 0.25
"""Of the acts, those on one of the first few files, which all want."""
HOT_FILES = 4


@dataclass(frozen=True, slots=True)
class Place:
    """Where a client works: its name, workspace and token, what all share, and whether it may break locks."""

    name: str
    workspace: str
    token: str
    force: bool
    url: str
    authority: str
    repository: str
    paths: tuple[str, ...]


@dataclass(slots=True)
class Base:
    """What a workspace has of a file."""

    content: str
    number: int


@dataclass(slots=True)
class Client:
    """A thread's work. `tell` writes a line down, `count` counts it, `stopping` says when it is enough."""

    place: Place
    rng: random.Random
    tell: Callable[[dict[str, Any]], None]
    stopping: threading.Event
    count: Callable[[], None]
    tokens: dict[str, int] = field(default_factory=dict)
    bases: dict[str, Base] = field(default_factory=dict)
    code: str | None = ""
    server: Server = field(init=False)
    repository: RepositoryName = field(init=False)
    workspace: WorkspaceId = field(init=False)

    def __post_init__(self) -> None:
        """Connect; nothing is sent yet."""
        place = self.place
        address = RemoteAddress.parse(place.url).server
        self.server = connect(address, place.token, place.authority.encode(), place.workspace, CONNECT_SECONDS)
        self.server._channel._timeout = 0.0  # no second attempt: what was asked once may happen once
        self.repository, self.workspace = RepositoryName.parse(place.repository), WorkspaceId(place.workspace)

    def work(self) -> None:
        """Go on until told to stop."""
        acts = (
            (self._lock, 26),
            (self._steal, 8),
            (self._commit, 14),
            (self._unlock, 8),
            (self._break, 3),
            (self._renew, 30),
            (self._list, 1),
            (self._head, 1),
            (self._ask, 1),
            (self._give, 3),
            (self._pause, 2),
        )
        choices, weights = [act for act, _ in acts], [weight for _, weight in acts]
        while not self.stopping.is_set():
            self.rng.choices(choices, weights)[0]()
        self.server.close()

    def look(self) -> None:
        """Read everything once: the end of a history."""
        self._list(len(self.place.paths))
        for path in self.place.paths:
            self._read(path)
        self.server.close()

    def _call(self, verb: str, path: str, act: Callable[[], T], **asked: object) -> T | None:
        """Make one call and write it down with what it told; None when it failed."""
        told: dict[str, Any] = {"client": self.place.name, "verb": verb, "path": path, **asked}
        answer: T | None = None
        told["start"] = time.monotonic()
        try:
            answer = act()
            told["code"] = ""
        except MlvError as error:
            told["code"] = None if error.code in UNKNOWN else error.code
        told["end"] = time.monotonic()
        if told["code"] is not None:
            told["answer"] = _written(answer)
        self.tell(told)
        if verb in COUNTED:
            self.count()
        if told["code"] is None:
            self._wait_for_server()
        self.code = told["code"]
        return answer

    def _wait_for_server(self) -> None:
        try:
            grpc.channel_ready_future(self.server._channel._channel).result(READY_SECONDS)
        except grpc.FutureTimeoutError:
            raise AssertionError(f"{self.place.name}: the server did not come back") from None

    def _any(self) -> str:
        paths = self.place.paths
        return self.rng.choice(paths[:HOT_FILES] if self.rng.random() < HOT_SHARE else paths)

    def _held(self) -> str:
        """A file whose lock this client believes to have, else any."""
        return self.rng.choice(sorted(self.tokens)) if self.tokens else self._any()

    # --- locks --------------------------------------------------------------------------------------------------------

    def _lock(self, path: str = "", *, steal: bool = False) -> None:
        renewed = self.rng.random() < 0.15
        again = bool(path)
        path = path or (self._held() if renewed or len(self.tokens) >= HELD_AT_ONCE else self._any())
        if path not in self.bases:
            self._read(path)
        base = self.bases.get(path)
        if base is None:
            return
        have = ContentHash(bytes.fromhex(base.content))
        request = AcquireRequest(
            self.repository,
            "main",
            self.workspace,
            (path,),
            (have,),
            (ChangesetNumber(base.number),),
            reason="needed" if steal else "",
            steal=steal,
        )
        verb = "steal" if steal else "lock"
        done = self._call(verb, path, lambda: self.server.acquire_locks(request).locks, have=base.content)
        if done is not None:
            self.tokens[path] = int(done[0].token)
        elif self.code == "STALE_BASE":
            self._read(path)
            if not again:
                self._lock(path, steal=steal)
        elif self.code == "LOCK_HELD" and self.rng.random() < 0.1:
            self._ask(path)

    def _steal(self) -> None:
        self._lock(steal=True)

    def _unlock(self) -> None:
        path = self._held() if self.rng.random() < 0.8 else self._any()
        self._release("unlock", path)

    def _break(self) -> None:
        self._release("break", self._any())

    def _release(self, verb: str, path: str) -> None:
        force = verb == "break"
        request = ReleaseRequest(self.repository, self.workspace, "main", (path,), force=force, reason="needed")
        if self._call(verb, path, lambda: self.server.release_locks(request)) is not None:
            self.tokens.pop(path, None)

    def _renew(self) -> None:
        believed = sorted(self.tokens)
        done = self._call(
            "renew", "", lambda: self.server.renew_locks(self.repository, self.workspace), believed=believed
        )
        if done is not None:
            self.tokens = {lock.path: int(lock.token) for lock in done}

    def _list(self, some: int = LOOKED_AT) -> None:
        paths = sorted(self.rng.sample(self.place.paths, min(some, len(self.place.paths))))
        self._call("list", "", lambda: _those(self.server.list_locks(self.repository), paths), believed=paths)

    def _ask(self, path: str = "") -> None:
        path = path or self._any()
        number = ChangesetNumber(self.bases[path].number if path in self.bases else 1)
        request = AskRequest(self.repository, "main", self.workspace, (path,), (number,), "please")
        self._call("ask", path, lambda: self.server.ask_for_locks(request).holders)

    def _give(self) -> None:
        asked = self._call("asked", "", lambda: self.server.list_lock_requests(self.repository))
        wanted = [one for one in asked or () if one.path in self.tokens and one.workspace != self.workspace]
        wanted = [one for one in wanted if one.user != self.place.name.partition("/")[0]]
        if not wanted:
            return
        one = self.rng.choice(wanted)
        request = AnswerRequest(self.repository, "main", (one.path,), one.user, Answer.GIVE)
        given = self._call("give", one.path, lambda: self.server.answer_lock_request(request), user=one.user)
        if given is not None or self.code is None:
            self.tokens.pop(one.path, None)

    # --- content ------------------------------------------------------------------------------------------------------

    def _read(self, path: str) -> None:
        """What a file holds in the head: which version that is, is asked first; a version does not change."""

        def act() -> tuple[int, str]:
            number, _ = self.server.resolve(self.repository, "head", "main")
            row = next(iter(self.server.list_files(self.repository, number, (path,))))
            return int(number), row.state.content.hex()

        found = self._call("read", path, act)
        if found is not None:
            self.bases[path] = Base(found[1], found[0])

    def _head(self) -> None:
        self._call("head", "", lambda: int(self.server.resolve(self.repository, "head", "main")[0]))

    def _pause(self) -> None:
        """Sleep with a token while the world goes on, and then commit with it (L12)."""
        held = sorted(self.tokens)
        if held and not self.stopping.wait(self.rng.uniform(*PAUSE_SECONDS)):
            self._commit(self.rng.choice(held), paused=True)

    def _commit(self, path: str = "", *, paused: bool = False) -> None:
        path = path or self._held()
        if path not in self.tokens:
            self._lock(path)
        if path not in self.tokens or path not in self.bases:
            return
        base, token, kept = self.bases[path], self.tokens[path], self.rng.random() < 0.5
        data = b"\0" + uuid.UUID(int=self.rng.getrandbits(128)).bytes
        request = self._publish(path, data, base, token, kept=kept)
        again = self.rng.random() < 0.5

        def act() -> int:
            try:
                return int(self.server.publish(request).changeset)
            except MlvError as error:
                if error.code not in UNKNOWN or not again:
                    raise
                self._wait_for_server()
                return int(self.server.publish(request).changeset)

        asked = {"have": base.content, "presented": token, "value": hash_content(data).hex(), "kept": kept}
        number = self._call("commit", path, act, **asked, paused=paused, message=request.message)
        if number is not None:
            self.bases[path] = Base(hash_content(data).hex(), number)
        if self.code == "LOCK_LOST" or (number is not None and not kept):
            self.tokens.pop(path, None)
        elif number is None:
            self.bases.pop(path, None)

    def _publish(self, path: str, data: bytes, base: Base, token: int, *, kept: bool) -> PublishRequest:
        name = hash_content(data)
        builder = PackBuilder()
        frame = frame_of(encode_group(data), (), ((name, len(data)),))
        state = FileState(FileId(0), FileMode.REGULAR, text=False, size=len(data), content=name)
        change = Change(path, Operation.MODIFY, FileId(0), state)
        number = ChangesetNumber(base.number)
        return PublishRequest(
            self.repository,
            RequestId(str(uuid.UUID(int=self.rng.getrandbits(128), version=4))),
            "main",
            self.workspace,
            message=name.hex(),
            changes=(ProposedChange(change, number, FencingToken(token)),),
            prepared_min=number,
            prepared_max=number,
            inline_pack=b"".join((builder.start(), builder.add(frame), builder.finish())),
            keep_locks=kept,
        )


def _those(locks: tuple[Lock, ...], paths: list[str]) -> tuple[Lock, ...]:
    return tuple(lock for lock in locks if lock.path in paths)


def _written(answer: object) -> object:
    """What was told, as JSON: of a lock all that the checker needs."""
    if isinstance(answer, tuple) and all(isinstance(one, Lock) for one in answer):
        return [
            [one.path, str(one.workspace), int(one.token), one.lease_until, one.acquired_at]
            for one in answer
            if isinstance(one, Lock)
        ]
    if isinstance(answer, (int, str)) or answer is None:
        return answer
    return json.loads(json.dumps(answer, default=str))
