"""Names, ids, revisions and addresses: what they may look like, how they are read and written."""

from __future__ import annotations

import re
import unicodedata
from enum import Enum
from functools import lru_cache
from typing import NewType

from mlv_core.deferred import dataclass
from mlv_core.errors import InvalidName, InvalidRevision

ChangesetNumber = NewType("ChangesetNumber", int)
"""One increasing sequence per repository; 0 is the empty state before the first commit."""
BranchId = NewType("BranchId", int)
FileId = NewType("FileId", int)
FencingToken = NewType("FencingToken", int)
WorkspaceId = NewType("WorkspaceId", str)
RequestId = NewType("RequestId", str)

NAME_LIMIT = 128
"""Characters in one name: fits a terminal line and every file system's limit of 255 bytes in UTF-8."""
RESERVED_NAMES = frozenset({"have", "head", "prev"})
DEFAULT_PORT = 7420

_NAME = re.compile(r"[^\W_][\w.\-+]*(?:/[^\W_][\w.\-+]*)*", re.UNICODE)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2})?Z?)?")
_DIGITS = re.compile(r"\d+")
_PLAIN_WORD = re.compile(r"[\w@%+=:,./-]+", re.ASCII)
_READ_IN_QUOTES = re.compile(r"[\"$`\\!]")


def escape(text: str) -> str:
    """`text` with control characters, terminal escapes and lone surrogates written as escape sequences."""
    if text.isprintable():
        return text  # as nearly every text is
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in text)


def typed(text: str) -> str:
    """A path or pattern as one word of a command to be typed: in quotes where a shell would read it otherwise.

    What begins with '-' is written './-', so that it is no option.
    """
    shown = f"./{escape(text)}" if text.startswith("-") else escape(text)
    if _PLAIN_WORD.fullmatch(shown):
        return shown
    if not shown.isascii() and _PLAIN_WORD.fullmatch("".join(c for c in shown if c.isascii()) or "x"):
        return shown
    if not _READ_IN_QUOTES.search(shown):
        return f'"{shown}"'
    return "'" + shown.replace("'", "'\\''") + "'"


def fold(name: str) -> str:
    """The form in which names are compared: NFC, case-folded."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def check_name(name: str, what: str) -> str:
    """`name` itself if it may name a `what` (branch, label, user, environment).

    Raises: InvalidName.
    """
    shown = escape(name[:NAME_LIMIT])
    if not name or len(name) > NAME_LIMIT:
        raise InvalidName(f"A {what} name has 1 to {NAME_LIMIT} characters; this one has {len(name)}: '{shown}'.")
    if unicodedata.normalize("NFC", name) != name:
        raise InvalidName(f"The {what} name '{shown}' is not in Unicode form NFC.")
    if not _NAME.fullmatch(name) or ".." in name or name.endswith((".", ".lock")):
        raise InvalidName(f"'{shown}' cannot name a {what}.")
    if _DIGITS.fullmatch(name) or _DATE.fullmatch(name):
        raise InvalidName(f"'{shown}' cannot name a {what}: it reads as a changeset number or a date.")
    if name.casefold() in RESERVED_NAMES:
        raise InvalidName(f"'{shown}' cannot name a {what}: the word has a meaning of its own.")
    return name


@dataclass(frozen=True, slots=True)
class RepositoryName:
    """`namespace/name`."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"

    @classmethod
    def parse(cls, text: str) -> RepositoryName:
        """Read `namespace/name`.

        Raises: InvalidName.
        """
        return cls(*_parts_of_repository(text))


@lru_cache(maxsize=4096)
def _parts_of_repository(text: str) -> tuple[str, str]:
    """Namespace and name; a server reads the same few again and again. Raises: InvalidName."""
    parts = text.split("/")
    if len(parts) != 2:  # noqa: PLR2004 - namespace and name
        raise InvalidName(
            f"'{escape(text[:NAME_LIMIT])}' does not name a repository.",
            advice="Write namespace/name, such as fraud/detector.",
        )
    return check_name(parts[0], "namespace"), check_name(parts[1], "repository")


