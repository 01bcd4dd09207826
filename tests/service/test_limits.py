"""Requests that are too large, too slow or too many: each gets its answer or is closed, and the service goes on."""

import socket
import struct
import time
import zlib

import pytest

from multibox.service.multipart import read_parts
from multibox.service.problem import Problem
from running_service import Running, Serve


def png(width: int, height: int) -> bytes:
    """The head of a PNG file of this size, with pixels of nothing."""
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)), (b"IDAT", b""), (b"IEND", b"")]
    body = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + body


def received(connection: socket.socket) -> bytes:
    """Everything until the server closes the connection."""
    parts = []
    while part := connection.recv(65536):
        parts.append(part)
    return b"".join(parts)


def one_answer(connection: socket.socket) -> bytes:
    """The next answer with its body, or b"" if the connection ends."""
    data = b""
    while b"\r\n\r\n" not in data:
        part = connection.recv(65536)
        if not part:
            return data
        data += part
    start, _, body = data.partition(b"\r\n\r\n")
    length = int(start.lower().partition(b"content-length: ")[2].partition(b"\r")[0])
    while len(body) < length:
        body += connection.recv(65536)
    return start + b"\r\n\r\n" + body


def head(length: int | None = None, *, path: str = "/v1/detect", extra: str = "") -> bytes:
    declared = "" if length is None else f"Content-Length: {length}\r\n"
    return f"POST {path} HTTP/1.1\r\nHost: localhost\r\n{declared}{extra}\r\n".encode()


def test_a_declared_gigabyte_is_refused_at_once(server: Running):
    """Content-Length of 1 GB against 413 before any of it was sent."""
    with server.connect() as connection:
        connection.sendall(head(10**9))
        answer = one_answer(connection)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"more than 1 MB" in answer


def test_an_endless_body_is_refused_while_it_streams(server: Running):
    """Chunks without a declared length against 413 soon after the limit, and a connection that ends."""
    with server.connect() as connection:
        connection.sendall(head(extra="Transfer-Encoding: chunked\r\n"))
        sent, answer = 0, b""
        connection.settimeout(0.05)
        chunk = b"10000\r\n" + b"\xff" * 0x10000 + b"\r\n"
        while not answer and sent < 100:
            connection.settimeout(5)
            connection.sendall(chunk)
            sent += 1
            connection.settimeout(0.005)
            try:
                answer = connection.recv(65536)
            except TimeoutError:
                continue
        assert answer.startswith(b"HTTP/1.1 413 ")
        assert sent < 100
    assert server.service.memory.used == 0


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (png(60_000, 60_000), "too_many_pixels"),
        (png(1001, 1000), "too_many_pixels"),
        (b"P6 30000 30000 255\n", "too_many_pixels"),
        (b"BM" + bytes(16) + struct.pack("<ii", 50_000, 50_000) + bytes(50), "too_many_pixels"),
        (b"GIF89a" + struct.pack("<HH", 65535, 65535) + bytes(50), "too_many_pixels"),
    ],
)
def test_bombs_are_refused_by_their_header(server: Running, data: bytes, code: str):
    """Small files that state many pixels against 413, without advice about options of commands."""
    answer = server.client.post("/v1/detect", content=data)
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, code)
    assert "--max-pixels" not in answer.text


