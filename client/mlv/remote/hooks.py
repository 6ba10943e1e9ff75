"""Calls about webhooks and external checks."""

from __future__ import annotations

from mlv.remote.channel import CALL_SECONDS, Channel
from mlv_core.hooks import Check, CheckAnswer, Delivery, NewCheck, NewWebhook, Webhook

MOST = 2**32 - 1
"""What the wire holds of a number of seconds or milliseconds; the server refuses far less."""


class HookCalls:
    """Webhooks and checks. Every method raises what the server refuses with, and Unreachable."""

    _channel: Channel

    def add_webhook(self, asked: NewWebhook, *, dry_run: bool = False) -> tuple[Webhook, str]:
        """A new webhook, and the secret that the server made for it."""
        from mlv_proto.convert import webhooks as convert
        from mlv_proto.v1 import webhooks_pb2 as pb

        request = convert.new_webhook_to_wire(asked, dry_run=dry_run)
        answer = self._channel.unary("WebhooksService/AddWebhook", request, pb.AddWebhookResponse, again=False)
        return convert.webhook_from_wire(answer.webhook), answer.secret

    def list_webhooks(self, repository: str) -> tuple[Webhook, ...]:
        """The webhooks of a repository."""
        from mlv_proto.convert import webhooks as convert
        from mlv_proto.v1 import webhooks_pb2 as pb

        request, parse = pb.ListWebhooksRequest(repository=repository), pb.ListWebhooksResponse.FromString
        answers = self._channel.answers("WebhooksService/ListWebhooks", request, parse, seconds=CALL_SECONDS)
        return tuple(convert.webhook_from_wire(one) for answer in answers for one in answer.webhooks)

    def delete_webhook(self, repository: str, webhook: str, *, dry_run: bool = False) -> Webhook:
        """Forget a webhook."""
        from mlv_proto.convert import webhooks as convert
        from mlv_proto.v1 import webhooks_pb2 as pb

        request = pb.DeleteWebhookRequest(repository=repository, webhook=webhook, dry_run=dry_run)
        answer = self._channel.unary("WebhooksService/DeleteWebhook", request, pb.DeleteWebhookResponse)
        return convert.webhook_from_wire(answer.webhook)

    def pause_webhook(self, repository: str, webhook: str, *, dry_run: bool = False) -> Webhook:
        """Send nothing until it is resumed."""
        from mlv_proto.convert import webhooks as convert
        from mlv_proto.v1 import webhooks_pb2 as pb

        request = pb.PauseWebhookRequest(repository=repository, webhook=webhook, dry_run=dry_run)
        answer = self._channel.unary("WebhooksService/PauseWebhook", request, pb.PauseWebhookResponse)
        return convert.webhook_from_wire(answer.webhook)

    def resume_webhook(
        self, repository: str, webhook: str, *, from_now: bool = False, dry_run: bool = False
    ) -> Webhook:
        """Go on where it stopped, or from now on."""
        from mlv_proto.convert import webhooks as convert
        from mlv_proto.v1 import webhooks_pb2 as pb

        request = pb.ResumeWebhookRequest(repository=repository, webhook=webhook, from_now=from_now, dry_run=dry_run)
        answer = self._channel.unary("WebhooksService/ResumeWebhook", request, pb.ResumeWebhookResponse)
        return convert.webhook_from_wire(answer.webhook)

    def rotate_webhook(
        self, repository: str, webhook: str, secret: str, overlap_seconds: int, *, dry_run: bool = False
    ) -> tuple[Webhook, str]:
        """Sign with another secret ('' = the server makes one, which is returned)."""
        from mlv_proto.convert import webhooks as convert
        from mlv_proto.v1 import webhooks_pb2 as pb

        request = pb.RotateWebhookRequest(
            repository=repository,
            webhook=webhook,
            secret=secret,
            overlap_seconds=min(overlap_seconds, MOST),
            dry_run=dry_run,
        )
        answer = self._channel.unary("WebhooksService/RotateWebhook", request, pb.RotateWebhookResponse, again=False)
        return convert.webhook_from_wire(answer.webhook), answer.secret

    def list_deliveries(self, repository: str, webhook: str) -> tuple[Delivery, ...]:
        """What was sent last, newest first."""
        from mlv_proto.convert import webhooks as convert
        from mlv_proto.v1 import webhooks_pb2 as pb

        request = pb.ListDeliveriesRequest(repository=repository, webhook=webhook)
        parse = pb.ListDeliveriesResponse.FromString
        answers = self._channel.answers("WebhooksService/ListDeliveries", request, parse, seconds=CALL_SECONDS)
        return tuple(convert.delivery_from_wire(one) for answer in answers for one in answer.deliveries)

    def send_to_webhook(self, repository: str, webhook: str, sequence: int, *, dry_run: bool = False) -> Delivery:
        """Send an event, or a test for 0, at once."""
        from mlv_proto.convert import webhooks as convert
        from mlv_proto.v1 import webhooks_pb2 as pb

        request = pb.SendToWebhookRequest(repository=repository, webhook=webhook, sequence=sequence, dry_run=dry_run)
        answer = self._channel.unary("WebhooksService/SendToWebhook", request, pb.SendToWebhookResponse, again=False)
        return convert.delivery_from_wire(answer.delivery)

    def add_check(self, asked: NewCheck, *, dry_run: bool = False) -> tuple[Check, str]:
        """A new check, and the secret that the server made for it."""
        from mlv_proto.convert import external_checks as convert
        from mlv_proto.v1 import checks_pb2 as pb

        request = convert.new_check_to_wire(asked, dry_run=dry_run)
        answer = self._channel.unary("ChecksService/AddCheck", request, pb.AddCheckResponse, again=False)
        return convert.check_from_wire(answer.check), answer.secret

    def list_checks(self, repository: str) -> tuple[Check, ...]:
        """The checks of a repository."""
        from mlv_proto.convert import external_checks as convert
        from mlv_proto.v1 import checks_pb2 as pb

        request, parse = pb.ListChecksRequest(repository=repository), pb.ListChecksResponse.FromString
        answers = self._channel.answers("ChecksService/ListChecks", request, parse, seconds=CALL_SECONDS)
        return tuple(convert.check_from_wire(one) for answer in answers for one in answer.checks)

    def delete_check(self, repository: str, check: str, *, dry_run: bool = False) -> Check:
        """Ask a check no more."""
        from mlv_proto.convert import external_checks as convert
        from mlv_proto.v1 import checks_pb2 as pb

        request = pb.DeleteCheckRequest(repository=repository, check=check, dry_run=dry_run)
        answer = self._channel.unary("ChecksService/DeleteCheck", request, pb.DeleteCheckResponse)
        return convert.check_from_wire(answer.check)

    def rotate_check(
        self, repository: str, check: str, secret: str, overlap_seconds: int, *, dry_run: bool = False
    ) -> tuple[Check, str]:
        """Sign with another secret ('' = the server makes one, which is returned)."""
        from mlv_proto.convert import external_checks as convert
        from mlv_proto.v1 import checks_pb2 as pb

        request = pb.RotateCheckRequest(
            repository=repository,
            check=check,
            secret=secret,
            overlap_seconds=min(overlap_seconds, MOST),
            dry_run=dry_run,
        )
        answer = self._channel.unary("ChecksService/RotateCheck", request, pb.RotateCheckResponse, again=False)
        return convert.check_from_wire(answer.check), answer.secret

    def test_check(self, repository: str, check: str, *, dry_run: bool = False) -> CheckAnswer:
        """Ask a check about nothing."""
        from mlv_proto.convert import external_checks as convert
        from mlv_proto.v1 import checks_pb2 as pb

        request = pb.TestCheckRequest(repository=repository, check=check, dry_run=dry_run)
        answer = self._channel.unary("ChecksService/TestCheck", request, pb.TestCheckResponse, again=False)
        return convert.check_answer_from_wire(answer)
