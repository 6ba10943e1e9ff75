"""docs/wire.md says what the code does: its bytes parse, its names exist."""

from __future__ import annotations

import re
from pathlib import Path

from mlv_core.codecs import Codec
from mlv_core.packs import PackParser, decode_frame
from mlv_core.recipes import Recipe, generic
from mlv_proto.v1 import commits_pb2, content_pb2, history_pb2, identity_pb2, locks_pb2, repositories_pb2, server_pb2

DOCUMENT = (Path(__file__).parents[2] / "docs" / "wire.md").read_text(encoding="utf-8")
HELLO, YOU = b"hello\n", b"you\n"


def example(name: str) -> bytes:
    found = re.search(rf"```{name}\n(.*?)```", DOCUMENT, re.DOTALL)
    assert found
    return bytes.fromhex(found[1])


def test_the_pack_of_the_document_is_a_pack():
    parser = PackParser()
    (placed,) = parser.feed(example("pack"))
    parser.finish()
    assert bytes(decode_frame(placed.frame, None)[0]) == HELLO


def test_the_recipe_of_the_document_is_a_recipe():
    recipe = Recipe.decode(example("recipe"))
    parser = PackParser()
    (placed,) = parser.feed(example("pack"))
    (hello, _), names = placed.frame.members[0], [segment.hash for segment in recipe.segments()]
    assert names[0] == hello
    assert recipe == generic(len(HELLO) + len(YOU), [(names[0], len(HELLO)), (names[1], len(YOU))])


def test_every_codec_has_its_line():
    for codec in Codec:
        assert re.search(rf"^\| {int(codec)} {codec.name.lower()} \|", DOCUMENT, re.MULTILINE)


def test_the_methods_and_columns_of_the_document_exist():
    modules = (commits_pb2, content_pb2, history_pb2, identity_pb2, locks_pb2, repositories_pb2, server_pb2)
    methods = {
        method.name
        for module in modules
        for service in module.DESCRIPTOR.services_by_name.values()
        for method in service.methods
    }
    steps = re.findall(r"^\d\. `([A-Z]\w+)`", DOCUMENT, re.MULTILINE)
    assert steps == ["RegisterWorkspace", "AcquireLocks", "Begin", "FindMissing", "PutPack", "Publish"]
    assert methods.issuperset(steps)
    columns = set(re.findall(r"`((?:segment|old|piece)_\w+)`", DOCUMENT))
    assert columns
    assert columns <= set(content_pb2.PlanDownloadResponse.DESCRIPTOR.fields_by_name)
