"""A stream of this machine that is slow to be read, cut, stalled and changed, against what the reader makes of it."""

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mjpeg_server import MjpegServer, now, stamp_of
from multibox.errors import DataError, UsageError
from multibox.video.connection import connect
from multibox.video.live import LiveSource
from multibox.video.slot import NewestSlot
from multibox.video.source import find_video

pytest.importorskip("av", reason="the package av is not installed")


@pytest.fixture
def server() -> Iterator[MjpegServer]:
    with MjpegServer(rate=40) as running:
        yield running


def live(server: MjpegServer, *, timeout: float = 0.7, messages: list[str] | None = None) -> LiveSource:
    source = find_video(server.address)
    assert source is not None
    said = [] if messages is None else messages
    return LiveSource(source, timeout=timeout, on_message=said.append)


def test_the_newest_frame_is_yielded(server: MjpegServer):
    """A reader slower than the stream against the age of its frames, growing indices and counted drops."""
    source = live(server)
    ages, indices, times = [], [], []
    reader = source.frames()
    for frame in reader:
        ages.append((now() - stamp_of(frame.image)) / 1000)
        indices.append(frame.index)
        times.append(frame.time)
        assert frame.received is not None
        time.sleep(0.12)
        if len(indices) == 8:
            break
    reader.close()
    assert sorted(ages)[4] < 1
    assert indices == sorted(set(indices))
    assert times == sorted(set(times))
    assert source.counts.dropped >= indices[-1] - len(indices) > 8
    assert source.counts.received > source.counts.dropped


def test_a_cut_and_a_stall_and_a_new_size_are_survived(server: MjpegServer):
    """Connections cut, stalled and resized against frames that go on, with messages; the second size arrives."""
    messages: list[str] = []
    source = live(server, messages=messages)
    reader = source.frames()
    assert next(reader).image.shape == (120, 160, 3)
    server.up.clear()
    _wait(lambda: any("connecting again" in text for text in messages))
    server.size = (200, 240)
    server.up.set()
    frame = next(frame for frame in reader if frame.image.shape == (200, 240, 3))
    assert source.counts.reconnects == 1
    server.flowing.clear()
    _wait(lambda: any("no data arrives" in text for text in messages))
    server.flowing.set()
    after = next(one for one in reader if source.counts.reconnects == 2)
    assert after.index > frame.index
    assert after.time > frame.time + 0.5
    reader.close()
    assert [text for text in messages if "connected again" in text] == [f"{server.address}: connected again"] * 2


def _wait(happened, seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not happened() and time.monotonic() < end:
        time.sleep(0.02)
    assert happened()


def test_stopping_does_not_wait_for_a_frame(server: MjpegServer):
    """A stalled stream and a request to stop against the end of the loop and of the thread."""
    source, stop = live(server, timeout=0.8), threading.Event()
    reader = source.frames(stop=stop.is_set)
    next(reader)
    server.flowing.clear()
    time.sleep(0.1)
    threading.Timer(0.2, stop.set).start()
    assert len(list(reader)) <= 2
    assert "receive" not in {thread.name for thread in threading.enumerate()}


@pytest.mark.parametrize(
    "answer", [b"", b"HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=f\r\n\r\n"]
)
def test_a_server_that_says_nothing_is_given_up(answer: bytes):
    """A host that accepts and is silent, before and after its header, against an error after the time limit."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        held: list[socket.socket] = []

        def accept() -> None:
            while True:
                try:
                    client, _ = silent.accept()
                except OSError:
                    return
                client.sendall(answer)
                held.append(client)

        threading.Thread(target=accept, daemon=True).start()
        for scheme in ("http", "rtsp"):
            source = find_video(f"{scheme}://127.0.0.1:{silent.getsockname()[1]}/x")
            assert source is not None
            with pytest.raises(DataError, match=r"127\.0\.0\.1"):
                next(LiveSource(source, timeout=0.5).frames())
        for client in held:
            client.close()


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("http://127.0.0.1:1/x", "connection refused"),
        ("rtsp://user:secret@127.0.0.1:1/x", "connection refused"),
        ("camera:99", "camera:99"),
        ("camera:/dev/null", "camera:/dev/null"),
    ],
)
def test_what_cannot_be_opened_is_one_line(address: str, message: str):
    """Closed ports and missing cameras against DataError of one line, without passwords."""
    source = find_video(address)
    assert source is not None
    with pytest.raises(DataError, match=message) as caught:
        connect(source, timeout=2, hardware=None)
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_camera_is_a_device():
    """A path outside of /dev against UsageError."""
    source = find_video("camera:/etc/passwd")
    assert source is not None
    with pytest.raises(UsageError, match="is no camera"):
        connect(source, timeout=1, hardware=None)


def test_names_of_sources():
    """Addresses against kinds and the names of their results."""
    cases = {
        "camera:0": ("camera", "camera-0"),
        "camera:/dev/video2": ("camera", "camera-dev-video2"),
        "rtsp://admin:pw@10.0.0.7:554/live/1?x=y": ("stream", "rtsp-10.0.0.7-554-live-1"),
        "HTTP://host/a.m3u8": ("stream", "http-host-a.m3u8"),
        "a/street.MP4": ("file", "street"),
        "a/f-%04d.jpg": ("sequence", "f"),
        "%d.png": ("sequence", "sequence"),
    }
    for address, expected in cases.items():
        source = find_video(address)
        assert source is not None
        assert (source.kind, source.name) == expected
    for image in ("a.jpg", "photos", "100%.png", "a%20b.jpg"):
        assert find_video(image) is None
    with pytest.raises(UsageError, match=r"ftp://\*?") as caught:
        find_video("ftp://me:secret@host/x")
    assert "secret" not in str(caught.value)


def test_the_slot_keeps_the_newest():
    """Three items without a reader against the last one and two drops; a closed slot gives its item, then nothing."""
    slot: NewestSlot[int] = NewestSlot()
    assert slot.take(timeout=0) is None
    for item in (1, 2, 3):
        slot.put(item)
    assert (slot.take(timeout=0), slot.dropped) == (3, 2)
    slot.put(4)
    slot.close()
    assert not slot.closed
    assert (slot.take(timeout=0), slot.closed, slot.take(timeout=5)) == (4, True, None)


def test_a_video_over_http_ends(tmp_path: Path):
    """A file served over HTTP, which states its length, against its frames and an end without a new connection."""
    from functools import partial
    from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

    from made_videos import make_video

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *words: object) -> None:
            pass

    make_video(tmp_path / "a.ts")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path))) as files:
        threading.Thread(target=files.serve_forever, args=(0.05,), daemon=True).start()
        source = find_video(f"http://127.0.0.1:{files.server_port}/a.ts")
        assert source is not None
        reader = LiveSource(source, timeout=2)
        assert len(list(reader.frames())) >= 1
        assert reader.counts.received == 20
        assert reader.counts.reconnects == 0
        files.shutdown()
