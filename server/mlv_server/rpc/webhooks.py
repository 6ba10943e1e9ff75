"""Webhooks."""

from __future__ import annotations

from collections.abc import AsyncIterator

from mlv_core.ids import RepositoryName
from mlv_proto.convert import checks
from mlv_proto.convert import webhooks as convert
from mlv_proto.convert.slices import batches
from mlv_proto.v1 import webhooks_pb2 as pb
from mlv_server.rpc.methods import Method, Service
from mlv_server.services import webhooks
from mlv_server.services.call import Call


async def _add(call: Call, request: pb.AddWebhookRequest) -> pb.AddWebhookResponse:
    made, secret = await webhooks.add(call, convert.new_webhook_from_wire(request), dry_run=request.dry_run)
    return pb.AddWebhookResponse(webhook=convert.webhook_to_wire(made), secret=secret)


async def _list(call: Call, request: pb.ListWebhooksRequest) -> AsyncIterator[pb.ListWebhooksResponse]:
    for some in batches(await webhooks.list_all(call, RepositoryName.parse(request.repository))):
        yield pb.ListWebhooksResponse(webhooks=map(convert.webhook_to_wire, some))


async def _delete(call: Call, request: pb.DeleteWebhookRequest) -> pb.DeleteWebhookResponse:
    name = RepositoryName.parse(request.repository)
    gone = await webhooks.delete(call, name, request.webhook, dry_run=request.dry_run)
    return pb.DeleteWebhookResponse(webhook=convert.webhook_to_wire(gone))


async def _pause(call: Call, request: pb.PauseWebhookRequest) -> pb.PauseWebhookResponse:
    name = RepositoryName.parse(request.repository)
    done = await webhooks.pause(call, name, request.webhook, dry_run=request.dry_run)
    return pb.PauseWebhookResponse(webhook=convert.webhook_to_wire(done))


async def _resume(call: Call, request: pb.ResumeWebhookRequest) -> pb.ResumeWebhookResponse:
    name = RepositoryName.parse(request.repository)
    done = await webhooks.resume(call, name, request.webhook, from_now=request.from_now, dry_run=request.dry_run)
    return pb.ResumeWebhookResponse(webhook=convert.webhook_to_wire(done))


async def _rotate(call: Call, request: pb.RotateWebhookRequest) -> pb.RotateWebhookResponse:
    name = RepositoryName.parse(request.repository)
    secret = checks.text(request.secret, "secret", convert.SECRET_LIMIT)
    done, made = await webhooks.rotate(
        call, name, request.webhook, secret, request.overlap_seconds, dry_run=request.dry_run
    )
    return pb.RotateWebhookResponse(webhook=convert.webhook_to_wire(done), secret=made)


async def _deliveries(call: Call, request: pb.ListDeliveriesRequest) -> AsyncIterator[pb.ListDeliveriesResponse]:
    name = RepositoryName.parse(request.repository)
    for some in batches(await webhooks.deliveries(call, name, request.webhook)):
        yield pb.ListDeliveriesResponse(deliveries=map(convert.delivery_to_wire, some))


async def _send(call: Call, request: pb.SendToWebhookRequest) -> pb.SendToWebhookResponse:
    name = RepositoryName.parse(request.repository)
    sequence = checks.number(request.sequence, "sequence")
    made = await webhooks.send(call, name, request.webhook, sequence, dry_run=request.dry_run)
    return pb.SendToWebhookResponse(delivery=convert.delivery_to_wire(made))


SERVICE = Service(
    "mlv.v1.WebhooksService",
    (
        Method("AddWebhook", "admin", _add),
        Method("ListWebhooks", "admin", _list),
        Method("DeleteWebhook", "admin", _delete),
        Method("PauseWebhook", "admin", _pause),
        Method("ResumeWebhook", "admin", _resume),
        Method("RotateWebhook", "admin", _rotate),
        Method("ListDeliveries", "admin", _deliveries),
        Method("SendToWebhook", "admin", _send),
    ),
)
