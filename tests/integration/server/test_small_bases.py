"""Bases of small patches are read by one look, and of a group of files no more is checked than is wanted."""

from __future__ import annotations

import pytest
from tests.integration.server.content_kit import DOMAIN, forget, open_store, put, run

from mlv_core.codecs import ALL_CODECS, encode_group, encode_patch
from mlv_core.errors import NotFound
from mlv_core.hashing import ContentHash, hash_content
from mlv_core.packs import Frame, frame_of
from mlv_server.metadata import engine

OLD = [b"row %d of the old text\n" % number * 200 for number in range(40)]
NEW = [text.replace(b"old", b"new") for text in OLD]
NAMES = [hash_content(text) for text in OLD]


def group() -> Frame:
    """One frame of all the old texts, as a first commit sends them."""
    members = tuple((name, len(text)) for name, text in zip(NAMES, OLD, strict=True))
    return frame_of(encode_group(b"".join(OLD), ALL_CODECS), (), members)


def patches() -> list[Frame]:
    """A frame for each new text, against its old one."""
    return [
        frame_of(encode_patch(new, old, ALL_CODECS), (name,), ((hash_content(new), len(new)),))
        for new, old, name in zip(NEW, OLD, NAMES, strict=True)
    ]


def counting(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What is added to at each look into the database."""
    looks: list[object] = []
    real = engine.Database._read
    monkeypatch.setattr(engine.Database, "_read", lambda self, work: (looks.append(work), real(self, work))[1])
    return looks


def test_the_bases_of_many_patches_cost_as_many_looks_as_those_of_few(tmp_path, monkeypatch):
    async def body():
        async with open_store(tmp_path) as store:
            await put(store, [group()])
            looks = counting(monkeypatch)
            counts = []
            for some in (patches()[:2], patches()[2:]):
                forget(store)
                looks.clear()
                await put(store, some)
                counts.append(len(looks))
            assert counts[0] == counts[1] > 0
            found = store.reader.read_all(DOMAIN, [hash_content(text) for text in NEW])
            assert found == {hash_content(text): text for text in NEW}

    run(body)


def test_of_a_group_only_what_is_wanted_is_kept_at_hand(tmp_path):
    async def body():
        async with open_store(tmp_path) as store:
            await put(store, [group()])
            forget(store)
            assert store.reader.read_all(DOMAIN, NAMES[3:5]) == dict(zip(NAMES[3:5], OLD[3:5], strict=True))
            assert [(DOMAIN, name) in store.memory for name in NAMES] == [n in {3, 4} for n in range(len(NAMES))]

    run(body)


def test_what_is_not_there_is_told_to_who_asks_for_it_and_not_before(tmp_path):
    async def body():
        async with open_store(tmp_path) as store:
            await put(store, [group()])
            forget(store)
            absent = ContentHash(b"\7" * 32)
            store.reader.warm(DOMAIN, [absent, *NAMES[:2]])
            assert all((DOMAIN, name) in store.memory for name in NAMES[:2])
            with pytest.raises(NotFound):
                store.reader.read_all(DOMAIN, [absent])

    run(body)
