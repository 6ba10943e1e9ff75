"""Stored bytes of every content format are read for ever: what these files hold must go on meaning the same.

The data were written once by `write_content_formats.py`; encoders may change, decoders may not.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from mlv_core.codecs import Codec, decode
from mlv_core.framing import plan_frames
from mlv_core.hashing import hash_content
from mlv_core.packs import PackParser, decode_frame, read_index
from mlv_core.recipes import Recipe
from mlv_core.segments import Chunker, average_chunk_size, plan_layout

DATA = Path(__file__).parent / "data"
FACTS = json.loads((DATA / "content_formats.json").read_text())


@pytest.mark.parametrize("name", sorted(FACTS["blobs"]))
def test_a_stored_blob_decodes_to_the_same_bytes(name):
    fact = FACTS["blobs"][name]
    base = (DATA / fact["base"]).read_bytes() if fact["base"] else None
    plain = decode(Codec[fact["codec"]], (DATA / f"{name}.blob").read_bytes(), fact["length"], base, 1 << 20)
    assert hash_content(plain).hex() == fact["hash"]


def test_a_stored_pack_keeps_its_id_and_its_members():
    data = (DATA / "small.pack").read_bytes()
    parser = PackParser()
    placed = parser.feed(data)
    assert parser.finish().hex() == FACTS["pack"]["id"]
    entries, pack_id = read_index(len(data), lambda offset, length: data[offset : offset + length])
    assert pack_id == parser.pack_id
    assert [[e.offset, e.header_length, e.blob_length] for e in entries] == FACTS["pack"]["entries"]
    base = (DATA / "f32.base").read_bytes()
    members = [bytes(part) for p in placed for part in decode_frame(p.frame, base if p.frame.bases else None)]
    assert [hash_content(member).hex() for member in members] == FACTS["pack"]["members"]


def test_a_stored_recipe_keeps_its_canonical_bytes_and_its_meaning():
    data = (DATA / "small.recipe").read_bytes()
    recipe = Recipe.decode(data)
    assert recipe.encode() == data
    assert recipe.recipe_id().hex() == FACTS["recipe"]["id"]
    assert [[p.index, p.offset, p.length] for p in recipe.pieces()] == FACTS["recipe"]["pieces"]
    found = [[s.hash.hex(), s.length, s.key, s.element.name] for s in recipe.segments()]
    assert found == FACTS["recipe"]["segments"]
    assert plan_frames(recipe, recipe, set()) == []


def test_cuts_by_content_stay_where_they_were():
    data = np.random.Generator(np.random.PCG64(5)).bytes(300_000)
    chunker = Chunker(average_chunk_size(len(data)))
    assert [len(chunk) for chunk in [*chunker.feed(data), *chunker.finish()]] == FACTS["chunks"]


def test_a_typed_layout_stays_what_it_was():
    data = (DATA / "small.safetensors.head").read_bytes() + bytes(FACTS["layout"]["zeros"])
    layout = plan_layout("x", len(data), lambda offset, length: data[offset : offset + length])
    cuts = [[[[e.offset, e.length] for e in c.extents], c.key, c.element.name] for c in layout.rest + layout.typed]
    assert cuts == FACTS["layout"]["cuts"]
    assert list(layout.runs) == FACTS["layout"]["runs"]
