"""Average precision with and without tiles, on large images with small objects.

    python benchmarks/tiles.py DETECTOR --data PATH --split NAME [--rows 3 --columns 4] [--sheets 50] [--seed 0]

Each sheet is a large image with photographs of the data set in their own size, at random places of a grid, on a gray
ground. Seams of tiles are not at the borders of photographs. Prints a table: average precision (voc10), and time
relative to detection without tiles, in one run.
"""

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter

import cv2
import numpy as np

from multibox import Dataset, Detector, Example, Size, evaluate, load_dataset
from multibox.images.decode import read_image
from multibox.images.write import write_image

CELL = 420
LAYOUTS = (None, ("2x2", 0.2), ("3x3", 0.2), ("auto", 0.2), ("4x4", 0.2), ("auto", 0.0))


def sheets(dataset: Dataset, folder: Path, *, grid: Size, count: int, seed: int) -> Iterator[Example]:
    random = np.random.default_rng(seed)
    order = random.permutation(len(dataset))
    for number in range(min(count, len(dataset) // (grid.height * grid.width))):
        canvas = np.full((CELL * grid.height, CELL * grid.width, 3), 114, np.uint8)
        boxes, labels = [np.zeros((0, 4), np.float32)], [np.zeros(0, np.int64)]
        for place in range(grid.height * grid.width):
            example = dataset[int(order[number * grid.height * grid.width + place])]
            image = read_image(example.image)
            scale = min(1.0, CELL / max(image.shape[:2]))
            image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
            height, width = image.shape[:2]
            row, column = divmod(place, grid.width)
            top = row * CELL + int(random.integers(CELL - height + 1))
            left = column * CELL + int(random.integers(CELL - width + 1))
            canvas[top : top + height, left : left + width] = image
            boxes.append(example.boxes * np.float32(scale) + np.float32([left, top, left, top]))
            labels.append(example.labels)
        path = folder / f"{number:03}.png"
        write_image(path, canvas)
        all_boxes, all_labels = np.concatenate(boxes), np.concatenate(labels)
        nothing = np.zeros(len(all_boxes), bool)
        yield Example(path, all_boxes, all_labels, nothing, nothing.copy(), path.stem, Size(*canvas.shape[:2]))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("detector")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--split")
    parser.add_argument("--rows", type=int, default=3)
    parser.add_argument("--columns", type=int, default=4)
    parser.add_argument("--sheets", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    detector = Detector.load(chosen.detector)
    photos = load_dataset(chosen.data, split=chosen.split, classes=list(detector.class_names))
    print("single photographs:", f"{100 * evaluate(detector, photos).mean:.1f}")
    with tempfile.TemporaryDirectory() as folder:
        grid = Size(chosen.rows, chosen.columns)
        examples = tuple(sheets(photos, Path(folder), grid=grid, count=chosen.sheets, seed=chosen.seed))
        dataset = Dataset("sheets", photos.class_names, examples)
        print(f"{len(dataset)} sheets of {CELL * grid.width} x {CELL * grid.height}")
        print("| tiles | overlap | AP % | time, relative |\n|---|---:|---:|---:|")
        plain = 0.0
        for layout in LAYOUTS:
            tiled = detector if layout is None else detector.tiled(layout[0], overlap=layout[1])
            started = perf_counter()
            mean = evaluate(tiled, dataset).mean
            seconds = perf_counter() - started
            plain = plain or seconds
            name, overlap = layout or ("none", "")
            print(f"| {name} | {overlap} | {100 * mean:.1f} | {seconds / plain:.1f} |", flush=True)


if __name__ == "__main__":
    main()
