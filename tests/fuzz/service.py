"""Hostile requests: changed images, forms, tensors, heads and paths, sent to a real service.

    PYTHONPATH=tests python -m fuzz.service --requests 10000

An answer must come within 20 seconds, or the connection must end; 500, a traceback, or a service that is gone is a
fault. The memory of the service is printed at ten points.
"""

import argparse
import base64
import json
import multiprocessing
import random
import socket
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path

import cv2
import psutil

from fuzz.mutations import NUMBERS, TEXTS, change_bytes, change_json_document
from tiny_detector import noise_image

_SECONDS = 20
_SUFFIXES = (".jpg", ".png", ".webp", ".gif", ".bmp", ".tif", ".ppm", ".jp2", ".avif")
_INFER = "/v2/models/tiny/infer"
_PATHS = (
    "/v1/detect",
    "/v1/explain",
    "/v1/models",
    "/v2",
    "/v2/models/tiny/infer",
    "/predict",
    "/setup",
    "/metrics",
    "/",
)
_METHODS = ("POST", "POST", "POST", "GET", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "TRACE", "CONNECT", "X" * 300)

Make = Callable[[random.Random], bytes]


def images() -> list[bytes]:
    """A small file of every format that this OpenCV writes."""
    found = []
    for suffix in _SUFFIXES:
        try:
            done, data = cv2.imencode(suffix, noise_image(seed=1, width=48, height=32))
        except cv2.error:
            continue
        if done:
            found.append(data.tobytes())
    return found


class Requests:
    """Makes requests from a random generator."""

    def __init__(self) -> None:
        self.images = images()
        self.kinds: dict[str, Make] = {
            "image": self.image,
            "form": self.form,
            "head": self.head,
            "tensor": self.tensor,
            "binary": self.binary,
            "tasks": self.tasks,
            "path": self.path,
        }

    def draw(self, rng: random.Random) -> tuple[str, bytes]:
        """The name of a kind, and the bytes of a whole request."""
        kind = rng.choice(list(self.kinds))
        return kind, self.kinds[kind](rng)

    def image(self, rng: random.Random) -> bytes:
        """A changed file as the body, with any parameters."""
        return _request(_with_query(rng.choice(("/v1/detect", "/v1/explain")), rng), self._changed(rng))

    def form(self, rng: random.Random) -> bytes:
        """A changed form."""
        parts = [
            b'--edge\r\nContent-Disposition: form-data; name="image"; filename="a.jpg"\r\n\r\n' + self._changed(rng)
            for _ in range(rng.choice((1, 2, 40)))
        ]
        body = b"\r\n".join([*parts, b"--edge--\r\n"])
        body = change_bytes(body, rng) if rng.random() < 0.8 else body
        kind = rng.choice(
            ("multipart/form-data; boundary=edge", "multipart/form-data", "multipart/form-data; boundary=\xe9")
        )
        return _request(_with_query("/v1/detect", rng), body, kind=kind)

    def head(self, rng: random.Random) -> bytes:
        """A request whose head, or all of it, is changed."""
        whole = _request(_with_query(rng.choice(_PATHS), rng), rng.choice(self.images))
        end = whole.index(b"\r\n\r\n") + 4
        return change_bytes(whole[:end], rng) + whole[end:] if rng.random() < 0.7 else change_bytes(whole, rng)

    def tensor(self, rng: random.Random) -> bytes:
        """A changed request of the open inference protocol."""
        data = base64.b64encode(rng.choice(self.images)).decode()
        tensor = rng.choice(
            (
                {"name": "images", "datatype": "BYTES", "shape": [1], "data": [data]},
                {"name": "images", "datatype": "UINT8", "shape": [1, 2, 2, 3], "data": list(range(12))},
            )
        )
        document = {"id": "1", "inputs": [tensor], "outputs": [{"name": "boxes", "parameters": {"binary_data": True}}]}
        return _request(_INFER, change_json_document(json.dumps(document).encode(), rng))

    def binary(self, rng: random.Random) -> bytes:
        """A changed request in the binary form."""
        data = rng.choice(self.images)
        tensor = {
            "name": "images",
            "datatype": "BYTES",
            "shape": [1],
            "parameters": {"binary_data_size": len(data) + 4},
        }
        document = json.dumps({"inputs": [tensor]}).encode()
        body = document + len(data).to_bytes(4, "little") + data
        length = rng.choice((len(document), len(document), len(body), 0, *NUMBERS[:6]))
        extra = f"Inference-Header-Content-Length: {length}\r\n"
        return _request(_INFER, change_bytes(body, rng), extra=extra)

    def tasks(self, rng: random.Random) -> bytes:
        """Changed tasks of Label Studio."""
        address = "data:image/png;base64," + base64.b64encode(rng.choice(self.images)).decode()
        document = {
            "tasks": [{"id": 1, "data": {"image": rng.choice((address, "/data/upload/a.jpg"))}}],
            "project": "1",
        }
        return _request(rng.choice(("/predict", "/setup")), change_json_document(json.dumps(document).encode(), rng))

    def path(self, rng: random.Random) -> bytes:
        """Any method and path, with odd headers."""
        odd = "".join(rng.choice(TEXTS) for _ in range(2)).encode("utf-8", "replace").hex()[: rng.choice((4, 80, 9000))]
        path = rng.choice(_PATHS) + rng.choice(
            ("", "/", "/..", "/%2e%2e/%2e%2e/etc/passwd", "//", f"/{odd}", "%00", "%ff")
        )
        extra = rng.choice(
            ("", f"X-{odd[:50]}: {odd}\r\n", "Authorization: Bearer x\r\n", "Transfer-Encoding: chunked\r\n")
        )
        extra += rng.choice(
            ("", "Expect: 100-continue\r\n", "Connection: Upgrade\r\nUpgrade: websocket\r\n", "Range: bytes=0-\r\n")
        )
        return _request(path, b"", method=rng.choice(_METHODS), extra=extra)

    def _changed(self, rng: random.Random) -> bytes:
        data = rng.choice(self.images)
        return change_bytes(data, rng) if rng.random() < 0.9 else data


