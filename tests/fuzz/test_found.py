"""What the fuzzers have found, each with the bytes that did it: none of it comes back."""

from __future__ import annotations

import json
import tracemalloc

import pytest
from tests.fuzz.engine import check
from tests.fuzz.workers import TARGETS

from mlv.workspace.layout import Layout
from mlv.workspace.opened import Workspace
from mlv_core.errors import DamagedContent, InvalidPath, InvalidSettings
from mlv_core.packs import parse_frame
from mlv_core.paths import SETS_LIMIT, check_paths, find_clashes, glob_match
from mlv_core.records import read_params
from mlv_server.content.archive import Archive

NPY_HEADER = b"{'descr': '<f4', 'fortran_order': False, 'shape': (" + b"1" * 40 + b"x), }"
FOUND = {
    "npy: digits that are no shape were split in all ways": (
        "npy",
        b"\0\0\1\0" + b"\x93NUMPY\x01\0" + len(NPY_HEADER).to_bytes(2, "little") + NPY_HEADER,
    ),
    "pack: a frame with its reserved byte set was taken": (
        "pack",
        bytes.fromhex(
            "4d4c5650010000004652a0090100000037000000c8000000460a78e38e8ad8a4a674816cb5d808fedb44f500000028b52f7803fd20"
            "6465000028e8f040cd659e82d7fd9fc5a9af5d3fd9aee9f48b5a43b4e40102070115cae801008ca96801011500000028b52ffd2064"
            "65000028ca4958000001000000"
        ),
    ),
    "toml: a long line of a text was read as a key in all ways": (
        "record files",
        bytes.fromhex("22612062223d350a") + b'a = """\n' + b"a." * 30 + b'\n"""\n',
    ),
    "toml: spaces in a table's name": ("record files", b'\x02a = """\n[' + b" " * 20_000 + b'\n"""\n'),
    "env: spaces before no sign": ("record files", b"\x06a" + b" " * 50_000 + b"\n"),
    "env: spaces in a value": ("record files", b"\x06a =" + b" " * 95_000 + b"b\n"),
    "yaml: aliases of mappings that name no value": (
        "record files",
        b"\x03a0: &a0 {}\n"
        + b"".join(b"a%d: &a%d [%s]\n" % (n, n, b",".join([b"*a%d" % (n - 1)] * 9)) for n in range(1, 12)),
    ),
    "yaml: merges of merges": (
        "record files",
        b"\x03a0: &a0 {k: v}\n"
        + b"".join(b"a%d: &a%d {<<: [*a%d, *a%d]}\n" % (n, n, n - 1, n - 1) for n in range(1, 30)),
    ),
    "yaml: a mapping that merges itself": ("record files", b"\x03a: &a\n  <<: *a\n"),
    "yaml: aliases in a key": (
        "record files",
        b"\x03? &a0 [x, x]\n: 1\n"
        + b"".join(b"? &a%d [*a%d, *a%d, *a%d]\n: 1\n" % (n, n - 1, n - 1, n - 1) for n in range(1, 24)),
    ),
    "expression: spaces before no operator": ("expressions", b"f1" + b" " * 60_000 + b"!"),
    "mlv.toml: a number without end": ("mlv.toml", b"params = " + b"1" * 5000),
    "mlv.toml: lists in lists": ("mlv.toml", b"params = " + b"[" * 5000),
    "client settings: a number without end": ("client settings", b"timeout = " + b"1" * 5000),
    "client settings: lists in lists": ("client settings", b"timeout = " + b"[" * 5000),
    "server settings: a number without end": ("server settings", b"[limits]\nfile = " + b"1" * 5000),
    "server settings: lists in lists": ("server settings", b"[limits]\nfile = " + b"[" * 5000),
    "merged yaml: aliases of aliases": (
        "merged documents",
        b"\x01"
        + b"\0".join(
            b"a0: &a0 {x: 1}\n"
            + b"".join(b"a%d: &a%d [%s]\n" % (n, n, b",".join([b"*a%d" % (n - 1)] * 9)) for n in range(1, 12))
            + end
            for end in (b"z: 1\n", b"z: 2\n", b"z: 1\ny: 3\n")
        ),
    ),
    "merged json: lists in lists": (
        "merged documents",
        b"\0" + b"\0".join(b'{"a":' + b"[" * 900 + b"]" * 900 + end for end in (b"}", b',"b":1}', b',"c":1}')),
    ),
    "merged yaml: lists in lists without end": (
        "merged documents",
        b"\x01" + b"\0".join(b"a: " + b"[" * 5000 + end for end in (b"", b"1", b"2")),
    ),
    "merged yaml: a list as a key": ("merged documents", bytes.fromhex("013a2026785b5d0a3f203a202a78")),
    "json: a name with half of a pair": ("record files", b'\0{"\\ud800": NaN}'),
    "yaml: lists in lists without end": ("record files", b"\x03" + b"[" * 5000),
    "yaml: a character that no text has": ("record files", b"\x03\x07"),
    "yaml: a name with half of a pair": ("record files", b'\x03"\\ud800": "\\udfff"\n'),
    "journal and credentials: lists in lists": ("workspace files", b"[" * 5000),
    "ignore rules: a backslash at the end": ("ignore rules", b"\\"),
    "ignore rules: a set that runs backwards": ("ignore rules", bytes.fromhex("5b612d2e5d")),
    "paths: thousands of folders on the way": ("globs and clashes", b"a/" * 24_000 + b"a"),
}


