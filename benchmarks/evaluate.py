"""Time and memory of `multibox evaluate` with a file of COCO results as large as that of SSD300 on VOC2007 test.

    python benchmarks/evaluate.py [--old FOLDER] [--metrics voc07,coco] [--rounds 3] [--json FILE]

Makes 4,952 images with 14,976 objects of 20 classes (2,944 of them difficult) and 985,364 detections, about 200 an
image: one near each object, the others with random boxes and low scores. `--old` is the folder `src` of another
version; both evaluate the same files in turn, and the printed tables must be equal. Each call is a process of its own;
its processor time hardly depends on other programs, its wall time does.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

IMAGES, OBJECTS, DIFFICULT, DETECTIONS, CLASSES = 4952, 14_976, 2944, 985_364, 20
SOURCE = Path(__file__).resolve().parents[1] / "src"


def write_files(folder: Path) -> tuple[Path, Path]:
    """Write annotations and results; return their paths."""
    rng = np.random.default_rng(0)
    image = np.sort(rng.integers(1, IMAGES + 1, OBJECTS))
    label = rng.integers(1, CLASSES + 1, OBJECTS)
    boxes = _boxes(rng, OBJECTS)
    difficult = rng.permutation(OBJECTS) < DIFFICULT
    annotations = [
        {"id": i + 1, "image_id": int(image[i]), "category_id": int(label[i]), "bbox": boxes[i].tolist()}
        | {"area": float(boxes[i, 2] * boxes[i, 3]), "iscrowd": 0, "difficult": int(difficult[i])}
        for i in range(OBJECTS)
    ]
    images = [{"id": i, "file_name": f"{i:06d}.jpg", "width": 500, "height": 375} for i in range(1, IMAGES + 1)]
    categories = [{"id": i, "name": f"class {i}"} for i in range(1, CLASSES + 1)]
    truth, results = folder / "instances_test.json", folder / "results.json"
    truth.write_text(json.dumps({"images": images, "annotations": annotations, "categories": categories}))
    found = np.concatenate([image, rng.integers(1, IMAGES + 1, DETECTIONS - OBJECTS)])
    classes = np.concatenate([label, rng.integers(1, CLASSES + 1, DETECTIONS - OBJECTS)])
    near = np.abs(boxes + rng.normal(0, 8, boxes.shape)).round(2)
    all_boxes = np.concatenate([near, _boxes(rng, DETECTIONS - OBJECTS)])
    scores = np.concatenate([rng.beta(5, 2, OBJECTS), 0.01 + rng.beta(0.4, 8, DETECTIONS - OBJECTS)]).round(5)
    rows = zip(found.tolist(), classes.tolist(), all_boxes.tolist(), scores.tolist(), strict=True)
    entries = [{"image_id": i, "category_id": c, "bbox": b, "score": s} for i, c, b, s in sorted(rows)]
    results.write_text(json.dumps(entries))
    return truth, results


def _boxes(rng: np.random.Generator, count: int) -> np.ndarray:
    """Boxes x, y, width, height inside 500 x 375 pixels, with two decimals."""
    size = np.array([500, 375])
    extent = (8 + rng.beta(1, 2, (count, 2)) * (size - 9)).round(2)
    corner = (rng.random((count, 2)) * (size - extent)).round(2)
    return np.concatenate([corner, extent], axis=1)


def run(source: Path, truth: Path, results: Path, metric: str) -> tuple[dict[str, float], str]:
    """Evaluate in a process of its own; return seconds, megabytes and what it printed."""
    command = [sys.executable, "-m", "multibox", "evaluate", "--detections", str(results), "--metric", metric]
    option = "--data" if (source / "multibox/evaluation/metrics").exists() else "--ground-truth"
    environment = {**os.environ, "PYTHONPATH": str(source)}
    start = time.perf_counter()
    with subprocess.Popen(
        [*command, option, str(truth)], env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        printed = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, f"exit code {process.returncode}"
    seconds = {"wall": time.perf_counter() - start, "cpu": usage.ru_utime + usage.ru_stime}
    return {**seconds, "megabytes": usage.ru_maxrss / 1024}, printed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--old", type=Path)
    parser.add_argument("--metrics", default="voc07,coco")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    versions = ([("old", given.old)] if given.old else []) + [("new", SOURCE)]
    rows: list[dict[str, Any]] = []
    with TemporaryDirectory() as folder:
        with get_context("spawn").Pool(1) as pool:  # the memory of a process counts for those that it starts
            truth, results = pool.apply(write_files, (Path(folder),))
        print(f"{results.stat().st_size / 1e6:.0f} MB of results, load {os.getloadavg()[0]:.1f}", flush=True)
        print("| metric | version | processor, s | wall, s | memory, MB |\n|---|---|---|---|---|", flush=True)
        for metric in given.metrics.split(","):
            measured: dict[str, list[dict[str, float]]] = {name: [] for name, _ in versions}
            tables = set()
            for _ in range(given.rounds):
                for name, source in versions:
                    numbers, printed = run(source.resolve(), truth, results, metric)
                    measured[name].append(numbers)
                    tables.add(printed)
            assert len(tables) == 1, "the versions print different tables"
            for name, calls in measured.items():
                best = {key: min(call[key] for call in calls) for key in calls[0]}
                rows.append({"metric": metric, "version": name, **best})
                print(
                    f"| {metric} | {name} | {best['cpu']:.1f} | {best['wall']:.1f} | {best['megabytes']:.0f} |",
                    flush=True,
                )
    if given.json:
        given.json.write_text(json.dumps({"machine": platform.platform(), "load": os.getloadavg(), "rows": rows}))


if __name__ == "__main__":
    main()