def _with_query(path: str, rng: random.Random) -> str:
    if rng.random() < 0.4:
        return path
    names = ("min_score", "classes", "model", "format", "prior", "x")
    values = (*NUMBERS[:16], "json", "coco", "image", "tiny", "disc", "%00", "%ff", "a" * 300, "disc%2Cstar")
    pairs = [f"{rng.choice(names)}={rng.choice(values)}" for _ in range(rng.choice((1, 1, 2, 5)))]
    return f"{path}?{'&'.join(pairs)}"


def _request(path: str, body: bytes, *, method: str = "POST", kind: str = "", extra: str = "") -> bytes:
    kind = f"Content-Type: {kind}\r\n" if kind else ""
    head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n{kind}Content-Length: {len(body)}\r\n{extra}\r\n"
    return head.encode("utf-8", "surrogatepass") + body


def ask(port: int, request: bytes) -> str | None:
    """The status of the answer; "closed" if the connection ended without one; None if nothing came in time."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=_SECONDS) as connection:
            with suppress(OSError):  # refused while it was sent; the answer may be there
                connection.sendall(request)
            answer = connection.recv(65536)
            while answer.startswith(b"HTTP/1.1 100") and answer.endswith(b"\r\n\r\n"):
                answer = connection.recv(65536)
    except TimeoutError:
        return None
    except OSError:
        return "closed"
    if b"Traceback" in answer:
        return "traceback"
    return answer[9:12].decode("latin-1") if answer.startswith(b"HTTP/1.1 ") else "closed" if not answer else "no HTTP"


def is_fault(status: str | None) -> bool:
    """Whether an answer shows a fault of the service."""
    return status in (None, "500", "traceback", "no HTTP")


def serve(pipe: Connection, folder: str) -> None:
    """A service with short times, until the pipe is closed."""
    from multibox.service.settings import ServiceSettings
    from multibox.weights.file import save_weights
    from running_service import running
    from tiny_detector import tiny_model

    path = Path(folder) / "tiny.safetensors"
    save_weights(path, tiny_model())
    settings = ServiceSettings(body_seconds=1, head_seconds=1, max_mb=2, max_pixels=2_000_000, media=Path(folder))
    with running({"tiny": str(path)}, settings) as one:
        pipe.send(one.port)
        pipe.poll(None)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Send hostile requests to a service.")
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--verbose", action="store_true", help="name requests whose connection ends, too")
    options = parser.parse_args(arguments)
    ours, theirs = multiprocessing.Pipe()
    with tempfile.TemporaryDirectory() as folder:
        process = multiprocessing.get_context("spawn").Process(target=serve, args=(theirs, folder))
        process.start()
        try:
            watched = psutil.Process(process.pid)
            faults = _send(ours.recv(), options.requests, seed=options.seed, process=watched, verbose=options.verbose)
        finally:
            process.terminate()
            process.join()
    return 1 if faults else 0


def _send(port: int, count: int, *, seed: int, process: psutil.Process, verbose: bool) -> int:
    print(f"seed {seed}", flush=True)
    requests, statuses, faults, started = Requests(), Counter[str](), 0, time.monotonic()

    def one(number: int) -> tuple[str, int, str | None]:
        kind, request = requests.draw(random.Random(f"{seed} {number}"))
        return kind, number, ask(port, request)

    with ThreadPoolExecutor(8) as pool:
        for done, (kind, number, status) in enumerate(pool.map(one, range(count)), 1):
            statuses[str(status)] += 1
            if is_fault(status) or (verbose and status == "closed"):
                faults += is_fault(status)
                print(f"request {number} ({kind}): {status}", file=sys.stderr)
            if done % max(1, count // 10) == 0:
                print(f"{done} requests, {process.memory_info().rss / 2**20:.0f} MiB", flush=True)
    health = ask(port, b"GET /v2/health/ready HTTP/1.1\r\nHost: localhost\r\n\r\n")
    print(f"{dict(statuses.most_common())} in {time.monotonic() - started:.0f} s, {faults} faults; at the end {health}")
    return faults + (health != "200")


if __name__ == "__main__":
    sys.exit(main())
