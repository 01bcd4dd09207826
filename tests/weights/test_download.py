"""Downloads from a local server: complete, resumed, interrupted, wrong, and without a server."""

import hashlib
import threading
import time
from collections.abc import Iterator
from contextlib import nullcontext, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from multibox.errors import WeightsError
from multibox.weights import download
from multibox.weights.download import cache_folder, fetch_file
from multibox.weights.download_report import report_downloads

CONTENT = np.random.default_rng(0).bytes(3_000_000)
HASH = hashlib.sha256(CONTENT).hexdigest()


class Server(ThreadingHTTPServer):
    """Serves CONTENT at every path. `ranges`: whether it can resume. `limits`: bytes after which it disconnects."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.ranges, self.status, self.content = True, 200, CONTENT
        self.length: str | None = None
        self.pause = 0.0
        self.limits: list[int] = []
        self.asked: list[str | None] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/models/some%20model-{HASH[:8]}.pth?download=1"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        wanted = self.headers.get("Range")
        self.server.asked.append(wanted)
        if self.server.status != 200:
            return self.send_error(self.server.status)
        start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted and self.server.ranges else 0
        content = self.server.content
        if start >= len(content):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(content)}")
            self.send_header("Content-Length", "0")
            return self.end_headers()
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        length = str(len(content) - start) if self.server.length is None else self.server.length
        if length:
            self.send_header("Content-Length", length)
        self.end_headers()
        limit = self.server.limits.pop(0) if self.server.limits else len(content)
        if self.server.pause:
            return self._trickle()
        self.wfile.write(content[start : start + limit])
        self.close_connection = True

    def _trickle(self) -> None:
        """Send a byte now and then until the other side hangs up."""
        with suppress(OSError):
            for _ in range(500):
                self.wfile.write(b"x")
                time.sleep(self.server.pause)
        self.close_connection = True

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("no_proxy", "*")
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_progress(server: Server, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The reported names and bytes of a download, and output without anybody who watches, against the content."""
    calls: list[tuple[str, int, int]] = []
    with report_downloads(lambda name: nullcontext(lambda done, total: calls.append((name, done, total)))):
        fetch_file(server.url, sha256=HASH, cache=tmp_path / "watched")
    assert {(name, total) for name, _, total in calls} == {(f"some model-{HASH[:8]}.pth", len(CONTENT))}
    assert [done for _, done, _ in calls] == sorted({done for _, done, _ in calls})
    assert calls[-1][1] == len(CONTENT)
    count = len(calls)
    fetch_file(server.url, sha256=HASH, cache=tmp_path / "alone")
    assert len(calls) == count
    assert capfd.readouterr() == ("", "")


def test_whole_file_once(server: Server, tmp_path: Path) -> None:
    """The file has the served content and the name in the URL; a second call sends no request."""
    path = fetch_file(server.url, sha256=HASH, cache=tmp_path)
    assert path == tmp_path / f"some model-{HASH[:8]}.pth"
    assert path.read_bytes() == CONTENT
    assert fetch_file(server.url, sha256=HASH[:8], cache=tmp_path) == path
    assert server.asked == [None]
    assert not list(tmp_path.glob("*.part"))


def test_sha1_and_a_name(server: Server, tmp_path: Path) -> None:
    """A file that is known by its SHA-1, under a name of its own; another SHA-1 is refused with the one found."""
    digest = hashlib.sha1(CONTENT, usedforsecurity=False).hexdigest()
    path = fetch_file(server.url, sha256=digest, cache=tmp_path, name="own.caffemodel")
    assert (path.name, path.read_bytes()) == ("own.caffemodel", CONTENT)
    with pytest.raises(WeightsError, match=f"a file with SHA-1 {digest} instead of {'0' * 40}"):
        fetch_file(server.url, sha256="0" * 40, cache=tmp_path, name="other")


