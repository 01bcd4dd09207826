"""A server on this machine that speaks the calls of the Hugging Face Hub which publish and fetch a file."""

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

Files = dict[str, bytes]


class SmallHub(ThreadingHTTPServer):
    """Repositories with a list of commits each. Requests without the token are refused if they write."""

    daemon_threads = True
    token = "hf_test"

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.repositories: dict[str, list[tuple[str, Files]]] = {}
        self.blobs: dict[str, bytes] = {}
        self.requests: list[str] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def files(self, repository: str, revision: str = "main") -> Files | None:
        """The files of a commit, None if there is none; main is the last one."""
        commits = self.repositories[repository]
        return commits[-1][1] if revision == "main" else dict(commits).get(revision)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: SmallHub

    def do_HEAD(self) -> None:
        self._resolve(body=False)

    def do_GET(self) -> None:
        self._resolve(body=True)

    def do_PUT(self) -> None:
        content = self._body()
        self.server.blobs[hashlib.sha256(content).hexdigest()] = content
        self._answer(200, b"")

    def do_POST(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.server.requests.append(f"POST {path}")
        content = self._body()
        if self.headers.get("Authorization") not in (f"Bearer {self.server.token}", None) or (
            "Authorization" not in self.headers and path.startswith("/api/")
        ):
            self._error(401, "no token")
        elif path == "/api/repos/create":
            asked = json.loads(content)
            name = f"{asked['organization']}/{asked['name']}" if asked.get("organization") else asked["name"]
            self.server.repositories.setdefault(name, [("0" * 40, {})])
            self._json({"url": f"{self.server.address}/{name}", "name": name, "id": "0"})
        elif path == "/api/validate-yaml":
            self._json({"errors": [], "warnings": []})
        elif "/preupload/" in path:
            files = json.loads(content)["files"]
            self._json({"files": [_mode(file["path"]) for file in files]})
        elif path.endswith("/info/lfs/objects/batch"):
            self._json({"transfer": "basic", "objects": [self._upload(o) for o in json.loads(content)["objects"]]})
        elif "/commit/" in path:
            self._commit(path.removeprefix("/api/models/").partition("/commit/")[0], content)
        else:
            self._error(404, "unknown call")

    def _upload(self, asked: dict[str, Any]) -> dict[str, Any]:
        href = f"{self.server.address}/upload/{asked['oid']}"
        return {"oid": asked["oid"], "size": asked["size"], "actions": {"upload": {"href": href, "header": {}}}}

    def _commit(self, repository: str, content: bytes) -> None:
        files = dict(self.server.files(repository) or {})
        for line in content.splitlines():
            entry = json.loads(line)
            value = entry["value"]
            if entry["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif entry["key"] == "lfsFile":
                files[value["path"]] = self.server.blobs[value["oid"]]
        oid = hashlib.sha1(content).hexdigest()
        self.server.repositories[repository].append((oid, files))
        self._json({"success": True, "commitOid": oid, "commitUrl": f"{self.server.address}/{repository}/commit/{oid}"})

    def _resolve(self, *, body: bool) -> None:
        path = unquote(urlsplit(self.path).path).strip("/")
        self.server.requests.append(f"{self.command} /{path}")
        repository, _, rest = path.partition("/resolve/")
        revision, _, file = rest.partition("/")
        if repository not in self.server.repositories:
            return self._error(404, "Repository not found", "RepoNotFound")
        files = self.server.files(repository, revision)
        if files is None:
            return self._error(404, "Invalid rev id", "RevisionNotFound")
        if file not in files:
            return self._error(404, "Entry not found", "EntryNotFound")
        commits = dict(self.server.repositories[repository])
        oid = revision if revision in commits else list(commits)[-1]
        etag = hashlib.sha256(files[file]).hexdigest()
        return self._answer(200, files[file], body=body, headers={"X-Repo-Commit": oid, "ETag": f'"{etag}"'})

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        content = b""
        while size := int(self.rfile.readline(), 16):
            content += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return content

    def _json(self, value: Any) -> None:
        self._answer(200, json.dumps(value).encode(), headers={"Content-Type": "application/json"})

    def _error(self, status: int, message: str, code: str = "") -> None:
        self._answer(status, b"", headers={"X-Error-Code": code, "X-Error-Message": message})

    def _answer(self, status: int, content: bytes, *, body: bool = True, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {**(headers or {}), "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        if body:
            self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        pass


def _mode(path: str) -> dict[str, Any]:
    """How a file is uploaded: large ones by Git LFS."""
    return {"path": path, "uploadMode": "lfs" if path.endswith(".safetensors") else "regular", "shouldIgnore": False}


@contextmanager
def small_hub() -> Iterator[SmallHub]:
    """The server, in a thread of this process."""
    server = SmallHub()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
