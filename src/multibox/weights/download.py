"""Downloads a file into the cache: resumes, checks its SHA-256, extracts it from an archive."""

import fcntl
import hashlib
import os
import shutil
import sys
import tarfile
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from gzip import BadGzipFile
from http.client import HTTPException, HTTPMessage, HTTPResponse
from pathlib import Path
from typing import BinaryIO
from urllib.error import HTTPError, URLError
from urllib.parse import unquote, urlsplit
from urllib.request import Request, urlopen

from multibox._version import __version__
from multibox.errors import WeightsError
from multibox.system.atomic import atomic_file, naming
from multibox.weights.download_report import open_progress, remark

_ATTEMPTS = 3
_CHUNK = 1 << 18
_TIMEOUT_S = 30
_SHA1_DIGITS = 40

MAX_BYTES = 4 << 30
"""The longest file that is downloaded or extracted."""

LEAST_SPEED = 1024
"""Bytes a second. A download that was slower over the last SPEED_WINDOW_S seconds is given up."""

SPEED_WINDOW_S = 20.0


class _InterruptedError(Exception):
    """The connection ended early. The part that arrived is kept, and the next attempt resumes from it."""


def cache_folder() -> Path:
    """$MULTIBOX_CACHE, or the platform's folder for caches."""
    chosen = os.environ.get("MULTIBOX_CACHE")
    if chosen:
        return Path(chosen)
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "multibox"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "multibox"


def fetch_file(url: str, *, sha256: str | None, cache: Path | None = None, name: str | None = None) -> Path:
    """The cached file of a URL, downloaded unless it is already there; `name` is its name if the URL has none.

    `sha256` is the whole hexadecimal hash or its first digits, at least 8; None if no hash is published. Some
    publishers name a SHA-1 instead, which is told by its 40 digits. With a hash a partial download is resumed, also by
    a later call. Without one only the length is checked; a server that does not tell the length is refused.
    `report_downloads` gets the progress, and a line about a file without a hash. Raises WeightsError that names the
    file, its URL and the path to put it at by hand.
    """
    target = (cache or cache_folder()) / (name or unquote(urlsplit(url).path).rpartition("/")[2])
    assert sha256 is None or len(sha256) >= 8
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _locked(target):
            if not target.exists() or not _fits(target, sha256):
                _download(url, target, sha256=sha256)
    except PermissionError as problem:
        raise WeightsError(
            f"cannot write {problem.filename}: set MULTIBOX_CACHE to a folder that you may write to"
        ) from None
    return target


def extract(archive: Path, member: str) -> Path:
    """The file `member` of a tar archive, extracted into a folder beside the archive unless it is already there.

    The folder has the name of the archive, because archives of one publisher can hold files of the same name.

    Raises WeightsError if the archive is damaged or has no such file.
    """
    target = archive.with_name(archive.name.split(".tar", 1)[0] + "-files") / member.rpartition("/")[2]
    if target.exists():
        return target
    try:
        with tarfile.open(archive) as tar:
            content = tar.extractfile(member)
            if content is None or tar.getmember(member).size > MAX_BYTES:
                raise KeyError(member)
            with atomic_file(target) as file:
                shutil.copyfileobj(content, file)
    except (KeyError, tarfile.TarError, EOFError, BadGzipFile, zlib.error):
        raise WeightsError(f"{archive} contains no readable {member}: remove the archive and fetch it again") from None
    return target


