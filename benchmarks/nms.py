"""Time of the detection stage for one image: threshold, best per class, suppression, best per image.

    python benchmarks/nms.py [--candidates 22000] [--classes 20] [--threads 2] [--repeats 60] [--json FILE]

Candidates come in two ways: noise (scores without structure, so that hardly anything is suppressed) and clustered as
a trained detector's are (a few objects, around each of them many boxes with high scores, and a faint background).
Our `select` is compared with the same rules class by class, and with torchvision's batched_nms where it is installed.
Every way is first checked to give the same detections. Nothing is written unless a file is named.
"""

import argparse
import json
import platform
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from multibox.boxes import iou
from multibox.coder import Coder
from multibox.nms import DetectionSettings, Selection, select
from multibox.priors import SPECS

SETTINGS = DetectionSettings()
_WARM_UP = 3
Way = Callable[[Tensor, Tensor], Selection]


def noise(rng: np.random.Generator, candidates: int, classes: int) -> tuple[Tensor, Tensor]:
    """Boxes near the priors of SSD300; `candidates` scores above the threshold at random places."""
    coder = Coder(SPECS["ssd300-voc"])
    boxes = coder.decode(torch.from_numpy(rng.normal(0, 0.5, (8732, 4)).astype(np.float32)))
    scores = np.full(8732 * classes, 0.001, dtype=np.float32)
    places = rng.choice(len(scores), candidates, replace=False)
    scores[places] = 0.0101 + 0.98 * rng.beta(0.7, 3, candidates)
    return boxes, torch.from_numpy(scores.reshape(8732, classes))


def clustered(rng: np.random.Generator, candidates: int, classes: int) -> tuple[Tensor, Tensor]:
    """Eight objects; boxes of priors are shifted toward the object that they overlap; scores grow with the overlap."""
    coder = Coder(SPECS["ssd300-voc"])
    corner, size = rng.uniform(0, 0.6, (8, 2)), rng.uniform(0.1, 0.4, (8, 2))
    objects = torch.from_numpy(np.concatenate([corner, corner + size], axis=1).astype(np.float32))
    best, nearest = iou(coder.corners, objects).max(dim=1)
    jitter = torch.from_numpy(rng.normal(0, 0.02, (8732, 4)).astype(np.float32))
    boxes = torch.where(best[:, None] > 0.2, objects[nearest] + jitter, coder.corners + jitter)
    scores = rng.beta(0.5, 40, (8732, classes)).astype(np.float32)
    labels = rng.integers(0, classes, 8)[nearest.numpy()]
    scores[np.arange(8732), labels] += np.clip(1.6 * best.numpy() - 0.4, 0, 0.9).astype(np.float32)
    # Exactly the requested number of candidates: shift all scores relative to the threshold.
    cut = np.partition(scores.ravel(), -candidates - 1)[-candidates - 1]
    return boxes, torch.from_numpy((scores - cut + SETTINGS.score_threshold).clip(0, 0.999).astype(np.float32))


def class_by_class(boxes: Tensor, scores: Tensor) -> Selection:
    """The straightforward procedure: for each class sort, take the best 400, suppress one box after the other."""
    kept: list[tuple[Tensor, Tensor, Tensor]] = []
    for label in range(scores.shape[1]):
        column = scores[:, label]
        places = torch.nonzero(column > SETTINGS.score_threshold).squeeze(1)
        order = places[column[places].argsort(descending=True, stable=True)][: SETTINGS.per_class]
        overlaps = iou(boxes[order], boxes[order]) > SETTINGS.nms_threshold
        alive = torch.ones(len(order), dtype=torch.bool)
        for i in range(len(order)):
            if alive[i]:
                alive[i + 1 :] &= ~overlaps[i, i + 1 :]
        chosen = order[alive]
        kept.append((boxes[chosen], column[chosen], torch.full_like(chosen, label)))
    return best_of(*(torch.cat(parts) for parts in zip(*kept, strict=True)))


def best_of(boxes: Tensor, scores: Tensor, labels: Tensor) -> Selection:
    order = scores.argsort(descending=True, stable=True)[: SETTINGS.per_image]
    return Selection(boxes[order], scores[order], labels[order])


def torchvision_way() -> Way | None:
    """torchvision's batched_nms with the same limits, if torchvision can be imported."""
    try:
        from torchvision.ops import batched_nms
    except (ImportError, RuntimeError):
        return None

    def suppress(boxes: Tensor, scores: Tensor) -> Selection:
        values, places = scores.t().topk(min(SETTINGS.per_class, len(boxes)), dim=1)
        passing = values > SETTINGS.score_threshold
        labels = torch.arange(len(values))[:, None].expand_as(values)[passing]
        flat, candidates = values[passing], boxes[places[passing]]
        kept = batched_nms(candidates, flat, labels, SETTINGS.nms_threshold)
        return best_of(candidates[kept], flat[kept], labels[kept])

    return suppress


def milliseconds(way: Way, images: list[tuple[Tensor, Tensor]], repeats: int) -> dict[str, float]:
    """Median and spread over `repeats` calls, or as many as fit into 5 seconds, after warm-up; images take turns."""
    times: list[float] = []
    end = time.perf_counter() + 5
    while len(times) < _WARM_UP + repeats and (time.perf_counter() < end or len(times) < 2 * _WARM_UP):
        boxes, scores = images[len(times) % len(images)]
        start = time.perf_counter()
        way(boxes, scores)
        times.append(1e3 * (time.perf_counter() - start))
    low, median, high = np.percentile(times[_WARM_UP:], [10, 50, 90])
    return {"median": round(median, 3), "p10": round(low, 3), "p90": round(high, 3)}


def check(way: Way, boxes: Tensor, scores: Tensor) -> None:
    ours, theirs = select(boxes, scores), way(boxes, scores)
    assert torch.equal(ours.scores, theirs.scores)
    assert torch.equal(ours.labels, theirs.labels)
    assert torch.equal(ours.boxes, theirs.boxes)


def measure(arguments: argparse.Namespace) -> dict[str, dict[str, dict[str, float]]]:
    ways: dict[str, Way | None] = {
        "select": select,
        "class by class": class_by_class,
        "torchvision batched_nms": torchvision_way(),
    }
    results: dict[str, dict[str, dict[str, float]]] = {}
    for kind in (noise, clustered):
        rng = np.random.default_rng(0)
        images = [kind(rng, arguments.candidates, arguments.classes) for _ in range(6)]
        results[kind.__name__] = {}
        for name, way in ways.items():
            if way is None:
                continue
            check(way, *images[0])
            results[kind.__name__][name] = milliseconds(way, images, arguments.repeats)
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    for name, default in (("candidates", 22_000), ("classes", 20), ("threads", 2), ("repeats", 60)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    results = measure(arguments)
    print(f"{arguments.candidates} candidates, {arguments.classes} classes, {arguments.threads} threads; milliseconds")
    for kind, ways in results.items():
        for name, row in ways.items():
            ratio = row["median"] / ways["select"]["median"]
            print(f"{kind:10} {name:24} {row['median']:8.2f} ({row['p10']:.2f} to {row['p90']:.2f})  x {ratio:.2f}")
    if arguments.json:
        setting = {k: v for k, v in vars(arguments).items() if k != "json"}
        machine = {"processor": platform.processor() or platform.machine(), "torch": torch.__version__}
        arguments.json.write_text(json.dumps({**setting, **machine, "milliseconds": results}, indent=2) + "\n")


if __name__ == "__main__":
    main()
