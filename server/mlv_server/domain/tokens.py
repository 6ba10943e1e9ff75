"""What a token may be bound to, and that a bound token makes none that is less so (P8)."""

from __future__ import annotations

from mlv_core.entities import TokenInfo, TokenLimits
from mlv_core.errors import InvalidRequest
from mlv_core.ids import escape
from mlv_server.domain.networks import is_narrower, parse_network

LIMITS_LIMIT = 32
"""Networks, and globs of repositories, of one token: more are a policy, which rules say better."""
GLOB_LIMIT = 200
"""Characters of a glob: a name of a repository and some."""


def check_limits(limits: TokenLimits) -> None:
    """Check what a token is to be bound to. Raises: InvalidRequest."""
    for field, values in (("networks", limits.networks), ("repositories", limits.repositories)):
        if len(values) > LIMITS_LIMIT:
            raise InvalidRequest(f"{field}: {len(values)} are named; {LIMITS_LIMIT} are allowed.")
    for text in limits.networks:
        if parse_network(text) is None:
            raise InvalidRequest(
                f"networks: '{escape(text)}' is no network.", advice="Write 10.1.0.0/16, 2001:db8::/32 or one address."
            )
    for glob in limits.repositories:
        if not 0 < len(glob) <= GLOB_LIMIT or not glob.isprintable():
            raise InvalidRequest(
                f"repositories: '{escape(glob)}' names no repositories.", advice="Write NAMESPACE/NAME or NAMESPACE/*."
            )


def widens(own: TokenInfo, limits: TokenLimits) -> str:
    """Why a token bound as `own` may not make one bound as `limits`; '' if it may."""
    if own.networks and not (
        limits.networks and all(any(is_narrower(one, outer) for outer in own.networks) for one in limits.networks)
    ):
        return "a token bound to networks makes only tokens bound to these or parts of them"
    if own.repositories and not (limits.repositories and set(limits.repositories) <= set(own.repositories)):
        return "a token bound to repositories makes only tokens bound to the same"
    return ""
