"""Publish a commit, naming an environment that the repository knows already instead of stating it once more."""

from __future__ import annotations

from dataclasses import replace

from mlv.actions.context import Context
from mlv.workspace import guard
from mlv_core.entities import Environment
from mlv_core.errors import UnknownEnvironment
from mlv_core.records import environment_digest
from mlv_core.requests import Published, PublishRequest

ENVIRONMENT = "environment"
"""The workspace's setting that holds the digest of the environment of its last commit, in hex."""


def publish(context: Context, request: PublishRequest) -> Published:
    """Publish `request`; a list of packages that did not change since the last commit is not sent again.

    Raises: as `Server.publish`.
    """
    digest = environment_digest(request.records.environment)
    known = context.workspace.state.settings().get(ENVIRONMENT)
    if not digest or digest.hex() != known:
        published = context.server().publish(request)
        _remember(context, digest)
        return published
    named = replace(request, records=replace(request.records, environment=Environment(digest=digest)))
    try:
        return context.server().publish(named)
    except UnknownEnvironment:
        # The server was restored from a backup older than that commit.
        return context.server().publish(request)


def _remember(context: Context, digest: bytes) -> None:
    with guard.writing(context.workspace.layout), context.workspace.state.transaction():
        context.workspace.state.set_settings({ENVIRONMENT: digest.hex()})
