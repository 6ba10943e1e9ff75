"""A transaction as services see it: one attribute per noun, each an object over the same connection."""

from __future__ import annotations

from functools import cached_property

from sqlalchemy import Connection

from mlv_server.metadata.approvals import Approvals
from mlv_server.metadata.audit import AuditTrail
from mlv_server.metadata.bells import EVERYBODY
from mlv_server.metadata.branches import Branches
from mlv_server.metadata.changesets import Changesets
from mlv_server.metadata.checks import Checks
from mlv_server.metadata.contents import Contents
from mlv_server.metadata.ended_locks import EndedLocks
from mlv_server.metadata.environments import Environments
from mlv_server.metadata.events import Events
from mlv_server.metadata.everybody import Everybody
from mlv_server.metadata.freezes import Freezes
from mlv_server.metadata.groups import Groups
from mlv_server.metadata.inspection import Inspection
from mlv_server.metadata.labels import Labels
from mlv_server.metadata.lock_requests import LockRequests
from mlv_server.metadata.lock_rules import LockRulesOfRepositories
from mlv_server.metadata.locks import Locks
from mlv_server.metadata.packs import Packs
from mlv_server.metadata.repositories import Repositories
from mlv_server.metadata.requests import Requests
from mlv_server.metadata.rivals import Rivals
from mlv_server.metadata.rules import PolicyCache, Rules
from mlv_server.metadata.segments import Segments
from mlv_server.metadata.shelf import DecodedParts
from mlv_server.metadata.shelves import Shelves
from mlv_server.metadata.sweeps import Sweeps
from mlv_server.metadata.tokens import Tokens
from mlv_server.metadata.uploads import Uploads
from mlv_server.metadata.users import Users
from mlv_server.metadata.versions import Versions
from mlv_server.metadata.webhooks import Webhooks
from mlv_server.metadata.workspaces import Workspaces


class Transaction:
    """One transaction; what is read and written through it is seen together or not at all."""

    def __init__(
        self,
        connection: Connection,
        policies: PolicyCache,
        shelf: DecodedParts | None = None,
        *,
        writes: bool,
        told: set[int] | None = None,
    ) -> None:
        self._told = set() if told is None else told
        self.connection = connection
        self._shelf = shelf
        self._policies = policies
        self._writes = writes

    def wake_watchers(self) -> None:
        """Have everybody who waits look again after the commit: rights may have ended with it."""
        self._told.add(EVERYBODY)

    @cached_property
    def users(self) -> Users:
        """Users and groups."""
        return Users(self.connection)

    @cached_property
    def groups(self) -> Groups:
        """Groups and who is in them."""
        return Groups(self.connection)

    @cached_property
    def tokens(self) -> Tokens:
        """Tokens."""
        return Tokens(self.connection)

    @cached_property
    def rules(self) -> Rules:
        """The access policy."""
        return Rules(self.connection, self._policies, may_remember=not self._writes)

    @cached_property
    def everybody(self) -> Everybody:
        """All users and groups at once."""
        return Everybody(self.connection)

    @cached_property
    def approvals(self) -> Approvals:
        """Approvals of changesets (P3)."""
        return Approvals(self.connection)

    @cached_property
    def repositories(self) -> Repositories:
        """Repositories and their counters."""
        return Repositories(self.connection)

    @cached_property
    def branches(self) -> Branches:
        """Branches and their heads."""
        return Branches(self.connection)

    @cached_property
    def labels(self) -> Labels:
        """Labels."""
        return Labels(self.connection)

    @cached_property
    def freezes(self) -> Freezes:
        """What nobody may change for a while."""
        return Freezes(self.connection)

    @cached_property
    def workspaces(self) -> Workspaces:
        """Registered workspaces."""
        return Workspaces(self.connection)

    @cached_property
    def locks(self) -> Locks:
        """Locks."""
        return Locks(self.connection)

    @cached_property
    def rivals(self) -> Rivals:
        """Newer versions of files on other branches (L5)."""
        return Rivals(self.connection)

    @cached_property
    def ended_locks(self) -> EndedLocks:
        """Locks that others ended (L9)."""
        return EndedLocks(self.connection)

    @cached_property
    def lock_rules(self) -> LockRulesOfRepositories:
        """Which files need a lock, repository by repository (L3)."""
        return LockRulesOfRepositories(self.connection)

    @cached_property
    def lock_requests(self) -> LockRequests:
        """Who asked for locks."""
        return LockRequests(self.connection)

    @cached_property
    def audit(self) -> AuditTrail:
        """The audit chains."""
        return AuditTrail(self.connection)

    @cached_property
    def events(self) -> Events:
        """The event stream of each repository."""
        return Events(self.connection, self._told)

    @cached_property
    def webhooks(self) -> Webhooks:
        """Whom outside to tell of events."""
        return Webhooks(self.connection)

    @cached_property
    def checks(self) -> Checks:
        """Whom outside to ask before something is written."""
        return Checks(self.connection)

    @cached_property
    def requests(self) -> Requests:
        """Answers kept for repeated requests (C3)."""
        return Requests(self.connection)

    @cached_property
    def inspection(self) -> Inspection:
        """Everything read and checked, for verify."""
        return Inspection(self.connection)

    @cached_property
    def environments(self) -> Environments:
        """The environments that versions were made with."""
        return Environments(self.connection)

    @cached_property
    def changesets(self) -> Changesets:
        """Changesets."""
        return Changesets(self.connection)

    @cached_property
    def versions(self) -> Versions:
        """The state of a version."""
        return Versions(self.connection, self._shelf)

    @cached_property
    def shelves(self) -> Shelves:
        """Changes that are kept and are no part of history."""
        return Shelves(self.connection)

    @cached_property
    def uploads(self) -> Uploads:
        """Uploads in flight."""
        return Uploads(self.connection)

    @cached_property
    def segments(self) -> Segments:
        """Where each segment lies."""
        return Segments(self.connection)

    @cached_property
    def packs(self) -> Packs:
        """Packs."""
        return Packs(self.connection)

    @cached_property
    def sweeps(self) -> Sweeps:
        """How often garbage was removed."""
        return Sweeps(self.connection)

    @cached_property
    def contents(self) -> Contents:
        """Proven contents of files."""
        return Contents(self.connection)
