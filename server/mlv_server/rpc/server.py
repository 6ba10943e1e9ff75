"""Builds the gRPC server: every method of the contract behind the chain, health and reflection beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc
from google.protobuf import descriptor_pool, message_factory
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from mlv_server.rpc import (
    approvals,
    auditing,
    branches,
    checks,
    commits,
    content,
    events,
    freezes,
    history,
    identity,
    info,
    labels,
    lock_requests,
    locks,
    merges,
    notices,
    policy,
    repositories,
    shelves,
    webhooks,
    workspaces,
)
from mlv_server.rpc.chain import Chain, Parts
from mlv_server.rpc.methods import readable

if TYPE_CHECKING:
    from google.protobuf.descriptor import FileDescriptor, MethodDescriptor, ServiceDescriptor

    from mlv_server.rpc.methods import Method, Service
    from mlv_server.settings import Settings

MESSAGE_LIMIT = 8 << 20
"""Largest message that comes or goes: a data chunk, a slice of a list and a part of a plan have about 1 MiB."""
OPTIONS = (
    ("grpc.max_receive_message_length", MESSAGE_LIMIT),
    ("grpc.max_send_message_length", MESSAGE_LIMIT),
    ("grpc.so_reuseport", 0),
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 30_000),
    ("grpc.server.max_pending_requests", 20_000),
    ("grpc.server.max_pending_requests_hard_limit", 40_000),
    ("grpc.max_metadata_size", 32_768),
)
SERVICES: tuple[Service, ...] = (
    info.SERVICE,
    identity.SERVICE,
    policy.SERVICE,
    approvals.SERVICE,
    repositories.SERVICE,
    branches.SERVICE,
    labels.SERVICE,
    freezes.SERVICE,
    workspaces.SERVICE,
    locks.SERVICE,
    lock_requests.SERVICE,
    history.SERVICE,
    commits.SERVICE,
    merges.SERVICE,
    shelves.SERVICE,
    notices.SERVICE,
    auditing.SERVICE,
    events.SERVICE,
    webhooks.SERVICE,
    checks.SERVICE,
    content.SERVICE,
)


class UndeclaredMethod(RuntimeError):
    """The contract names a method that no adapter declares a permission for, or the other way round (P9)."""


def declared_methods(services: tuple[Service, ...] = SERVICES) -> dict[str, tuple[Method, MethodDescriptor]]:
    """Every method of the contract with its declaration, by full name.

    Raises: UndeclaredMethod unless contract and declarations name exactly the same methods.
    """
    found: dict[str, tuple[Method, MethodDescriptor]] = {}
    contract = {service.full_name: service for service in contract_services()}
    if set(contract) != {service.name for service in services}:
        message = f"services differ from the contract: {set(contract) ^ {service.name for service in services}}"
        raise UndeclaredMethod(message)
    for service in services:
        by_name = {method.name: method for method in service.methods}
        names = set(contract[service.name].methods_by_name)
        if names != set(by_name) or len(by_name) != len(service.methods):
            message = f"methods of {service.name} differ from the contract: {names ^ set(by_name)}"
            raise UndeclaredMethod(message)
        for descriptor in contract[service.name].methods:
            found[descriptor.full_name] = (by_name[descriptor.name], descriptor)
    return found


def contract_services() -> tuple[ServiceDescriptor, ...]:
    """The services that the published .proto files name."""
    pool = descriptor_pool.Default()
    nouns = (
        "server", "identity", "policy", "repositories", "locks", "lock_requests", "history", "commits", "merges",
        "shelves", "notices", "content", "audit", "events", "webhooks", "checks", "freezes", "approvals",
    )  # fmt: skip
    files: list[FileDescriptor] = [pool.FindFileByName(f"mlv_proto/v1/{noun}.proto") for noun in nouns]
    return tuple(service for file in files for service in file.services_by_name.values())


async def build(parts: Parts) -> tuple[grpc.aio.Server, health.aio.HealthServicer]:
    """A gRPC server with every service registered, not yet listening, and what tells its health.

    Health and reflection alone do not pass the chain: they say nothing but the contract and that the server runs.
    Raises: UndeclaredMethod.
    """
    server = grpc.aio.server(options=OPTIONS)
    chain = Chain(parts)
    handlers: dict[str, dict[str, Any]] = {}
    for method, descriptor in declared_methods().values():
        handlers.setdefault(descriptor.containing_service.full_name, {})[descriptor.name] = _handler(
            chain, method, descriptor
        )
    server.add_generic_rpc_handlers(
        tuple(grpc.method_handlers_generic_handler(name, methods) for name, methods in handlers.items())
    )
    names = (*handlers, health.SERVICE_NAME, reflection.SERVICE_NAME)
    servicer = health.aio.HealthServicer()
    for name in handlers:
        await servicer.set(name, health_pb2.HealthCheckResponse.SERVING)
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    reflection.enable_server_reflection(names, server)
    return server, servicer


def listen(server: grpc.aio.Server, settings: Settings) -> int:
    """Bind the address of the settings with TLS (or plaintext where they say so); gives the port.

    Raises: OSError when the address is taken.
    """
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    address = f"{host}:{settings.port}"
    try:
        if settings.plaintext:
            return int(server.add_insecure_port(address))
        credentials = grpc.ssl_server_credentials([(settings.key.read_bytes(), settings.certificate.read_bytes())])
        return int(server.add_secure_port(address, credentials))
    except RuntimeError as error:
        raise OSError(str(error)) from error


def _handler(chain: Chain, method: Method, descriptor: MethodDescriptor) -> grpc.RpcMethodHandler[Any, Any]:
    request = message_factory.GetMessageClass(descriptor.input_type)
    response = message_factory.GetMessageClass(descriptor.output_type)
    codecs: dict[str, Any] = {
        "request_deserializer": readable(method.deserializer or request.FromString, descriptor.input_type.full_name),
        "response_serializer": method.serializer or response.SerializeToString,
    }
    if method.sliced is not None:
        if descriptor.server_streaming:
            return grpc.stream_stream_rpc_method_handler(chain.sliced(method, descriptor), **codecs)
        return grpc.stream_unary_rpc_method_handler(chain.sliced_unary(method, descriptor), **codecs)
    if descriptor.client_streaming:
        return grpc.stream_unary_rpc_method_handler(chain.client_stream(method, descriptor), **codecs)
    if descriptor.server_streaming:
        return grpc.unary_stream_rpc_method_handler(chain.server_stream(method, descriptor), **codecs)
    return grpc.unary_unary_rpc_method_handler(chain.unary(method, descriptor), **codecs)
