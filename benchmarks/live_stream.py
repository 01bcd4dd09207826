"""Memory, latency and dropped frames of `multibox detect` on a stream that is faster than the network.

A server in this process sends MJPEG over HTTP. It is cut three times, stalls once and changes its size once. The
command runs in a process of its own, whose memory and open files are sampled.

    python benchmarks/live_stream.py --minutes 20 --rate 25 --out /tmp/live
"""

import argparse
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from mjpeg_server import MjpegServer

_CUTS = (0.2, 0.4, 0.8)  # shares of the whole time
_STALL, _NEW_SIZE = 0.5, 0.65
_PAUSE = 8.0  # seconds of a cut, and of the stall


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--rate", type=float, default=25)
    parser.add_argument("--height", type=int, default=360)
    parser.add_argument("--out", type=Path, required=True)
    chosen = parser.parse_args()
    samples = []
    with MjpegServer(rate=chosen.rate, size=(chosen.height, chosen.height * 16 // 9)) as server:
        words = [server.address, "--out", str(chosen.out), "--track", "--save-video", "--timeout", "3"]
        with open(chosen.out.with_suffix(".log"), "w") as log:
            child = subprocess.Popen([sys.executable, "-m", "multibox", "detect", *words], stderr=log)
            samples = _run(server, child, seconds=60 * chosen.minutes)
            child.send_signal(signal.SIGTERM)
            child.wait()
    _report(chosen.out, samples, server, child.returncode)


def _run(server: MjpegServer, child: subprocess.Popen, *, seconds: float) -> list[tuple[float, float, int]]:
    """Sample (seconds, MiB, open files) while the stream fails at its times."""
    started, done, samples = time.monotonic(), set(), []
    while (passed := time.monotonic() - started) < seconds and child.poll() is None:
        for share in (*_CUTS, _STALL, _NEW_SIZE):
            if passed > share * seconds and share not in done:
                done.add(share)
                _fail(server, share)
        samples.append((passed, _memory(child.pid), len(list(Path(f"/proc/{child.pid}/fd").iterdir()))))
        time.sleep(2)
    return samples


def _fail(server: MjpegServer, share: float) -> None:
    if share == _NEW_SIZE:
        server.size = (server.size[0] * 3 // 2, server.size[1] * 3 // 2)
        return
    event = server.flowing if share == _STALL else server.up
    event.clear()
    time.sleep(_PAUSE)
    event.set()


def _memory(pid: int) -> float:
    """Resident memory in MiB."""
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def _report(out: Path, samples: list[tuple[float, float, int]], server: MjpegServer, code: int) -> None:
    file = next(out.glob("*.jsonl"))
    lines = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    latencies = sorted(line["latency"] for line in lines)
    print(f"exit code {code}; {len(lines):,} of {server.sent:,} frames processed, {server.connections} connections")
    print(f"dropped, by the last line: {lines[-1]['dropped']:,}; last index {lines[-1]['index']:,}")
    for share in (0.5, 0.95, 0.99, 1):
        print(f"latency, {share:.0%} up to {1000 * latencies[int(share * (len(latencies) - 1))]:.0f} ms")
    print("sizes:", sorted({(line["height"], line["width"]) for line in lines}))
    print("minute  MiB  open files")
    for minute in range(int(samples[-1][0] // 60) + 1):
        part = [sample for sample in samples if minute * 60 <= sample[0] < minute * 60 + 60]
        if part:
            print(f"{minute:6}  {max(s[1] for s in part):5.0f}  {max(s[2] for s in part)}")


if __name__ == "__main__":
    main()
