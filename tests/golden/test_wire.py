"""The wire is a contract: what was once published keeps its number, type and name."""

from __future__ import annotations

from tests.golden.write_wire import LISTING, listing


def test_everything_published_is_still_there():
    published = set(LISTING.read_text(encoding="utf-8").splitlines())
    assert published - set(listing().splitlines()) == set()


def test_everything_new_is_published():
    """A new field or method becomes a promise on purpose: python -m tests.golden.write_wire."""
    published = set(LISTING.read_text(encoding="utf-8").splitlines())
    assert set(listing().splitlines()) - published == set()
