"""Why somebody may or may not do something."""

from __future__ import annotations

from dataclasses import replace

from mlv_core.errors import InvalidRequest
from mlv_core.explaining import Explanation
from mlv_core.ids import RepositoryName, escape, fold
from mlv_core.paths import check_path
from mlv_server.domain import explaining as domain
from mlv_server.domain.networks import parse_address
from mlv_server.domain.policy import ACTIONS, Principal, Resource
from mlv_server.metadata.unit_of_work import Transaction
from mlv_server.services import access
from mlv_server.services.call import Call

_KINDS = ("branch/", "label/", "env/")


async def explain(
    call: Call, repository: str, user: str, action: str, ref: str, path: str, address: str = ""
) -> Explanation:
    """Why `user` ('': the caller) may or may not do `action` on a place of `repository`, calling from `address`.

    Without an address the caller's own counts for themselves; from where others would call is not known then.

    About oneself anybody may ask who may know of the repository, whatever the token is limited to; about others, who
    may read its policy. Raises: NotFound (P4), Denied, InvalidRequest, InvalidPath.
    """
    principal = call.principal
    about_others = bool(user) and fold(user) != fold(principal.user)
    if about_others:
        await access.authorize(call, "policy.read", repository)
    else:
        await access.authorize(replace(call, principal=replace(principal, scope=frozenset())), "list", repository)
    _check(action, ref, path, address)

    def work(tx: Transaction) -> Explanation:
        row = tx.repositories.get(RepositoryName.parse(repository))
        who, disabled = _other(tx, user) if about_others else (principal, False)
        asked = replace(who, address=address) if address else who
        explained = domain.explain(asked, action, Resource(str(row.name), ref, path), tx.rules.policy(), call.now)
        if disabled:
            return replace(explained, allowed=False, rule=None, reason="the user is disabled", rules=())
        return explained

    return await call.db.read(work)


def _check(action: str, ref: str, path: str, address: str) -> None:
    if action not in ACTIONS:
        raise InvalidRequest(
            f"There is no action '{escape(action)}'.", advice=f"Actions: {', '.join(sorted(ACTIONS))}."
        )
    if ref and not ref.startswith(_KINDS):
        raise InvalidRequest(f"'{escape(ref)}' is neither branch/NAME nor label/NAME nor env/NAME.")
    if path:
        check_path(path)
    if address and parse_address(address) is None:
        raise InvalidRequest(f"'{escape(address)}' is no address.", advice="Write one such as 10.1.2.3 or fd00::7.")


def _other(tx: Transaction, name: str) -> tuple[Principal, bool]:
    """Another user with no token in hand, and whether they are disabled. Raises: NotFound."""
    user_id, user = tx.users.get(name)
    groups = tx.users.groups_of(user_id)
    return Principal(user_id, user.name, user.server_admin, token_id="", groups=groups), user.disabled
