"""A small LFS server for the benchmark: batch API, basic transfer with SHA-256 verified and fsync, and locks.

After the protocol's documents in git-lfs (docs/api). Run: `python -m benchmarks.rivals.lfs_server FOLDER PORT`.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

BLOCK = 1 << 20
KIND = "application/vnd.git-lfs+json"


class Handler(BaseHTTPRequestHandler):
    """One connection; the class holds what all share."""

    protocol_version = "HTTP/1.1"
    # Without it each small answer waits for the client's delayed acknowledgement.
    disable_nagle_algorithm = True
    wbufsize = -1
    folder: ClassVar[Path]
    held: ClassVar[dict[str, dict[str, Any]]] = {}
    guard: ClassVar[threading.Lock] = threading.Lock()

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        """An object, or the locks."""
        if self.path.startswith("/locks"):
            self._answer(200, {"locks": list(self.held.values())})
            return
        path = self._object()
        size = path.stat().st_size
        self.send_response(200)
        self.send_header("Content-Length", str(size))
        self.end_headers()
        self.wfile.flush()
        with path.open("rb") as source:
            self.connection.sendfile(source)

    def do_PUT(self) -> None:
        """An object: verified, durable, then visible."""
        path, left = self._object(), int(self.headers["Content-Length"])
        path.parent.mkdir(parents=True, exist_ok=True)
        part, state = path.with_suffix(f".{threading.get_ident()}"), hashlib.sha256()
        with part.open("wb") as sink:
            while left and (block := self.rfile.read(min(left, BLOCK))):
                state.update(block)
                sink.write(block)
                left -= len(block)
            sink.flush()
            os.fsync(sink.fileno())
        if state.hexdigest() != path.name:
            part.unlink()
            self._answer(422, {"message": "other bytes than the name says"})
            return
        part.rename(path)
        self._answer(200, {})

    def do_POST(self) -> None:
        """Batch requests and everything about locks."""
        asked = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}")
        if self.path == "/objects/batch":
            self._answer(200, {"transfer": "basic", "objects": [self._offer(o, asked) for o in asked["objects"]]})
        elif self.path == "/locks/verify":
            self._answer(200, {"ours": list(self.held.values()), "theirs": []})
        elif found := re.fullmatch(r"/locks/(\w+)/unlock", self.path):
            with self.guard:
                gone = next(lock for lock in self.held.values() if lock["id"] == found[1])
                del self.held[gone["path"]]
                self._save()
            self._answer(200, {"lock": gone})
        else:
            self._lock(asked["path"])

    def _lock(self, path: str) -> None:
        with self.guard:
            if path in self.held:
                self._answer(409, {"lock": self.held[path], "message": "already locked"})
                return
            number = hashlib.sha256(path.encode()).hexdigest()[:16]
            when = datetime.now(UTC).isoformat(timespec="seconds")
            self.held[path] = {"id": number, "path": path, "locked_at": when, "owner": {"name": "bench"}}
            self._save()
            self._answer(201, {"lock": self.held[path]})

    def _save(self) -> None:
        with (self.folder / "locks.json").open("w", encoding="utf-8") as sink:
            json.dump(self.held, sink)
            sink.flush()
            os.fsync(sink.fileno())

    def _offer(self, thing: dict[str, Any], asked: dict[str, Any]) -> dict[str, Any]:
        there = (self.folder / thing["oid"][:2] / thing["oid"]).exists()
        link = {"href": f"http://{self.headers['Host']}/object/{thing['oid']}"}
        if asked["operation"] == "upload":
            return thing if there else {**thing, "actions": {"upload": link}}
        return {**thing, "actions": {"download": link}}

    def _object(self) -> Path:
        name = self.path.rpartition("/")[2]
        return self.folder / name[:2] / name

    def _answer(self, code: int, body: dict[str, Any]) -> None:
        data = json.dumps(body).encode()
        self.send_response(code)
        self.send_header("Content-Type", KIND)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
        self.wfile.flush()


def main() -> None:
    """Serve FOLDER on loopback PORT until ended."""
    Handler.folder = Path(sys.argv[1])
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[2])), Handler).serve_forever()


if __name__ == "__main__":
    main()