def test_later_call_resumes(server: Server, tmp_path: Path) -> None:
    """With a partial file of a million bytes, exactly the rest is requested and appended."""
    (tmp_path / f"some model-{HASH[:8]}.pth.part").write_bytes(CONTENT[:1_000_000])
    assert fetch_file(server.url, sha256=HASH, cache=tmp_path).read_bytes() == CONTENT
    assert server.asked == ["bytes=1000000-"]


def test_complete_part_is_taken(server: Server, tmp_path: Path) -> None:
    """A complete partial file becomes the file, although the server has no more bytes."""
    (tmp_path / f"some model-{HASH[:8]}.pth.part").write_bytes(CONTENT)
    assert fetch_file(server.url, sha256=HASH, cache=tmp_path).read_bytes() == CONTENT


@pytest.mark.parametrize("length", [1000, 4_000_000])
def test_part_of_another_file(server: Server, tmp_path: Path, length: int) -> None:
    """A partial file of other content, shorter or longer than the file, leads to a new download."""
    (tmp_path / f"some model-{HASH[:8]}.pth.part").write_bytes(bytes(length))
    assert fetch_file(server.url, sha256=HASH, cache=tmp_path).read_bytes() == CONTENT


def test_interrupted(server: Server, tmp_path: Path) -> None:
    """Two broken connections in one call: each attempt resumes where the previous one ended."""
    server.limits = [700_000, 800_000]
    assert fetch_file(server.url, sha256=HASH, cache=tmp_path).read_bytes() == CONTENT
    assert server.asked == [None, "bytes=700000-", "bytes=1500000-"]


def test_interrupted_too_often(server: Server, tmp_path: Path) -> None:
    """Three broken connections raise a one-line error; the partial file is kept and the next call completes it."""
    server.limits = [100_000] * 3
    with pytest.raises(WeightsError, match="300000 of 3000000 bytes") as caught:
        fetch_file(server.url, sha256=HASH, cache=tmp_path)
    assert "\n" not in str(caught.value)
    assert fetch_file(server.url, sha256=HASH, cache=tmp_path).read_bytes() == CONTENT
    assert server.asked[-1] == "bytes=300000-"


def test_server_without_ranges(server: Server, tmp_path: Path) -> None:
    """A server that always sends everything replaces the part instead of adding to it."""
    server.ranges, server.limits = False, [1_000_000]
    assert fetch_file(server.url, sha256=HASH, cache=tmp_path).read_bytes() == CONTENT


def test_wrong_hash(server: Server, tmp_path: Path) -> None:
    """A file with another hash is deleted; the message contains both hashes and the path for the right file."""
    server.content = CONTENT[::-1]
    with pytest.raises(WeightsError, match=HASH) as caught:
        fetch_file(server.url, sha256=HASH, cache=tmp_path)
    assert hashlib.sha256(CONTENT[::-1]).hexdigest() in str(caught.value)
    assert str(tmp_path / f"some model-{HASH[:8]}.pth") in str(caught.value)
    assert [path.suffix for path in tmp_path.iterdir()] == [".lock"]


def test_damaged_file_in_the_cache(server: Server, tmp_path: Path) -> None:
    """A cached file that no longer has its hash is fetched again."""
    path = fetch_file(server.url, sha256=HASH, cache=tmp_path)
    path.write_bytes(CONTENT[:-1] + b"x")
    assert fetch_file(server.url, sha256=HASH, cache=tmp_path).read_bytes() == CONTENT


@pytest.mark.parametrize("length", ["abc", "-5", "", "1e6", "9" * 50])
def test_a_bad_length_with_a_hash(server: Server, tmp_path: Path, length: str) -> None:
    """A length that is no number, or none, does not matter if the hash fits; a cut answer does not fit."""
    server.length = length
    assert fetch_file(server.url, sha256=HASH, cache=tmp_path).read_bytes() == CONTENT
    (tmp_path / f"some model-{HASH[:8]}.pth").unlink()
    server.ranges, server.limits = False, [1000, 1000]
    with pytest.raises(WeightsError, match="SHA-256"):
        fetch_file(server.url, sha256=HASH, cache=tmp_path)
    assert [path.suffix for path in tmp_path.iterdir()] == [".lock"]


