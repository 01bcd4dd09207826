"""Sends twice as many requests as the service can answer, and counts what comes back.

    python benchmarks/serve_overload.py MODEL --images DIR [--seconds 120] [--factor 2] [--queue 64] [--timeout 10]

First eight clients measure what the service can do. Then requests arrive at even intervals, `factor` times as many,
each over a connection of its own, whether earlier ones are answered or not. Prints statuses, the longest time to an
answer, and the memory of the service at the start, at its highest, and at the end.
"""

import argparse
import asyncio
import json
import os
import sys
import time
from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit

import psutil

sys.path.insert(0, str(Path(__file__).parent))
from serve import ask, load, start


def main() -> None:
    choices = _parser().parse_args()
    images = [path.read_bytes() for path in sorted(Path(choices.images).rglob("*.jpg"))[:64]]
    extra = ["--queue", str(choices.queue), "--timeout", str(choices.timeout)]
    server, address = start(choices.model, choices.engine, *extra)
    try:
        capacity = load(address, images, 8, 10)["images/s"]
        memory = psutil.Process(server.pid)
        result = asyncio.run(_overload(address, images, choices.factor * capacity, choices.seconds, memory))
    finally:
        server.terminate()
        server.wait()
    print(
        json.dumps({"capacity, images/s": round(capacity, 1), **result, "load average": os.getloadavg()[0]}, indent=1)
    )


async def _overload(
    address: str, images: list[bytes], rate: float, seconds: float, process: psutil.Process
) -> dict[str, object]:
    statuses: Counter[str] = Counter()
    times: dict[str, list[float]] = {}
    memory = [process.memory_info().rss]

    async def one(data: bytes) -> None:
        started = time.perf_counter()
        status = await _status(address, data)
        statuses[status] += 1
        times.setdefault(status, []).append(time.perf_counter() - started)

    tasks: set[asyncio.Task[None]] = set()
    begin = time.perf_counter()
    number = 0
    while (now := time.perf_counter() - begin) < seconds:
        while number < now * rate:
            tasks.add(asyncio.create_task(one(images[number % len(images)])))
            number += 1
        tasks = {task for task in tasks if not task.done()}
        memory.append(process.memory_info().rss)
        await asyncio.sleep(0.05)
    await asyncio.gather(*tasks)
    memory.append(process.memory_info().rss)
    return {
        "sent": number,
        "sent, images/s": round(rate, 1),
        "statuses": dict(statuses),
        "longest, s": {status: round(max(found), 2) for status, found in times.items()},
        "MiB at the start, highest, at the end": [round(n / 2**20) for n in (memory[0], max(memory), memory[-1])],
    }


async def _status(address: str, data: bytes) -> str:
    place = urlsplit(address)
    try:
        reader, writer = await asyncio.open_connection(place.hostname, place.port)
        try:
            return str(await ask(reader, writer, data))
        finally:
            writer.close()
    except (OSError, asyncio.IncompleteReadError) as error:
        return type(error).__name__


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("model")
    parser.add_argument("--images", required=True)
    parser.add_argument("--engine")
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--factor", type=float, default=2)
    parser.add_argument("--queue", type=int, default=64)
    parser.add_argument("--timeout", type=float, default=10)
    return parser


if __name__ == "__main__":
    main()
