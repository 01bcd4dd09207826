"""A camera on this machine: MJPEG over HTTP, whose frames show when they were made, and which fails on demand.

Run as a program it serves until it is ended, and prints its address: python tests/mjpeg_server.py --rate 20
"""

import argparse
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread

import numpy as np

_BITS, _BLOCK = 32, 8
SIZE = (120, 160)


def stamped(milliseconds: int, size: tuple[int, int] = SIZE) -> np.ndarray:
    """An RGB image that shows a number of 32 bits in blocks of black and white."""
    image = np.full((*size, 3), 110, dtype=np.uint8)
    for bit in range(_BITS):
        row, column = divmod(bit, 16)
        block = image[_BLOCK * row : _BLOCK * (row + 1), _BLOCK * column : _BLOCK * (column + 1)]
        block[:] = 255 * (milliseconds >> bit & 1)
    return image


def stamp_of(image: np.ndarray) -> int:
    """The number that an image shows."""
    bits = 0
    for bit in range(_BITS):
        row, column = divmod(bit, 16)
        top, left = _BLOCK * row + 2, _BLOCK * column + 2
        bits |= int(image[top : top + 4, left : left + 4].mean() > 127) << bit
    return bits


def now() -> int:
    """Milliseconds of a clock that all processes of this machine share."""
    return int(time.monotonic() * 1000) & 0xFFFFFFFF


class MjpegServer:
    """Serves /stream at `rate` frames a second on a free port of 127.0.0.1.

    `up` cleared: connections are cut and new ones refused with an error. `flowing` cleared: connections stay open and
    nothing is sent. `size` may change at any time.
    """

    def __init__(self, *, rate: float = 25.0, size: tuple[int, int] = SIZE) -> None:
        self.rate, self.size = rate, size
        self.up, self.flowing, self.ended = Event(), Event(), Event()
        self.up.set()
        self.flowing.set()
        self.connections = self.sent = 0
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                owner._serve(self)

            def log_message(self, *words: object) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self.address = f"http://127.0.0.1:{self._http.server_port}/stream"

    def __enter__(self) -> "MjpegServer":
        Thread(target=self._http.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self.ended.set()
        self._http.shutdown()
        self._http.server_close()

    def _serve(self, handler: BaseHTTPRequestHandler) -> None:
        import cv2

        if not self.up.is_set():
            handler.send_error(503)
            return
        self.connections += 1
        handler.send_response(200)
        handler.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        handler.end_headers()
        due = time.monotonic()
        try:
            while self.up.is_set() and not self.ended.is_set():
                due = max(due + 1 / self.rate, time.monotonic() - 1)
                time.sleep(max(0.0, due - time.monotonic()))
                if not self.flowing.is_set():
                    continue
                jpeg = cv2.imencode(".jpg", stamped(now(), self.size), [cv2.IMWRITE_JPEG_QUALITY, 90])[1].tobytes()
                handler.wfile.write(
                    b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%b\r\n" % (len(jpeg), jpeg)
                )
                self.sent += 1
        except OSError:
            return


def _main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rate", type=float, default=25.0)
    parser.add_argument("--seconds", type=float, default=3600.0)
    chosen = parser.parse_args()
    with MjpegServer(rate=chosen.rate) as server:
        print(server.address, flush=True)
        time.sleep(chosen.seconds)


if __name__ == "__main__":
    _main()
