"""Every method of the contract declares who may call it; one that does not keeps the server from starting (P9)."""

from __future__ import annotations

import pytest

from mlv_server.domain.policy import ACTIONS
from mlv_server.rpc.methods import Access, Method, Service
from mlv_server.rpc.server import SERVICES, UndeclaredMethod, contract_services, declared_methods

PUBLIC = {"mlv.v1.ServerService.GetServer"}


def test_P9_every_method_of_the_contract_declares_a_permission():
    declared = declared_methods()
    contract = {method.full_name for service in contract_services() for method in service.methods}
    assert set(declared) == contract
    for method, descriptor in declared.values():
        assert method.permission in ACTIONS or isinstance(method.permission, Access), descriptor.full_name


def test_P9_nothing_but_the_servers_own_description_is_public():
    public = {name for name, (method, _) in declared_methods().items() if method.permission is Access.PUBLIC}
    assert public == PUBLIC


def test_P9_a_method_without_a_declaration_does_not_start_the_server():
    for number, service in enumerate(SERVICES):
        shorter = Service(service.name, service.methods[1:])
        with pytest.raises(UndeclaredMethod, match=service.name):
            declared_methods((*SERVICES[:number], shorter, *SERVICES[number + 1 :]))
    with pytest.raises(UndeclaredMethod):
        declared_methods(SERVICES[1:])


def test_P9_a_declaration_without_a_method_does_not_start_the_server():
    first = SERVICES[0]
    longer = Service(first.name, (*first.methods, Method("GetSecrets", Access.PUBLIC, lambda: None)))
    with pytest.raises(UndeclaredMethod, match="GetSecrets"):
        declared_methods((longer, *SERVICES[1:]))
