"""Structured logs without secrets, and the counters of the one call chain."""

from __future__ import annotations

import logging
import re
import sys
from typing import TYPE_CHECKING, Any

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from mlv_server.settings import Settings

_SECRET_WORDS = ("token", "secret", "authorization", "password", "key")
_TOKEN = re.compile(r"(mlv_[a-z2-7]{12}_)[a-z2-7]{52}")
_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


def configure_logging(settings: Settings) -> None:
    """Send structured log lines to standard error in the form that the settings name."""
    last: Any = (
        structlog.processors.JSONRenderer()
        if settings.log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=False)
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _without_secrets,
            last,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[settings.log_level]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )


def logger() -> Any:  # noqa: ANN401 - structlog's own bound logger type is dynamic
    """The server's logger: `logger().info("event", field=value)`."""
    return structlog.get_logger()


def _without_secrets(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Fields that are named like secrets lose their value, and a token in any text its secret part."""
    for name, value in event.items():
        if any(word in name.lower() for word in _SECRET_WORDS) and name != "token_id":
            event[name] = "***"
        elif isinstance(value, str):
            event[name] = _TOKEN.sub(r"\1***", value)
        elif isinstance(value, tuple):
            event[name] = [_TOKEN.sub(r"\1***", str(part)) for part in value]
    return event


class Metrics:
    """Counters of calls, by method and outcome."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._calls = Counter("mlv_calls", "Finished calls.", ("method", "code"), registry=self.registry)
        self._seconds = Histogram("mlv_call_seconds", "Duration of calls.", ("method",), registry=self.registry)
        self._running = Gauge("mlv_calls_running", "Calls in flight.", registry=self.registry)
        self._known: dict[tuple[str, str], tuple[Counter, Histogram]] = {}

    def begin(self) -> None:
        """A call has come in."""
        self._running.inc()

    def end(self, method: str, code: str, seconds: float) -> None:
        """A call has ended with gRPC status `code` after `seconds`."""
        self._running.dec()
        known = self._known.get((method, code))
        if known is None:
            known = self._known[method, code] = (self._calls.labels(method, code), self._seconds.labels(method))
        known[0].inc()
        known[1].observe(seconds)

    def serve(self, host: str, port: int) -> None:
        """Answer Prometheus at http://host:port/metrics until the process ends."""
        start_http_server(port, addr=host, registry=self.registry)