@pytest.mark.parametrize("length", ["abc", ""])
def test_a_bad_length_without_a_hash(server: Server, tmp_path: Path, length: str) -> None:
    """Without hash and length nothing tells whether the file is whole: one line, and nothing is kept."""
    server.length = length
    with pytest.raises(WeightsError, match="does not tell its length and nobody published its hash"):
        fetch_file(server.url, sha256=None, cache=tmp_path)
    assert [path.suffix for path in tmp_path.iterdir()] == [".lock"]


def test_an_unverified_file_is_told(server: Server, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A file without a published hash against a line for the caller; a cut one is fetched anew. Nothing is printed."""
    server.limits = [1000]
    lines: list[str] = []
    with report_downloads(lambda name: nullcontext(lambda done, total: None), on_message=lines.append):
        assert fetch_file(server.url, sha256=None, cache=tmp_path).read_bytes() == CONTENT
    assert server.asked == [None, None]
    assert len(lines) == 1
    assert f"only its length was checked: {len(CONTENT)} bytes, {HASH}" in lines[0]
    assert capfd.readouterr() == ("", "")


def test_a_slow_server_is_given_up(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that sends a few bytes a second against one line soon after the window of time."""
    monkeypatch.setattr(download, "SPEED_WINDOW_S", 0.5)
    server.pause = 0.02
    start = time.monotonic()
    with pytest.raises(WeightsError, match=r"only \d+ bytes arrived in \d+ seconds"):
        fetch_file(server.url, sha256=HASH, cache=tmp_path)
    assert time.monotonic() - start < 10
    assert len(server.asked) == 1


@pytest.mark.parametrize("length", [None, ""])
def test_a_file_beyond_the_limit(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, length: str | None
) -> None:
    """A file that is too long by its header, or as it arrives, against one line."""
    monkeypatch.setattr(download, "MAX_BYTES", 2_000_000)
    server.length = length
    with pytest.raises(WeightsError, match="2000000"):
        fetch_file(server.url, sha256=HASH, cache=tmp_path)
    assert [path.suffix for path in tmp_path.iterdir()] == [".lock"]


def test_unknown_hash_is_not_mixed(server: Server, tmp_path: Path) -> None:
    """Without a hash an old partial file cannot be checked, so the download starts over."""
    (tmp_path / f"some model-{HASH[:8]}.pth.part").write_bytes(bytes(1000))
    assert fetch_file(server.url, sha256=None, cache=tmp_path).read_bytes() == CONTENT


def test_missing_on_the_server(server: Server, tmp_path: Path) -> None:
    """A 404 raises an error with the URL and is not retried."""
    server.status = 404
    with pytest.raises(WeightsError, match="404") as caught:
        fetch_file(server.url, sha256=HASH, cache=tmp_path)
    assert server.url in str(caught.value)
    assert len(server.asked) == 1


def test_no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No server: a one-line error with the file, its URL and the path to put it at."""
    monkeypatch.setenv("no_proxy", "*")
    with pytest.raises(WeightsError, match=r"cannot fetch vgg\.pth from http://127\.0\.0\.1:1/vgg\.pth") as caught:
        fetch_file("http://127.0.0.1:1/vgg.pth", sha256=None, cache=tmp_path / "new" / "folder")
    assert str(tmp_path / "new" / "folder" / "vgg.pth") in str(caught.value)
    assert "\n" not in str(caught.value)


def test_cache_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """MULTIBOX_CACHE has priority over XDG_CACHE_HOME, and that over the home folder."""
    monkeypatch.setenv("MULTIBOX_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
    monkeypatch.delenv("MULTIBOX_CACHE")
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "x"))
    assert cache_folder() == tmp_path / "x" / "multibox"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "multibox"
