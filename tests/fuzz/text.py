"""Targets: what users and administrators write - names, revisions, addresses, paths, globs, records, settings."""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.fuzz.target import MEBIBYTE, Target, promise, text_of

from mlv import config
from mlv.remote import credentials
from mlv.workspace import journal
from mlv.workspace.layout import Layout
from mlv.workspace.scan import IGNORE_FILE, ignore_rules
from mlv_core.errors import (
    DamagedContent,
    InvalidName,
    InvalidPath,
    InvalidRevision,
    InvalidSettings,
    LimitExceeded,
    UsageError,
)
from mlv_core.ids import RemoteAddress, RepositoryName, Revision, check_name, escape, split_at_revision
from mlv_core.merges import merge_text
from mlv_core.paths import check_path, check_paths, check_symlink, clash_key, find_clashes, glob_match
from mlv_core.records import (
    parse_dataset,
    parse_input,
    parse_metric,
    parse_metric_expression,
    parse_param,
    read_metrics,
    read_params,
    read_project,
)
from mlv_server.domain.globs import matches_name
from mlv_server.domain.merge_documents import merge_document
from mlv_server.settings import SETTINGS_FILE, default_file, load_settings

_SUFFIXES = ("json", "jsonl", "toml", "yaml", "csv", "tsv", "env", "txt")
_folder = tempfile.TemporaryDirectory(prefix="mlv-fuzz-")


def _seeds(*texts: str) -> Callable[[], list[bytes]]:
    return lambda: [text.encode() for text in texts]


def _run_names(data: bytes) -> None:
    """A revision, repository or name is what it was when it is written and read again."""
    text = text_of(data)
    promise(escape(text).isprintable(), "an escaped text is not printable")
    readers: tuple[Callable[[str], object], ...] = (
        Revision.parse,
        RepositoryName.parse,
        lambda t: check_name(t, "label"),
    )
    for read in readers:
        try:
            found = read(text)
        except (InvalidName, InvalidRevision):
            continue
        promise(read(str(found)) == found, "a name is another when it is read again")
    split_at_revision(text)


def _run_address(data: bytes) -> None:
    address = RemoteAddress.parse(text_of(data))
    again = RemoteAddress.parse(str(address.server))
    promise(again.server == address.server and address.server.target, "an address is another when it is read again")


def _run_path(data: bytes) -> None:
    path = text_of(data)
    check_path(path)
    promise(path.encode().decode() == path and clash_key(path), "a good path is no text")
    promise(not path.startswith("/") and ".." not in path.split("/"), "a good path leads out")


def _run_paths(data: bytes) -> None:
    paths = text_of(data).split("\n")
    with contextlib.suppress(UsageError):
        check_paths(paths)
    find_clashes(paths)
    with contextlib.suppress(UsageError):
        target = check_symlink(paths[0], paths[-1])
        promise(not target.startswith("/"), "a link points to the top")
    with contextlib.suppress(InvalidPath):
        glob_match(paths[0], paths[-1])
    if len(paths[0]) <= 128:
        matches_name(paths[0], paths[-1][:128])


def _run_expressions(data: bytes) -> None:
    text = text_of(data)
    readers: tuple[Callable[[str], object], ...] = (
        parse_param, parse_metric, parse_dataset, parse_input, lambda t: parse_metric_expression(t).matches(0.5),
    )  # fmt: skip
    for read in readers:
        with contextlib.suppress(UsageError):
            read(text)


def _run_record_files(data: bytes) -> None:
    """The first byte is the kind of file."""
    suffix = _SUFFIXES[data[0] % len(_SUFFIXES)] if data else "json"
    text = data[1:].decode("utf-8", "replace")
    for read in (read_params, read_metrics):
        with contextlib.suppress(UsageError, LimitExceeded):
            for item in read(f"params.{suffix}", text):
                item.origin.encode()
                item.name.encode()


def _record_seeds() -> list[bytes]:
    texts = {
        "json": '{"lr": 2e-5, "model": {"layers": [1, 2], "on": true, "x": null}, "runs": [{"a": "\\u00e9"}]}',
        "jsonl": '{"step": 1, "loss": 0.5}\n{"step": 2, "loss": NaN}\n',
        "toml": 'lr = 2e-5\n[model]\n"a b" = [1, 2]\ntext = """\nlong line\n"""\n[[runs]]\nat = 1979-05-27T07:32:00Z\n',
        "yaml": "lr: 2e-5\nmodel: &m\n  layers: [1, 2]\nother:\n  <<: *m\n  runs:\n  - a: 1\n  - {b: 'x'}\n",
        "csv": 'step,loss,"a b"\n1,0.5,x\n2,0.25,"y ""z"""\n',
        "tsv": "step\tloss\n1\t0.5\n",
        "env": "# made\nexport LR=2e-5\nNAME: 'x'\n",
        "txt": "[section]\nlr = 2e-5 ; no\n",
    }
    return [bytes([_SUFFIXES.index(suffix)]) + text.encode() for suffix, text in texts.items()]


