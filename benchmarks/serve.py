"""Measures the service under load beside the detector in a loop, in one run: throughput and percentiles of latency.

    python benchmarks/serve.py MODEL --images DIR [--engine NAME] [--seconds 10] [--rounds 3]

Each round runs the loop (one image at a time, and a list in batches of 8), then the service with 1, 8 and 64 clients.
The clients are in a process of their own and share the cores with the service. A client sends its next image as soon as
it has the answer, over one connection. All numbers are medians over the rounds. Processor time for each image is
measured too, without that of the clients: other programs on the machine hardly change it.
"""

import argparse
import asyncio
import json
import multiprocessing
import os
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from statistics import median, quantiles
from urllib.parse import urlsplit

import psutil

CLIENTS = (1, 8, 64)


def main() -> None:
    choices = _parser().parse_args()
    images = [path.read_bytes() for path in sorted(Path(choices.images).rglob("*.jpg"))[: choices.count]]
    server, address = start(choices.model, choices.engine)
    with urllib.request.urlopen(f"{address}/v1/models") as answer:
        print("batch", json.load(answer)["models"][0]["batch"], file=sys.stderr, flush=True)
    rows: list[dict[str, float]] = []
    try:
        for _ in range(choices.rounds):
            row = in_process(loop, choices.model, choices.engine, images, choices.seconds)
            for clients in CLIENTS:
                used = processor_seconds(server.pid)
                found = in_process(load, address, images, clients, choices.seconds)
                found["cpu ms"] = 1000 * (processor_seconds(server.pid) - used) / max(1, found.pop("all"))
                row |= {f"{clients} clients, {key}": value for key, value in found.items()}
            rows.append(row)
            print(json.dumps(row), file=sys.stderr, flush=True)
    finally:
        server.terminate()
        server.wait()
    report(rows, images=images, load=os.getloadavg())


def report(rows: list[dict[str, float]], *, images: list[bytes], load: tuple[float, float, float]) -> None:
    """Print the medians, and the two ratios that matter."""
    result = {key: median(row[key] for row in rows) for key in rows[0]}
    best = [max(row["loop, images/s"], row["list, images/s"]) for row in rows]
    most = [max(row[f"{n} clients, images/s"] for n in CLIENTS) for row in rows]
    result["cpu, 8 clients / list"] = median(row["8 clients, cpu ms"] / row["list, cpu ms"] for row in rows)
    result["cpu, 1 client - loop, ms"] = median(row["1 clients, cpu ms"] - row["loop, cpu ms"] for row in rows)
    result["service / best loop"] = median(a / b for a, b in zip(most, best, strict=True))
    result["1 client - loop, ms"] = median(row["1 clients, p50 ms"] - row["loop, p50 ms"] for row in rows)
    result["bytes of an image"] = median(map(len, images))
    result["load average"] = load[0]
    print(json.dumps({key: round(value, 2) for key, value in result.items()}, indent=1))


def start(model: str, engine: str | None, *extra: str) -> tuple[subprocess.Popen[str], str]:
    """The service on a free port, and its address when it is ready."""
    words = [sys.executable, "-m", "multibox", "serve", model, "--port", "0", "--log", "none", *extra]
    words += ["--engine", engine] if engine else []
    process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("ready: "):
            return process, line.split()[1]
    raise SystemExit("the service did not start")


def loop(model: str, engine: str | None, images: list[bytes], seconds: float) -> dict[str, float]:
    """The detector alone: one image at a time, and lists."""
    from multibox.detection.detector import Detector

    detector = Detector.load(model, engine=engine)
    detector(images[:16])
    detector(images[0])
    times, end, used = [], time.perf_counter() + seconds / 2, time.process_time()
    while time.perf_counter() < end:
        started = time.perf_counter()
        detector(images[len(times) % len(images)])
        times.append(time.perf_counter() - started)
    single = 1000 * (time.process_time() - used) / len(times)
    done, started, used = 0, time.perf_counter(), time.process_time()
    while time.perf_counter() - started < seconds / 2:
        detector(images)
        done += len(images)
    return {
        "loop, images/s": len(times) / sum(times),
        "loop, p50 ms": 1000 * median(times),
        "loop, cpu ms": single,
        "list, images/s": done / (time.perf_counter() - started),
        "list, cpu ms": 1000 * (time.process_time() - used) / done,
    }


def load(address: str, images: list[bytes], clients: int, seconds: float) -> dict[str, float]:
    """So many clients for so many seconds; the first second does not count."""
    return asyncio.run(_load(address, images, clients, seconds))


async def _load(address: str, images: list[bytes], clients: int, seconds: float) -> dict[str, float]:
    place = urlsplit(address)
    begin = time.perf_counter() + 1
    records: list[tuple[float, float, int]] = []

    async def client(number: int) -> None:
        reader, writer = await asyncio.open_connection(place.hostname, place.port)
        turn = number
        while (now := time.perf_counter()) < begin + seconds:
            data = images[turn % len(images)]
            turn += clients
            status = await ask(reader, writer, data)
            records.append((now, time.perf_counter(), status))
        writer.close()

    await asyncio.gather(*map(client, range(clients)))
    counted = [(sent, done, status) for sent, done, status in records if sent >= begin]
    times = [1000 * (done - sent) for sent, done, _ in counted]
    cuts = quantiles(times, n=100)
    answered = sum(status == 200 for _, _, status in counted)
    return {
        "images/s": answered / (max(done for _, done, _ in counted) - begin),
        "p50 ms": cuts[49],
        "p95 ms": cuts[94],
        "p99 ms": cuts[98],
        "not 200": len(counted) - answered,
        "all": len(records),
    }


def processor_seconds(process: int) -> float:
    """Time that all threads of a process have computed."""
    times = psutil.Process(process).cpu_times()
    return times.user + times.system


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, data: bytes) -> int:
    """Send one image over a connection; return the status of the answer."""
    head = f"POST /v1/detect HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(data)}\r\n\r\n"
    writer.write(head.encode() + data)
    start = await reader.readuntil(b"\r\n\r\n")
    length = int(start.lower().partition(b"content-length: ")[2].partition(b"\r")[0])
    await reader.readexactly(length)
    return int(start[9:12])


def in_process(function, *given):  # type: ignore[no-untyped-def]
    """The result of a function in a process of its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(function, given)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("model")
    parser.add_argument("--images", required=True)
    parser.add_argument("--engine")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--count", type=int, default=64, help="number of images")
    return parser


if __name__ == "__main__":
    main()
