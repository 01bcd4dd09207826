"""A server on this machine that speaks the few calls of S3 which pyarrow makes: list, head, get and put."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from typing import BinaryIO
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape


class SmallS3(ThreadingHTTPServer):
    """Holds objects by bucket/key, and counts requests. Gets of keys in `refused` are answered with 403."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.objects: dict[str, bytes] = {}
        self.refused: set[str] = set()
        self.requests: list[tuple[str, str]] = []

    @property
    def options(self) -> str:
        """What follows the ? in a URI for this server."""
        port = self.server_address[1]
        return f"endpoint_override=127.0.0.1:{port}&scheme=http&region=here"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: SmallS3

    def do_HEAD(self) -> None:
        self._answer_object(body=False)

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        query = parse_qs(address.query)
        if "list-type" in query:
            self._list(unquote(address.path).strip("/"), query.get("prefix", [""])[0], query.get("delimiter", [""])[0])
        else:
            self._answer_object(body=True)

    def do_PUT(self) -> None:
        self.server.objects[self._key()] = self._body()
        self._answer(200, b"")

    def do_POST(self) -> None:
        self._body()
        self._answer(501, b"")

    def _key(self) -> str:
        key = unquote(urlsplit(self.path).path).strip("/")
        self.server.requests.append((self.command, key))
        return key

    def _body(self) -> bytes:
        """The content of a request. S3's own chunks, with a checksum at the end, may be inside those of HTTP."""
        if self.headers.get("Transfer-Encoding") == "chunked":
            content = _joined(self.rfile)
        else:
            content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        return _joined(BytesIO(content)) if "x-amz-decoded-content-length" in self.headers else content

    def _answer_object(self, *, body: bool) -> None:
        key = self._key()
        if key in self.server.refused:
            self._answer(403, b"<Error><Code>AccessDenied</Code><Message>no</Message></Error>" if body else b"")
        elif key not in self.server.objects:
            self._answer(404, b"<Error><Code>NoSuchKey</Code><Message>none</Message></Error>" if body else b"")
        else:
            content = self.server.objects[key]
            first, last = self._range(len(content))
            status = 206 if "Range" in self.headers else 200
            headers = {"Content-Range": f"bytes {first}-{last}/{len(content)}"} if status == 206 else {}
            self._answer(status, content[first : last + 1], body=body, headers=headers)

    def _range(self, size: int) -> tuple[int, int]:
        first, _, last = self.headers.get("Range", f"bytes=0-{size - 1}").removeprefix("bytes=").partition("-")
        return int(first), min(int(last or size - 1), size - 1)

    def _list(self, bucket: str, prefix: str, delimiter: str) -> None:
        keys = [key.removeprefix(f"{bucket}/") for key in sorted(self.server.objects) if key.startswith(f"{bucket}/")]
        self.server.requests.append(("LIST", f"{bucket}/{prefix}"))
        entries = "".join(
            f"<Contents><Key>{escape(key)}</Key><Size>{len(self.server.objects[f'{bucket}/{key}'])}</Size>"
            "<LastModified>2026-01-01T00:00:00.000Z</LastModified></Contents>"
            for key in keys
            if key.startswith(prefix) and not (delimiter and delimiter in key[len(prefix) :])
        )
        document = (
            f'<?xml version="1.0"?><ListBucketResult><Name>{bucket}</Name><IsTruncated>false</IsTruncated>'
            f"{entries}</ListBucketResult>"
        )
        self._answer(200, document.encode())

    def _answer(self, status: int, content: bytes, *, body: bool = True, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"ETag": '"0"', "Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if body:
            self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        pass


def _joined(stream: BinaryIO) -> bytes:
    """The content of chunks, up to the empty one and the lines that follow it."""
    content = b""
    while size := int(stream.readline().split(b";")[0], 16):
        content += stream.read(size)
        stream.readline()
    while stream.readline().strip():
        pass
    return content


@contextmanager
def small_s3() -> Iterator[SmallS3]:
    """The server, in a thread of this process."""
    server = SmallS3()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
