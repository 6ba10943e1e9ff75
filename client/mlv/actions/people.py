"""Users, tokens and roles."""

from __future__ import annotations

from mlv.actions.context import Context
from mlv_core.entities import Rule, TokenInfo, TokenLimits, User
from mlv_core.explaining import Explanation

_REF_KINDS = ("branch/", "label/", "env/")


def add_user(
    context: Context,
    name: str,
    *,
    server_admin: bool = False,
    owner: str = "",
    service: bool = False,
    dry_run: bool = False,
) -> tuple[User, str]:
    """A new user, or a `service` account for which `owner` answers, and the secret of a first token, shown once.

    Raises: InvalidName, AlreadyExists, Denied, InvalidRequest; NotFound for the owner.
    """
    server = context.server()
    return server.add_user(name, server_admin=server_admin, owner=owner, service=service, dry_run=dry_run)


def list_users(context: Context) -> tuple[User, ...]:
    """All users. Raises: Denied."""
    return context.server().list_users()


def disable_user(context: Context, name: str, *, dry_run: bool = False) -> User:
    """Shut a user out: tokens die, locks go. Raises: NotFound, Denied."""
    return context.server().disable_user(name, dry_run=dry_run)


def create_token(
    context: Context,
    *,
    user: str = "",
    description: str = "",
    scope: tuple[str, ...] = (),
    expires_in: int | None = None,
    limits: TokenLimits = TokenLimits(),  # noqa: B008 - a frozen value
    dry_run: bool = False,
) -> tuple[str, TokenInfo]:
    """A new token of `user` ('': the caller) for `expires_in` seconds; its secret is shown once.

    It is limited to `scope`, and by `limits` to networks and repositories. Raises: Denied, NotFound, InvalidRequest.
    """
    return context.server().create_token(user, description, scope, expires_in, limits=limits, dry_run=dry_run)


def list_tokens(context: Context, user: str = "") -> tuple[TokenInfo, ...]:
    """The tokens of `user` ('': the caller). Raises: Denied, NotFound."""
    return context.server().list_tokens(user)


def revoke_token(context: Context, identifier: str, *, dry_run: bool = False) -> TokenInfo:
    """Make a token worthless at once. Raises: NotFound, Denied."""
    return context.server().revoke_token(identifier, dry_run=dry_run)


def grant(context: Context, role: str, user: str, repository: str, *, dry_run: bool = False) -> Rule:
    """Give `user` a role on a repository. Raises: NotFound, Denied, InvalidName."""
    return context.server().grant_role(repository, role, user, dry_run=dry_run)


def revoke(context: Context, role: str, user: str, repository: str, *, dry_run: bool = False) -> int:
    """Take a role back; how many rules went. Raises: NotFound, Denied."""
    return context.server().revoke_role(repository, role, user, dry_run=dry_run)


def show_policy(
    context: Context, repository: str | None = None, version: int | None = None
) -> tuple[tuple[Rule, ...], int]:
    """The rules that speak of a repository (None: all of the server) and the policy's version; or those of a version.

    Raises: NotFound, Denied.
    """
    return context.server().show_policy(repository or "", version)


def explain_policy(context: Context, user: str, action: str, place: str, address: str = "") -> Explanation:
    """Why `user` may or may not do `action` at `place`: REPO, REPO:BRANCH, REPO:BRANCH:PATH or REPO::PATH.

    `address`: from where; '' about oneself is where the call comes from, about others nowhere known.
    Instead of a branch, label/NAME, env/NAME or branch/NAME may stand.
    Raises: NotFound, Denied, InvalidRequest, InvalidName, InvalidPath.
    """
    repository, _, rest = place.partition(":")
    ref, _, path = rest.partition(":")
    if ref and not ref.startswith(_REF_KINDS):
        ref = f"branch/{ref}"
    return context.server().explain_policy(repository, user, action, ref, path, address)
