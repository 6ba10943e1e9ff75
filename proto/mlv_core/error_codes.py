"""Failures found by their codes, as they come over the wire and stand in the reference."""

from __future__ import annotations

from mlv_core.errors import InternalError, MlvError


def all_error_classes() -> tuple[type[MlvError], ...]:
    """Every failure class, sorted by exit code and code."""
    found: list[type[MlvError]] = []
    waiting: list[type[MlvError]] = list(MlvError.__subclasses__())
    while waiting:
        cls = waiting.pop()
        found.append(cls)
        waiting.extend(cls.__subclasses__())
    return tuple(sorted(found, key=lambda c: (c.exit_code, c.code)))


def error_from_code(code: str, message: str, *, advice: str, items: tuple[str, ...]) -> MlvError:
    """The error that `code` names, as it was raised on the other side; InternalError for an unknown code."""
    for cls in all_error_classes():
        if cls.code == code:
            return cls(message, advice=advice, items=items)
    return InternalError(f"{code}: {message}", advice=advice, items=items)
