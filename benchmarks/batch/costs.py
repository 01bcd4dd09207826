"""Processor time of the steps of a batch, on one core: what the arithmetic to ten million images rests on.

    python benchmarks/batch/costs.py [--photos FOLDER] [--images 128] [--names 1000000] [--weights NAME]

Without --photos, the images are generated, and have hardly any detections.

Processor time counts the work of this process alone, so that other work on the machine matters less than it does for
the clock.
"""

import argparse
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import torch

from multibox import Detector
from multibox.batch.image_list import list_images
from multibox.batch.rows import result_columns, to_parquet
from multibox.batch.shard import DetectShard, WorkSettings
from multibox.bench.images import sample_images
from multibox.images.decode import read_image
from multibox.images.prepare import resize_to_input

BATCH = 8
SHARD = 4096


def cost(work: Callable[[], object], *, rounds: int = 5) -> float:
    """The least processor time of several rounds, in seconds."""
    times = []
    for _ in range(rounds):
        started = time.process_time()
        work()
        times.append(time.process_time() - started)
    return min(times)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--photos", type=Path)
    parser.add_argument("--images", type=int, default=128)
    parser.add_argument("--names", type=int, default=1_000_000)
    parser.add_argument("--weights", default="lite320-animals")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    detector = Detector.load(chosen.weights, batch_size=BATCH)
    contents = sample_images(count=chosen.images)
    if chosen.photos is not None:
        contents = [path.read_bytes() for path in sorted(chosen.photos.glob("*.jpg"))[: chosen.images]]
    images = [read_image(content) for content in contents]
    prepared = [resize_to_input(image, detector.input_size) for image in images]
    batch = np.stack([one.pixels for one in prepared[:BATCH]])
    outputs = detector.engine.forward(batch)
    print(f"{detector.engine.config.description}; JPEG files of {np.mean([len(c) for c in contents]) / 1024:.0f} KiB")
    costs = {
        "decode": cost(lambda: [read_image(content) for content in contents]) / len(contents),
        "resize": cost(lambda: [resize_to_input(image, detector.input_size) for image in images]) / len(images),
        "network": cost(lambda: detector.engine.forward(batch)) / BATCH,
        "suppression": cost(lambda: detector.engine.postprocess(outputs)) / BATCH,
    }
    print(", ".join(f"{name} {1e3 * seconds:.2f}" for name, seconds in costs.items()), "ms an image")
    found = detector.detect_batch(prepared)
    print(f"detections of an image: {np.mean([len(one) for one in found]):.0f}")
    few = [one.above(0.3) for one in found]
    for name, results in (("all", found), ("from 0.3", few)):
        repeated = [results[number % len(results)] for number in range(SHARD)]

        def write(rows: list) -> bytes:
            names = pa.array([f"/data/photos/{number:012}.jpg" for number in range(len(rows))])
            columns = result_columns(rows, class_names=detector.class_names)
            return to_parquet(pa.table({"image": names, **columns}), class_names=detector.class_names)

        seconds = cost(lambda rows=repeated: write(rows)) / SHARD
        print(f"rows, {name}: {1e3 * seconds:.3f} ms and {len(write(results)) / len(results):.0f} bytes an image")
    with tempfile.TemporaryDirectory() as folder:
        shard = DetectShard(WorkSettings(weights=chosen.weights, out=folder))
        print(f"a shard without images: {1e3 * cost(lambda: shard({'number': 0, 'images': []})):.1f} ms")
        path = Path(folder) / "list.txt"
        path.write_text("".join(f"/data/photos/{number:012}.jpg\n" for number in range(chosen.names)))
        tracemalloc.start()
        started = time.process_time()
        listed = list_images(path)
        digest = listed.digest()
        seconds = time.process_time() - started
        held, peak = (value / chosen.names for value in tracemalloc.get_traced_memory())
        arrow = listed.names.nbytes / chosen.names
        print(f"{chosen.names:,} names: {seconds:.1f} s with the digest {digest[:8]}; Arrow {arrow:.0f} bytes a name,")
        print(f"Python {held:.0f} and at most {peak:.0f} bytes a name besides")


if __name__ == "__main__":
    main()
