"""One version of a repository: its files and what was recorded with it, without a checkout."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING

from mlv.sdk.files import RemoteFile
from mlv.transfer.ranges import read_range, state_of
from mlv_core.entities import Change, Changeset, Records
from mlv_core.ids import ChangesetNumber, RepositoryName
from mlv_core.requests import FileRow

if TYPE_CHECKING:
    from mlv.remote import Server


class Version:
    """An immutable version. Every method raises NotFound, Denied and Unreachable where they apply."""

    def __init__(self, server: Server, repository: RepositoryName, number: ChangesetNumber) -> None:
        self._server = server
        self._repository = repository
        self._number = number

    def __repr__(self) -> str:
        return f"<mlv.Version {self._repository}@{self._number}>"

    @property
    def number(self) -> int:
        """The changeset's number; 0 is the empty version before the first commit."""
        return int(self._number)

    @property
    def changeset(self) -> Changeset:
        """Author, time, message, parents, labels and records."""
        return self._told[0]

    @property
    def changes(self) -> tuple[Change, ...]:
        """What this version changed against its parent, sorted by path."""
        return self._told[1]

    @property
    def records(self) -> Records:
        """Everything that was recorded with the version: params, metrics, inputs, environment."""
        return self.changeset.records

    @property
    def params(self) -> dict[str, str]:
        """The hyper-parameters by name, as they were written; `records.params` also says where each came from."""
        return {param.name: param.value for param in self.records.params}

    @property
    def metrics(self) -> dict[str, float]:
        """The metrics by name; of several values of one name the last. `records.metrics` has data sets and steps."""
        return {metric.name: metric.value for metric in self.records.metrics}

    def files(self, path: str = "") -> Iterator[FileRow]:
        """The files of the version, or those at or below `path`, in the order of their paths."""
        return self._server.list_files(self._repository, self._number, (path,) if path else ())

    def read(self, path: str) -> bytes:
        """A whole file, checked against its hash. Raises: NotFound; DamagedContent."""
        state = state_of(self._server, self._repository, self._number, path)
        return b"".join(read_range(self._server, self._repository, self._number, state))

    def read_range(self, path: str, offset: int, length: int) -> bytes:
        """`length` bytes of a file from `offset`, fewer where it ends; only these bytes are sent.

        Raises: NotFound; InvalidRequest for negative numbers; DamagedContent.
        """
        state = state_of(self._server, self._repository, self._number, path)
        return b"".join(read_range(self._server, self._repository, self._number, state, offset, length))

    def open(self, path: str) -> RemoteFile:
        """A file of the version as a binary, seekable, read-only file object. Raises: NotFound."""
        state = state_of(self._server, self._repository, self._number, path)
        return RemoteFile(self._server, self._repository, self._number, path, state)

    @cached_property
    def _told(self) -> tuple[Changeset, tuple[Change, ...]]:
        return self._server.get_changeset(self._repository, self._number)