def test_a_radiance_file_is_no_known_format(server: Running):
    """A format that OpenCV reads and whose size the header reader does not know against 415."""
    answer = server.client.post("/v1/detect", content=b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 30000 +X 30000\n")
    assert answer.status_code == 415


def test_a_jpeg_of_a_thousand_scans(server: Running, photo: bytes):
    """A JPEG whose scans repeat against 413: decoding it would take a second for each few of them."""
    scan = photo[photo.index(b"\xff\xda") : -2]
    answer = server.client.post("/v1/detect", content=photo[:-2] + scan * 1100 + b"\xff\xd9")
    assert answer.status_code == 413


def test_too_many_images_in_one_form(serve: Serve):
    """More files than may wait against 413."""
    server = serve(queue=3)
    answer = server.client.post("/v1/detect", files=[("image", (f"{i}.png", b"x")) for i in range(4)])
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_many_images")


def test_parts_are_counted_while_they_are_read():
    """A thousand small parts, and a long text field, against 413."""
    part = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n'
    with pytest.raises(Problem, match="more than 9 parts"):
        read_parts(part * 1000 + b"--x--\r\n", content_type="multipart/form-data; boundary=x", limit=9)
    long = part.replace(b"1", b"1" * 20_000) + b"--x--\r\n"
    with pytest.raises(Problem, match="a text field has more than"):
        read_parts(long, content_type="multipart/form-data; boundary=x", limit=9)


def test_a_slow_body_gets_408(serve: Serve):
    """A body that stops after one byte against 408."""
    server = serve(body_seconds=0.1)
    with server.connect() as connection:
        connection.sendall(head(100) + b"x")
        assert one_answer(connection).startswith(b"HTTP/1.1 408 ")


def test_a_head_that_arrives_byte_by_byte_is_cut_off(serve: Serve):
    """Slowloris: header bytes that keep coming, and a connection that says nothing, are closed without an answer."""
    server = serve(head_seconds=0.2)
    with server.connect() as slow, server.connect() as silent:
        ended = None
        for _ in range(100):
            try:
                slow.sendall(b"G")
                time.sleep(0.02)
            except OSError:
                ended = True
                break
        assert ended
        assert silent.recv(10) == b""
    assert server.client.get("/v2/health/live").status_code == 200


def test_a_second_head_is_watched_too(serve: Serve):
    """A slow head on a connection that already had an answer."""
    server = serve(head_seconds=0.2)
    with server.connect() as connection:
        connection.sendall(b"GET /v2/health/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert one_answer(connection).startswith(b"HTTP/1.1 200 ")
        connection.sendall(b"GET /v2")
        with pytest.raises((ConnectionError, EOFError)):  # noqa: PT012
            if connection.recv(10) == b"":
                raise EOFError


def test_connections_beyond_the_limit_are_closed(serve: Serve):
    """The fourth connection of three against its end, and an answer for the others."""
    server = serve(connections=3)
    some = [server.connect() for _ in range(3)]
    time.sleep(0.05)
    with server.connect() as one_more, pytest.raises((ConnectionError, EOFError)):  # noqa: PT012
        one_more.settimeout(5)
        if one_more.recv(10) == b"":
            raise EOFError
    some[0].sendall(b"GET /v2/health/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert one_answer(some[0]).startswith(b"HTTP/1.1 200 ")
    for connection in some:
        connection.close()


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (head(path="/" + "a" * 3000), b"414"),
        (head(path="/v1/detect?classes=" + "a" * 8000), b"414"),
        (head(extra="X-Long: " + "a" * 40_000 + "\r\n"), b"400"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 20 + b"\r\n\r\n", b"400"),
        (b"GET /nothing HTTP/1.0\r\nHost: localhost\r\n\r\n", b"404"),
        (head(extra="Content-Length: 5\r\nContent-Length: 6\r\n"), b"400"),
        (head(extra="Content-Length: -1\r\n"), b"400"),
        (head(extra="Transfer-Encoding: chunked\r\n") + b"zz\r\n", b"400"),
        (head(path="/page/..%2f..%2fsettings.py").replace(b"POST", b"GET"), b"404"),
        (head(path="/page/%2e%2e/settings.py").replace(b"POST", b"GET"), b"404"),
        (head(path="//etc/passwd").replace(b"POST", b"GET"), b"404"),
    ],
)
def test_odd_requests_get_an_answer(server: Running, request_bytes: bytes, status: bytes):
    """Long paths and headers, other protocols, contradicting lengths and path tricks against an error."""
    with server.connect() as connection:
        connection.sendall(request_bytes)
        connection.shutdown(socket.SHUT_WR)
        answer = received(connection)
    assert answer.split(b" ", 2)[1] == status
    assert b"Traceback" not in answer


def test_a_client_that_leaves_is_not_waited_for(serve: Serve, photo: bytes):
    """A connection that is closed while its image waits: nothing stays in the queue or in memory."""
    server = serve()
    for _ in range(5):
        with server.connect() as connection:
            connection.sendall(head(len(photo)) + photo)
    deadline = time.monotonic() + 10
    loaded = server.service.models["tiny"].loaded
    assert loaded is not None
    while (loaded.worker.waiting or server.service.memory.used) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert (loaded.worker.waiting, server.service.memory.used) == (0, 0)


def test_large_bodies_share_a_limit(server: Running):
    """`Memory` against its sum: what is taken beyond the limit is refused with 503."""
    from multibox.service.body import Memory

    memory = Memory(100)
    memory.take(60)
    with pytest.raises(Problem) as refused:
        memory.take(41)
    assert (refused.value.status, memory.used) == (503, 60)
