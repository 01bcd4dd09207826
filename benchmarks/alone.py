"""One detector from JPEG bytes to boxes, alone in its process, image after image, as a camera or a service calls it.

    python -m benchmarks.alone MODEL --images FOLDER [--rounds 6]

In the tables in which engines take turns, each call finds other weights in the caches. Here nothing else runs.
"""

import argparse
import statistics
import time
from pathlib import Path

from multibox.detection.detector import Detector
from multibox.images.find import find_images

COUNT = 50


def milliseconds(detector: Detector, data: list[bytes], *, rounds: int) -> list[float]:
    """One for each call, after a round that does not count."""
    spent = []
    for _ in range(rounds + 1):
        for image in data:
            start = time.perf_counter()
            detector(image)
            spent.append(1000 * (time.perf_counter() - start))
    return spent[len(data) :]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("model")
    parser.add_argument("--images", required=True, type=Path)
    parser.add_argument("--rounds", type=int, default=6)
    given = parser.parse_args()
    data = [path.read_bytes() for path in list(find_images([given.images]).files)[:COUNT]]
    low, middle, high = statistics.quantiles(milliseconds(Detector.load(given.model), data, rounds=given.rounds), n=4)
    print(f"{Path(given.model).name}: median {middle:.2f} ms, quartiles {low:.2f} and {high:.2f}")


if __name__ == "__main__":
    main()
