"""What `multibox detect` says about a video when it has ended."""

import signal
from pathlib import Path
from typing import TYPE_CHECKING

from multibox.cli.console import table
from multibox.errors import StoppedError
from multibox.words import counted

if TYPE_CHECKING:
    from multibox.video.process import Work


def work_summary(address: str, work: "Work", *, out: Path | None) -> str:
    """street.mp4: 600 frames in 27.2 s (22.1 frames/s), 7 tracks (7 person), results in DIR"""
    from multibox.video.source import without_password

    rate = work.frames / max(work.seconds, 1e-9)
    parts = [f"{counted(work.frames, 'frame')} in {work.seconds:.1f} s ({rate:.1f} frames/s)"]
    if work.live is not None:
        parts += [f"{work.live.dropped:,} dropped", counted(work.live.reconnects, "reconnection"), latency_text(work)]
    if work.tracks:
        parts.append(f"{counted(sum(work.tracks.values()), 'track')} ({_by_class(work.tracks)})")
    if out is not None and work.frames:
        parts.append(f"results in {out}")
    return f"{without_password(address)}: {', '.join(parts)}"


def latency_text(work: "Work") -> str:
    """latency 41 ms (95 % below 58 ms)"""
    values = [] if work.live is None else sorted(work.live.latencies)
    if not values:
        return "no frames"
    middle, high = values[len(values) // 2], values[int(0.95 * (len(values) - 1))]
    return f"latency {1000 * middle:.0f} ms (95 % up to {1000 * high:.0f} ms)"


def count_lines(work: "Work") -> list[str]:
    """line door: 3 person to the right, 1 person to the left"""
    lines = [
        f"line {name}: {_by_class(count['to_right'])} to the right, {_by_class(count['to_left'])} to the left"
        for name, count in work.counts.get("lines", {}).items()
    ]
    return lines + [
        f"zone {name}: {_by_class(count['entered'])} entered, {_by_class(count['inside'])} inside at the end"
        for name, count in work.counts.get("zones", {}).items()
    ]


def stage_table(work: "Work") -> str:
    """Milliseconds for a frame and frames per second of each stage, and of all together."""
    rows = [(name, f"{each:.2f}", f"{rate:.1f}") for name, each, rate in work.times.rows()]
    whole = work.seconds / max(work.frames, 1)
    rows.append(("whole, overlapped", f"{1000 * whole:.2f}", f"{1 / max(whole, 1e-9):.1f}"))
    return table([("stage", "ms a frame", "frames/s"), *rows])


def stopped(work: "Work", number: int, *, files: bool) -> StoppedError:
    """The error that ends the command after a signal; it says how to continue."""
    after = 0.0 if work.time is None else work.time
    kept = "; the files are complete up to there" if files else ""
    name = signal.Signals(number).name
    return StoppedError(
        f"stopped by {name} at {after:.2f} s{kept}; continue with --from {after + 0.001:.3f}", number=number
    )


def _by_class(numbers: "dict[str, int] | object") -> str:
    assert hasattr(numbers, "items")
    return ", ".join(f"{number:,} {name}" for name, number in numbers.items()) or "0"
