"""Runs in the rivals' environment: upload a folder to, or download one from, hf-xet's local content store."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import hf_xet


def upload(store: str, manifest: Path, folder: Path) -> None:
    """Upload every file and write the list of names, hashes and sizes."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    done = hf_xet.upload_files([str(path) for path in paths], store, None, None, None, "model")
    rows = [[str(path.relative_to(folder)), d.hash, d.filesize] for path, d in zip(paths, done, strict=True)]
    manifest.write_text(json.dumps(rows), encoding="utf-8")


def download(store: str, manifest: Path, folder: Path) -> None:
    """Download what the folder's own list does not already say."""
    known = folder.with_suffix(".held.json")
    held = {name: hash_ for name, hash_, _ in json.loads(known.read_text("utf-8"))} if known.exists() else {}
    rows = json.loads(manifest.read_text(encoding="utf-8"))
    wanted = [(folder / name, hash_, size) for name, hash_, size in rows if held.get(name) != hash_]
    for path, _, _ in wanted:
        path.parent.mkdir(parents=True, exist_ok=True)
    files = [hf_xet.PyXetDownloadInfo(str(path), hash_, size) for path, hash_, size in wanted]
    hf_xet.download_files(files, store, None, None, None)
    known.write_text(json.dumps(rows), encoding="utf-8")


if __name__ == "__main__":
    act = {"upload": upload, "download": download}[sys.argv[1]]
    act(f"local://{sys.argv[2]}", Path(sys.argv[3]), Path(sys.argv[4]))