def _run_project(data: bytes) -> None:
    project = read_project(text_of(data))
    promise(all(isinstance(name, str) for name in project.params + project.metrics), "a pattern is no text")


def _run_settings(data: bytes) -> None:
    path = Path(_folder.name) / SETTINGS_FILE
    path.write_bytes(data)
    load_settings(path, {})


def _run_config(data: bytes) -> None:
    (Path(_folder.name) / config.FILE).write_bytes(data)
    config.load({config.CONFIG_VARIABLE: _folder.name})


def _run_workspace(data: bytes) -> None:
    """What lies in a workspace's folder and in the user's: four journals, the patterns, the credentials."""
    layout = Layout(_folder.name)
    Path(layout.control).mkdir(exist_ok=True)
    for place, read in (
        (layout.journal, journal.read),
        (layout.commit_journal, journal.read_commit),
        (layout.shelve_journal, journal.read_shelve),
        (layout.request_journal, journal.read_request),
    ):
        Path(place).write_bytes(data)
        with contextlib.suppress(DamagedContent):
            read(layout)
    (Path(_folder.name) / credentials.FILE).write_bytes(data)
    with contextlib.suppress(InvalidSettings):
        credentials.load(_folder.name)


def _run_ignore(data: bytes) -> None:
    (Path(_folder.name) / IGNORE_FILE).write_bytes(data)
    ignored = ignore_rules(Layout(_folder.name))
    ignored("a/b/c.bin")


_UPDATE = {
    "label": "update", "steps": [{"path": "a", "file": None, "expected": None, "source": ""}], "rows": [],
    "trusted": [],
    "dropped": [], "pending_dropped": [], "pending_added": [["a", "b", "c"]], "conflicts": [], "conflicts_dropped": [],
    "edits_dropped": [], "join": False, "settings": {"base": "1"},
}  # fmt: skip
_COMMIT = {
    "request_id": "r",
    "branch": "main",
    "keep_locks": False,
    "files": [{"path": "a", "stamp": None, "need": None}],
}
_REQUEST = {"request_id": "r", "verb": "undo", "name": "", "tokens": [["a", 1]]}
_CREDENTIALS = [{"url": "mlv://h:1", "token": "t", "user": "u", "fingerprint": "f", "authority_pem": "p"}]


def _run_merge(data: bytes) -> None:
    parts = [*data.split(b"\0"), b"", b"", b""][:3]
    merge_text(*parts)


_DOCUMENTS = ("a.json", "a.yaml", "a.toml", "a.ipynb", "a.txt")


def _run_documents(data: bytes) -> None:
    """The first byte is the kind; base, mine and theirs are apart by NULs."""
    path = _DOCUMENTS[data[0] % len(_DOCUMENTS)] if data else "a.json"
    base, mine, theirs = [*data[1:].split(b"\0"), b"", b"", b""][:3]
    merge_document(path, base, mine, theirs)


def _document_seeds() -> list[bytes]:
    cells = '{"cells": [{"id": "a", "cell_type": "code", "source": [], "outputs": []}], "metadata": {}, "nbformat": 4}'
    documents = (
        ('{"a": 1, "b": [1, 2]}', '{"a": 2, "b": [1, 2]}', '{"a": 1, "b": [1, 2, 3]}'),
        ("a: 1\nb: &x [1, 2]\n", "a: 2  # two\nb: &x [1, 2]\n", "a: 1\nb: &x [1, 2]\nc: *x\n"),
        ("a = 1\n[t]\nb = 2\n", "a = 2\n[t]\nb = 2\n", "a = 1\n[t]\nb = 3 # three\n"),
        (cells, cells.replace('"source": []', '"source": ["x"]'), cells.replace("{}", '{"k": 1}')),
        ("a\nb\nc\n", "a\nx\nc\n", "a\nb\ny\n"),
    )
    return [bytes([kind]) + "\0".join(texts).encode() for kind, texts in enumerate(documents)]