@pytest.mark.parametrize("name", sorted(FOUND))
def test_what_was_found_stays_mended(name: str):
    target, data = FOUND[name]
    check(TARGETS[target], data)


def test_ignore_rules_name_the_line_that_is_no_pattern(tmp_path):
    from mlv.workspace.scan import ignore_rules  # noqa: PLC0415 - as the command imports it

    (tmp_path / ".mlvignore").write_text("*.tmp\n\\\n")
    with pytest.raises(InvalidSettings, match=r"\.mlvignore, line 2"):
        ignore_rules(Layout(str(tmp_path)))


@pytest.mark.parametrize("text", ["[" * 5000, "[]", '"x"'])
def test_a_workspace_whose_identity_is_damaged_is_told_so(tmp_path, text):
    layout = Layout(str(tmp_path))
    (tmp_path / ".mlv").mkdir()
    (tmp_path / ".mlv" / "state.db").write_bytes(b"")
    (tmp_path / ".mlv" / "workspace.json").write_text(text)
    assert layout.identity.endswith("workspace.json")
    with pytest.raises(DamagedContent, match="identity"):
        Workspace.rebuild(str(tmp_path))


def test_a_backup_whose_mark_is_damaged_is_told_so(tmp_path):
    from mlv_server.content.archive import MARK  # noqa: PLC0415 - beside its use

    (tmp_path / MARK).write_text("[" * 5000)
    with pytest.raises(DamagedContent, match="damaged"):
        Archive.reading(tmp_path)


def test_a_frame_with_its_reserved_byte_set_is_refused():
    frame = bytearray(b"FR\0\0" + (1).to_bytes(2, "little") + bytes(2) + (1).to_bytes(4, "little"))
    frame += (1).to_bytes(4, "little") + bytes(32) + b"x"
    assert parse_frame(bytes(frame)).members[0][1] == 1
    frame[3] = 1
    with pytest.raises(DamagedContent):
        parse_frame(bytes(frame))


def test_F2_clashes_of_deep_paths_take_little_memory():
    deep = ["/".join([f"{n}", *"a" * 2000]) for n in range(50)]
    tracemalloc.start()
    try:
        assert find_clashes(deep) == []
        assert tracemalloc.get_traced_memory()[1] < 16 * sum(map(len, deep))
    finally:
        tracemalloc.stop()
    assert find_clashes([*deep, deep[7].upper()]) == [(deep[7], deep[7].upper())]
    with pytest.raises(InvalidPath, match="longer"):
        check_paths(["x" * 5000, "X" * 5000])


def test_a_pattern_of_very_many_sets_is_refused():
    assert glob_match("[a-c]" * SETS_LIMIT, "b" * SETS_LIMIT)
    with pytest.raises(InvalidPath, match="sets"):
        glob_match("[\u0100-\uffff]" * 200, "x")


def test_yaml_merges_as_its_library_does():
    text = "a: &a {x: 1, y: 2}\nb: &b {y: 3, z: 4}\nc:\n  <<: [*a, *b]\n  x: 5\n"
    found = {param.name: param.value for param in read_params("p.yaml", text)}
    assert json.loads(json.dumps(found)) == {
        "a.x": "1", "a.y": "2", "b.y": "3", "b.z": "4", "c.x": "5", "c.y": "2", "c.z": "4",
    }  # fmt: skip
