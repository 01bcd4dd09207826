"""Cameras and streams: only the newest frame is kept, and a lost connection is made again."""

import time
from collections import deque
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass, field
from threading import Event, Thread
from typing import TYPE_CHECKING, Any, NamedTuple

from multibox.errors import DataError, MultiboxError
from multibox.video.connection import CLOCKLESS, connect
from multibox.video.frame import Frame
from multibox.video.input import import_av, require_allowed, video_stream
from multibox.video.slot import NewestSlot
from multibox.video.source import VideoSource, without_password
from multibox.video.upright import turn_of

if TYPE_CHECKING:
    from av.container import InputContainer

TIMEOUT = 10.0
"""Seconds without data after which a stream has stalled."""

_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0
_PATIENCE = 2.0  # seconds that the end waits for the thread
_LOOK = 0.25  # seconds between looks at whether to stop
_JUMP = 10.0  # seconds by which the clock of a stream may differ from ours before it is set anew
_STEADY = 5.0  # seconds of frames after which a connection counts as good


@dataclass
class LiveCounts:
    """What happened to a live source: frames received and dropped, connections made again, and why the last ended."""

    received: int = 0
    dropped: int = 0
    reconnects: int = 0
    trouble: str = ""
    latencies: deque[float] = field(default_factory=lambda: deque(maxlen=1000))
    """Seconds from the arrival of a frame to its result, of the last 1,000 frames."""


class _Arrived(NamedTuple):
    """A decoded frame of PyAV that is not yet converted."""

    decoded: Any
    time: float
    number: int
    received: float


class LiveSource:
    """A camera or a stream, read in a thread of its own.

    The first connection must succeed. Later ones are tried again, after pauses that grow to half a minute, until the
    reader stops. A stream that states its length ends after it. `on_message` gets a line when a connection is lost or
    made again, from the thread.
    """

    def __init__(
        self,
        source: VideoSource,
        *,
        timeout: float = TIMEOUT,
        hardware: str | None = None,
        on_message: Callable[[str], object] = lambda text: None,
    ) -> None:
        self._source, self._timeout, self._hardware = source, timeout, hardware
        self._name = without_password(source.address)
        self._on_message = on_message
        self._slot: NewestSlot[_Arrived] = NewestSlot()
        self._stopped = Event()
        self._clock = _Clock()
        self._every = 1
        self.rate = 25.0
        self.counts = LiveCounts()

    def frames(self, *, every: int = 1, stop: Callable[[], bool] = lambda: False) -> Generator[Frame, None, None]:
        """Yield the newest frame each time, until the stream ends or `stop` returns True.

        Only frames whose index is a multiple of `every` count. Raises DataError if the first connection fails.
        """
        self._every = every
        container = connect(self._source, timeout=self._timeout, hardware=self._hardware)
        thread = Thread(target=self._receive, args=(container,), name="receive", daemon=True)
        thread.start()
        try:
            while not stop() and not self._slot.closed:
                if (arrived := self._slot.take(timeout=_LOOK)) is not None:
                    self.counts.dropped = self._slot.dropped
                    yield self._frame(arrived)
        finally:
            self._stopped.set()
            thread.join(min(self._timeout + 1, _PATIENCE))  # one that still waits for data ends by itself

    def _frame(self, arrived: _Arrived) -> Frame:
        decoded = arrived.decoded
        require_allowed(decoded.width, decoded.height, name=self._name)
        image = turn_of(decoded).apply(decoded.to_ndarray(format="rgb24"))
        return Frame(image, arrived.time, arrived.number, arrived.received)

    def _receive(self, container: "InputContainer | None") -> None:
        """Receive frames over one connection after the other."""
        pause = _FIRST_PAUSE
        try:
            while not self._stopped.is_set():
                started, before = time.monotonic(), self.counts.received
                ended = self._receive_once(container)
                if ended or self._stopped.is_set():
                    return
                steady = time.monotonic() - started > _STEADY and self.counts.received > before
                pause = _FIRST_PAUSE if steady else pause
                self._on_message(f"{self._name}: {self.counts.trouble}; connecting again in {pause:g} s")
                self._stopped.wait(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
                container = None
        finally:
            self._slot.close()

    def _receive_once(self, container: "InputContainer | None") -> bool:
        """Receive over one connection; returns whether the stream came to its stated end."""
        again = container is None
        av = import_av()
        try:
            if container is None:
                container = connect(self._source, timeout=self._timeout, hardware=self._hardware)
            with closing(container):
                finite = _ends(container)
                self._receive_from(container, again=again)
        except (av.error.FFmpegError, MultiboxError, OSError, ValueError) as error:
            self.counts.trouble = _why(error)
            return False
        self.counts.trouble = "the stream ended"
        return finite

    def _receive_from(self, container: "InputContainer", *, again: bool) -> None:
        av = import_av()
        stream = video_stream(container, name=self._name)
        stream.thread_type = "SLICE"  # threads that each decode a frame would hold frames back
        self.rate = float(stream.average_rate or stream.guessed_rate or self.rate)
        clockless = container.format.name in CLOCKLESS
        self._clock.connect()
        for packet in container.demux(stream):
            received = time.monotonic()
            if self._stopped.is_set():
                return
            try:
                decoded = packet.decode()
            except av.error.InvalidDataError:
                continue
            for one in decoded:
                if again:
                    self.counts.reconnects += 1
                    self._on_message(f"{self._name}: connected again")
                    again = False
                seconds = None if clockless or one.pts is None else float(one.pts * (one.time_base or 0))
                seen = self._clock.time(seconds, received)
                if self.counts.received % self._every == 0:
                    self._slot.put(_Arrived(one, seen, self.counts.received, received))
                self.counts.received += 1


def _ends(container: "InputContainer") -> bool:
    """Whether a stream states its length: in seconds, or in bytes as a file does that is served over HTTP."""
    return container.duration is not None or (container.format.name != "hls" and container.size > 0)


class _Clock:
    """Times since the first frame, by the clock of the stream; a new connection goes on at our clock."""

    def __init__(self) -> None:
        self._first: float | None = None
        self._offset: float | None = None
        self._last = -1.0

    def connect(self) -> None:
        """Forget the clock of the connection before."""
        self._offset = None

    def time(self, stamp: float | None, received: float) -> float:
        """The time of a frame: `stamp` is that of the stream, or None if it has none."""
        if self._first is None:
            self._first = received
        ours = received - self._first
        if stamp is None:
            found = ours
        else:
            if self._offset is None or abs(stamp + self._offset - ours) > _JUMP:
                self._offset = max(ours, self._last) - stamp
            found = stamp + self._offset
        self._last = max(found, self._last + 1e-6)
        return self._last


def _why(error: BaseException) -> str:
    if isinstance(error, DataError):
        return str(error).rpartition(": ")[2].partition(";")[0]
    text = (getattr(error, "strerror", None) or str(error)).lower()
    return "no data arrives" if "immediate exit" in text or "timed out" in text else text