class RevisionKind(Enum):
    """What a revision is given by."""

    NUMBER = "number"
    NAME = "name"
    TIME = "time"
    HAVE = "have"
    HEAD = "head"
    PREV = "prev"


@dataclass(frozen=True, slots=True)
class Revision:
    """One version of a repository as the user names it; `number` is set for NUMBER, `text` for NAME and TIME."""

    kind: RevisionKind
    number: int = 0
    text: str = ""

    def __str__(self) -> str:
        if self.kind is RevisionKind.NUMBER:
            return f"@{self.number}"
        return f"@{self.text}" if self.text else f"@{self.kind.value}"

    @classmethod
    def parse(cls, text: str) -> Revision:
        """Read a revision with or without its leading '@'.

        Raises: InvalidRevision.
        """
        body = text.removeprefix("@")
        if _DIGITS.fullmatch(body):
            if len(body) > 18:  # noqa: PLR2004 - below 2**63
                raise InvalidRevision(f"'@{body[:40]}' is larger than any changeset number.")
            return cls(RevisionKind.NUMBER, number=int(body))
        for kind in (RevisionKind.HAVE, RevisionKind.HEAD, RevisionKind.PREV):
            if body.casefold() == kind.value:
                return cls(kind)
        if _DATE.fullmatch(body):
            return cls(RevisionKind.TIME, text=body)
        try:
            check_name(body, "revision")
        except InvalidName as error:
            raise InvalidRevision(f"'{escape(text[:NAME_LIMIT])}' is not a revision.") from error
        return cls(RevisionKind.NAME, text=body)


def split_at_revision(text: str) -> tuple[str, Revision | None]:
    """Split `PATH@REV` at its last '@'; a path that contains '@' is written with a final '@'.

    Raises: InvalidRevision.
    """
    path, at, revision = text.rpartition("@")
    if not at:
        return text, None
    if not revision:
        return path, None
    return path, Revision.parse(revision)


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """Where a server listens: `mlv://host:port`, or `mlv+plain://` for plaintext on loopback."""

    host: str
    port: int
    plaintext: bool = False

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'mlv+plain' if self.plaintext else 'mlv'}://{host}:{self.port}"

    @property
    def target(self) -> str:
        """`host:port` as gRPC takes it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


_ADDRESS = re.compile(
    r"(?P<scheme>mlv(?:\+plain)?)://(?:\[(?P<v6>[0-9a-fA-F:.]+)\]|(?P<host>[A-Za-z0-9._\-]+))(?::(?P<port>\d{1,5}))?"
    r"(?P<rest>/.*)?"
)


@dataclass(frozen=True, slots=True)
class RemoteAddress:
    """`mlv://host:port/ns/repo/path@rev`; everything after the server may be absent."""

    server: ServerAddress
    repository: RepositoryName | None = None
    path: str = ""
    revision: Revision | None = None

    @classmethod
    def parse(cls, text: str) -> RemoteAddress:
        """Read an address.

        Raises: InvalidRevision, InvalidName.
        """
        match = _ADDRESS.fullmatch(text)
        port = int(match["port"] or DEFAULT_PORT) if match else 0
        if not match or not 0 < port < 65536:  # noqa: PLR2004 - TCP's range
            raise InvalidRevision(
                f"'{escape(text[:NAME_LIMIT])}' is not a server address.", advice="Write mlv://HOST[:PORT]."
            )
        host = match["v6"] or match["host"]
        server = ServerAddress(host.lower(), port, plaintext=match["scheme"] == "mlv+plain")
        body = (match["rest"] or "").strip("/")
        if not body:
            return cls(server)
        path, revision = split_at_revision(body)
        parts = path.split("/", 2)
        repository = RepositoryName.parse("/".join(parts[:2]))
        return cls(server, repository, parts[2] if len(parts) > 2 else "", revision)  # noqa: PLR2004
