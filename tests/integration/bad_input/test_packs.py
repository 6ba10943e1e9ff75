"""Packs that lie: refused as a whole before anything of them shows, the item named."""

from __future__ import annotations

import random
import struct

from tests.integration.bad_input.conftest import (
    NUMBERS,
    REPOSITORY,
    ROUNDS,
    bug_free,
    one_change,
    pack_of,
    publish,
)
from tests.wire import Reply, Wire

from mlv_core.codecs import encode_group
from mlv_core.hashing import hash_content
from mlv_core.packs import Frame, frame_of
from mlv_proto.v1 import commits_pb2, content_pb2


def put(line: Wire, pack: bytes) -> Reply:
    chunks = [content_pb2.Chunk(data=pack[at : at + 5000]).SerializeToString() for at in range(0, len(pack), 5000)]
    return line.send("mlv.v1.ContentService.PutPack", chunks, (("mlv-repository", REPOSITORY),))


def missing(line: Wire, *names: bytes) -> int:
    asked = commits_pb2.FindMissingRequest(repository=REPOSITORY, hashes=b"".join(names))
    (answer,) = line.send("mlv.v1.CommitsService.FindMissing", asked.SerializeToString()).answers
    return int.from_bytes(answer.missing, "little").bit_count()


REFUSALS = {"DATA_LOSS", "INVALID_ARGUMENT", "RESOURCE_EXHAUSTED"}


def test_a_pack_with_any_damage_is_refused_as_a_whole(team, line):
    pick = random.Random(11)
    plains = [pick.randbytes(3000), b"text " * 800, pick.randbytes(100)]
    good = pack_of(*plains)
    for turn in range(ROUNDS):
        bad = bytearray(good)
        act = turn % 4
        if act == 0:
            bad[pick.randrange(len(bad))] ^= 1 << pick.randrange(8)
        elif act == 1:
            del bad[pick.randrange(len(bad)) :]
        elif act == 2:
            at = pick.randrange(len(bad) - 8)
            bad[at : at + 8] = struct.pack("<Q", pick.choice(NUMBERS))
        else:
            bad += pick.randbytes(pick.randrange(1, 50))
        if bytes(bad) == good:
            continue
        reply = put(line, bytes(bad))
        bug_free(team, reply, bytes(bad))
        assert reply.status in REFUSALS, (turn, reply)
    assert missing(line, *(hash_content(plain) for plain in plains)) == len(plains)
    assert put(line, good).status == "OK"
    assert missing(line, *(hash_content(plain) for plain in plains)) == 0


def test_a_segment_that_decodes_to_another_hash_is_refused_by_its_name(line):
    data = b"not what it says" * 50
    name = hash_content(b"something else")
    lying = frame_of(encode_group(data), (), ((name, len(data)),))
    reply = put(line, pack_of(frames=(lying,)))
    assert (reply.status, reply.code) == ("DATA_LOSS", "DAMAGED_CONTENT"), reply


def test_an_unknown_base_and_a_base_cycle_are_refused(line):
    pick = random.Random(12)
    first, second = pick.randbytes(4096), pick.randbytes(4096)
    for base in (hash_content(b"nobody has this"), hash_content(second)):
        delta = Frame(codec=3, bases=(base,), members=((hash_content(first), 4096),), blob=pick.randbytes(100))
        back = Frame(
            codec=3, bases=(hash_content(first),), members=((hash_content(second), 4096),), blob=pick.randbytes(100)
        )
        reply = put(line, pack_of(frames=(delta, back)))
        assert reply.status in REFUSALS, reply
    assert missing(line, hash_content(first), hash_content(second)) == 2


def test_a_compressed_bomb_stops_at_its_declared_size(line):
    bomb = encode_group(bytes(32 << 20))
    lying = Frame(bomb.codec, (), ((hash_content(b"\0"), 1),), bomb.blob)
    reply = put(line, pack_of(frames=(lying,)))
    assert reply.status in REFUSALS, reply


def test_a_publish_whose_content_is_not_there_is_refused_whole(line):
    gone = hash_content(b"never sent")
    changes = one_change(paths=["gone.txt"], sizes=[10], hashes=gone)
    reply = line.send("mlv.v1.CommitsService.Publish", publish(changes).SerializeToString())
    assert reply.status == "NOT_FOUND", reply
    recipe = publish(changes, content_hashes=gone, recipe_hashes=hash_content(b"nor this"))
    reply = line.send("mlv.v1.CommitsService.Publish", recipe.SerializeToString())
    assert reply.status in {"NOT_FOUND", "DATA_LOSS"}, reply


def test_a_publish_with_a_size_that_is_not_the_contents_is_refused(line):
    data = b"sixteen bytes..\n"
    changes = one_change(paths=["size.txt"], sizes=[2**40], hashes=hash_content(data))
    request = publish(changes, inline_pack=pack_of(data))
    reply = line.send("mlv.v1.CommitsService.Publish", request.SerializeToString())
    assert reply.status in REFUSALS | {"NOT_FOUND"}, reply