@contextmanager
def _locked(target: Path) -> Iterator[None]:
    """Let one process at a time download a file. The others wait and then find it."""
    with open(target.with_name(f".{target.name}.lock"), "wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _download(url: str, target: Path, *, sha256: str | None) -> None:
    """Download to `target` and check the hash. A wrong hash after a resumed download starts over once."""
    part = target.with_name(f"{target.name}.part")
    if sha256 is None:  # without a hash nothing shows whether the part belongs to this file
        part.unlink(missing_ok=True)
    resumed = part.exists()
    _fill(url, part, target, hashed=sha256 is not None)
    if not _fits(part, sha256) and resumed:
        part.unlink()
        _fill(url, part, target, hashed=sha256 is not None)
    if not _fits(part, sha256):
        found = _digest(part, sha256)
        part.unlink()
        raise WeightsError(
            f"{url} returned a file with {_algorithm(sha256)} {found} instead of {sha256}, which was deleted: try "
            f"again, or put the right file at {target}"
        )
    os.replace(part, target)
    if sha256 is None:
        length, found = target.stat().st_size, file_sha256(target)
        remark(f"{target.name}: nobody published its SHA-256, so only its length was checked: {length} bytes, {found}")


def _fill(url: str, part: Path, target: Path, *, hashed: bool) -> None:
    """Download the rest of the file to `part`, in a few attempts; without a hash each attempt starts over."""
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            if not hashed:
                part.unlink(missing_ok=True)
            with naming(target):
                return _append(url, part, hashed=hashed)
        except (URLError, HTTPException, ConnectionError, TimeoutError, _InterruptedError) as problem:
            passing = isinstance(problem, (_InterruptedError, HTTPException, ConnectionError))
            if attempt == _ATTEMPTS or not passing:
                raise WeightsError(_advice(url, target, problem)) from None


def _append(url: str, part: Path, *, hashed: bool) -> None:
    """Request the missing bytes and append them to `part`. If the server sends the whole file, replace `part`."""
    have = part.stat().st_size if part.exists() else 0
    headers = {"User-Agent": f"multibox/{__version__}"} | ({"Range": f"bytes={have}-"} if have else {})
    try:
        response = _opened(Request(url, headers=headers))
    except HTTPError as problem:
        with problem:
            if problem.code != 416 or not have:
                raise
        if problem.headers.get("Content-Range", "").endswith(f"/{have}"):
            return
        part.unlink()  # longer than the file: it belongs to another one
        raise _InterruptedError("the server has no more bytes of this file") from None
    with response:
        have = have if response.headers.get("Content-Range", "").startswith(f"bytes {have}-") else 0
        rest = _length(response.headers)
        total = None if rest is None else have + rest
        if total is not None and total > MAX_BYTES:
            raise URLError(f"it has {total} bytes, more than the {MAX_BYTES} that are allowed")
        if not hashed and total is None and not response.chunked:
            raise URLError("the server does not tell its length and nobody published its hash, so it cannot be checked")
        with open(part, "ab" if have else "wb") as file:
            have = _copy(response, file, name=part.stem, have=have, total=total)
    if total is not None and have < total:
        raise _InterruptedError(f"the connection ended after {have} of {total} bytes")


def _opened(request: Request) -> HTTPResponse:
    """The answer of the server. Raises TimeoutError if its first lines are late, also if they come byte by byte."""
    results: list[HTTPResponse | Exception] = []

    def ask() -> None:
        try:
            results.append(urlopen(request, timeout=_TIMEOUT_S))
        except Exception as problem:
            results.append(problem)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(2 * _TIMEOUT_S)
    if not results:
        raise TimeoutError("the server does not answer")
    if isinstance(results[0], Exception):
        raise results[0]
    return results[0]


def _length(headers: HTTPMessage) -> int | None:
    """The length of the answer; None if there is none, or something else than a number."""
    text = headers.get("Content-Length", "").strip()
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 20 else None


def _copy(response: HTTPResponse, file: BinaryIO, *, name: str, have: int, total: int | None) -> int:
    """Copy the response and report its progress. Returns the number of bytes in the file afterwards."""
    with open_progress(name) as progress:
        window_start, window_bytes = time.monotonic(), 0
        while chunk := response.read1(_CHUNK):
            file.write(chunk)
            have += len(chunk)
            progress(have, total or have)
            window_bytes += len(chunk)
            if have > MAX_BYTES:
                Path(file.name).unlink()
                raise URLError(f"it has more than the {MAX_BYTES} bytes that are allowed")
            passed = time.monotonic() - window_start
            if passed > SPEED_WINDOW_S:
                if window_bytes < LEAST_SPEED * passed:
                    raise TimeoutError(f"only {window_bytes} bytes arrived in {passed:.0f} seconds")
                window_start, window_bytes = time.monotonic(), 0
    return have


def _advice(url: str, target: Path, problem: Exception) -> str:
    if isinstance(problem, HTTPError):
        reason = f"the server answers {problem.code} {problem.reason}"
    else:
        reason = str(getattr(problem, "reason", "") or problem)
    return (
        f"cannot fetch {target.name} from {url} ({reason}): try again, or download it elsewhere and put it at {target}"
    )


def _fits(path: Path, sha256: str | None) -> bool:
    return sha256 is None or _digest(path, sha256).startswith(sha256.lower())


def _digest(path: Path, wanted: str | None) -> str:
    """The hash of a file by the algorithm that made `wanted`."""
    return file_sha1(path) if _algorithm(wanted) == "SHA-1" else file_sha256(path)


def _algorithm(wanted: str | None) -> str:
    """The algorithm that made a hash, by its number of digits."""
    return "SHA-1" if wanted is not None and len(wanted) == _SHA1_DIGITS else "SHA-256"


def file_sha1(path: Path) -> str:
    """The hexadecimal SHA-1 of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha1").hexdigest()


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
