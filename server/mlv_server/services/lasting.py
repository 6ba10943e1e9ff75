"""The outermost edge of tasks that must go on as long as the server runs, whatever happens in one of their steps."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from mlv_core.errors import MlvError
from mlv_server.telemetry import logger


@contextmanager
def lasting(failure: str) -> Iterator[None]:
    """A step: where it fails, as on a busy database, that is logged as `failure`, and the next comes in its time."""
    try:
        yield
    except MlvError as error:
        logger().warning(failure, code=error.code)
    except Exception as error:  # noqa: BLE001 - the task's outermost edge: one failure must not end it
        logger().error(failure, exc_info=error)
