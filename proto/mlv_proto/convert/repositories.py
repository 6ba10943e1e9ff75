"""Repositories: repositories.proto."""

from __future__ import annotations

from mlv_core.entities import Repository
from mlv_proto.convert import checks
from mlv_proto.v1 import repositories_pb2 as pb


def repository_to_wire(repository: Repository) -> pb.Repository:
    """A repository."""
    return pb.Repository(
        name=str(repository.name),
        description=repository.description,
        created_at=repository.created_at,
        created_by=repository.created_by,
        changesets=repository.changesets,
        stored_bytes=repository.stored_bytes,
        cache_bytes=repository.cache_bytes,
        raw_bytes=repository.raw_bytes,
    )


def repository_from_wire(message: pb.Repository) -> Repository:
    """A repository. Raises: InvalidRequest."""
    return Repository(
        checks.repository(message.name, "repository.name"),
        message.description,
        checks.number(message.created_at, "repository.created_at"),
        message.created_by,
        checks.number(message.changesets, "repository.changesets"),
        checks.number(message.stored_bytes, "repository.stored_bytes"),
        checks.number(message.cache_bytes, "repository.cache_bytes"),
        checks.number(message.raw_bytes, "repository.raw_bytes"),
    )