_NAMES = ("@42", "@main", "@2026-11-22T10:00Z", "@have", "model/a.bin@v1.2", "fraud/detector", "feature/x-1")
_MARKS = (
    b"@",
    b"/",
    b"..",
    b".lock",
    b"\xd9\xa3",
    b"\xc2\xb2",
    b"mlv://",
    b"mlv+plain://",
    b"[::1]",
    b":65536",
    b"head",
    b"-",
)
_GLOBS = (b"**", b"*", b"?", b"[!a-z]", b"[", b"]", b"/", b"*a" * 30, b"**/" * 20, b"[[]", b"[a-", b"\\", b"\n")
_TOML = (
    b"[", b"[[", b"]]", b'"""\n', b"'''", b"=", b" = ", b"{a=", b"params = ", b"[" * 400, b"a." * 300, b"1" * 4400,
    b"1979-05-27T07:32:00Z", b"\\uD800", b" " * 300, b"a" * 200, b"#", b",", b"inf", b"0x",
)  # fmt: skip
_YAML = (
    b"&a ", b"*a", b"<<: ", b"{}", b"[]", b"[*a,*a,*a,*a,*a,*a,*a,*a]", b"\nb: &b ", b"? ", b": ", b"!!python/x ",
    b"- ", b"|\n", b"%YAML 1.1\n", b"---\n", b"{", b"}", b'"\\ud800"', b"[" * 200,
)  # fmt: skip
NAMED = (InvalidName, InvalidRevision)

TARGETS = (
    Target(
        "merged documents",
        _run_documents,
        _document_seeds,
        (),
        (*_TOML, *_YAML, b"\0", b'"cells"', b'"id"', b"1e5"),
        memory=64 * MEBIBYTE,
    ),
    Target("revision and name", _run_names, _seeds(*_NAMES), NAMED, _MARKS),
    Target(
        "address",
        _run_address,
        _seeds("mlv://host:7420/ns/repo/a/b@v1", "mlv+plain://[::1]:1", "mlv://h"),
        NAMED,
        _MARKS,
    ),
    Target(
        "path",
        _run_path,
        _seeds("a/b.bin", "\u00e9/x", ".hidden", "con.txt"),
        (InvalidPath,),
        (*_MARKS, b"\\", b".mlv", b"nul", b" ", b"e\xcc\x81"),
    ),
    Target("globs and clashes", _run_paths, _seeds("a/*.bin\nb\na/x.bin", "**/[!x]?\nA\na", "*\n../x\nl"), (), _GLOBS),
    Target(
        "expressions",
        _run_expressions,
        _seeds("lr=2e-5", "f1=0.9@eval", "ns/n@1:a/b", "train=@2:x", "val/f1>=0.9"),
        (),
        (b"=", b">=", b"@", b":", b" " * 200, b"1" * 400, b"nan"),
    ),
    Target(
        "record files", _run_record_files, _record_seeds, (), (*_TOML, *_YAML, b'{"a":', b",", b"\n", b"\r", b"\x1c")
    ),
    Target(
        "mlv.toml", _run_project, _seeds('params = ["p/*.yaml"]\nmetrics = ["m.json"]\n'), (InvalidSettings,), _TOML
    ),
    Target(
        "server settings",
        _run_settings,
        _seeds(default_file({}), '[server]\nlisten = "[::1]:0"\n'),
        (InvalidSettings,),
        (*_TOML, b"[storage]\n", b"[limits]\n", b"GiB", b"cache = "),
    ),
    Target(
        "client settings",
        _run_config,
        _seeds('server = "mlv://h:1"\ntimeout = 5\nprogress = "never"\n'),
        (InvalidSettings,),
        _TOML,
    ),
    Target(
        "workspace files",
        _run_workspace,
        _seeds(*(json.dumps(v) for v in (_UPDATE, _COMMIT, _REQUEST, _CREDENTIALS))),
        (),
        (b"null", b"[", b"{", b"[" * 2000, b'"', b"1" * 4400),
    ),
    Target(
        "ignore rules",
        _run_ignore,
        _seeds("*.tmp\n!keep\n/a/\n**/b/**\n"),
        (InvalidSettings,),
        (*_GLOBS, b"!", b"#", b" "),
    ),
    Target(
        "merge", _run_merge, _seeds("a\nb\nc\n\0a\nx\nc\n\0a\nb\ny\n"), (), (b"\0", b"\n", b"\r\n", b"a\n", b"<<<<<<<")
    ),
)
