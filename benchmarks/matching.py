"""Processor time of matching against the IoU table of the same boxes, and against one round for each object.

    python benchmarks/matching.py [--threads 1] [--repeats 15] [--json FILE]

Batches of 8 images with the 8732 priors of SSD300. `by_rounds` is the straightforward procedure: in each round, the
pair of largest overlap of each image. Both are first checked to match the same pairs. The cases of 6,000 objects are
one image each. Nothing is written unless a file is named.
"""

import argparse
import json
import platform
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from multibox.boxes import iou
from multibox.matching import UNMATCHED, match
from multibox.priors import SPECS, make_prior_corners
from multibox.system.process import keep_freed_memory

PRIORS = torch.from_numpy(make_prior_corners(SPECS["ssd300-voc"]))


def batch(images: int, least: int, most: int, *, crowded: bool) -> tuple[Tensor, Tensor]:
    """Random boxes, `least` to `most` in each image; crowded ones are small and within a fifth of the image."""
    center, size = torch.rand(images, most, 2), torch.rand(images, most, 2)
    center, size = (0.3 + 0.2 * center, 0.02 + 0.1 * size) if crowded else (center, 0.02 + 0.4 * size)
    counts = torch.linspace(least, most, images).long()
    return torch.cat([center - size / 2, center + size / 2], dim=-1), torch.arange(most) < counts[:, None]


def by_rounds(boxes: Tensor, valid: Tensor) -> Tensor:
    """The object of each prior, from the IoU table and one round for each object."""
    overlaps = iou(boxes, PRIORS.expand(len(boxes), -1, -1)).masked_fill_(~valid.unsqueeze(-1), 0)
    overlaps = overlaps.masked_fill_(overlaps <= 1e-6, 0)
    objects, count = overlaps.shape[1:]
    best, index = overlaps.max(dim=1)
    index = index.masked_fill_(best < 0.5, UNMATCHED)
    bits = overlaps.view(torch.int32).to(torch.int64) << 32
    keys, candidates = (bits + torch.arange(count - 1, -1, -1)).topk(min(objects, count), dim=2)
    keys = keys.masked_fill_(keys < 1 << 32, 0)
    rows = torch.arange(len(boxes))
    for _ in range(objects):
        key, choice = keys.flatten(1).max(dim=1)
        row, prior = choice // keys.shape[2], candidates.flatten(1)[rows, choice]
        index[rows, prior] = torch.where(key > 0, row, index[rows, prior])
        keys[rows, row] = 0
        keys = keys.masked_fill_(candidates == prior[:, None, None], 0)
    return index


def milliseconds(function: Callable[[], object], *, repeats: int) -> float:
    """The shortest processor time of several calls, because other programs only add to it."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        function()
        times.append(time.process_time() - start)
    return 1000 * min(times)


def measure(name: str, boxes: Tensor, valid: Tensor, *, repeats: int, compared: bool) -> dict[str, float | str]:
    """Times of one case; `compared` also runs one round for each object, and checks that it matches the same pairs."""
    times: dict[str, float | str] = {"case": name}
    if compared:
        assert torch.equal(by_rounds(boxes, valid), match(PRIORS, boxes, valid).index)
        times["by rounds"] = milliseconds(lambda: by_rounds(boxes, valid), repeats=repeats)
    table = PRIORS.expand(len(boxes), -1, -1)
    times["IoU table"] = milliseconds(lambda: iou(boxes, table), repeats=repeats)
    times["match"] = milliseconds(lambda: match(PRIORS, boxes, valid), repeats=repeats)
    return times


def cases(repeats: int) -> list[dict[str, float | str]]:
    rows = [
        measure("8 x 3 objects", *batch(8, 3, 3, crowded=False), repeats=repeats, compared=True),
        measure("8 x 3 to 20 objects", *batch(8, 3, 20, crowded=False), repeats=repeats, compared=True),
        measure("8 x 20 objects", *batch(8, 20, 20, crowded=False), repeats=repeats, compared=True),
    ]
    for crowded in (False, True):
        kind = "crowded" if crowded else "random"
        for objects in (100, 500):
            name = f"8 x {objects} objects, {kind}"
            boxes, valid = batch(8, objects, objects, crowded=crowded)
            rows.append(measure(name, boxes, valid, repeats=1 if objects == 500 else 3, compared=True))
        boxes, valid = batch(1, 6000, 6000, crowded=crowded)
        rows.append(measure(f"1 x 6000 objects, {kind}", boxes, valid, repeats=1, compared=False))
    same = torch.tensor([0.1, 0.1, 0.9, 0.9]) + 1e-3 * torch.rand(1, 6000, 4)
    rows.append(measure("1 x 6000 objects, nearly the same", same, valid, repeats=1, compared=False))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    torch.manual_seed(0)
    keep_freed_memory()
    rows = cases(given.repeats)
    print("| case | by rounds, ms | IoU table, ms | match, ms | match / by rounds | match / IoU table |")
    print("|---|---|---|---|---|---|")
    for row in rows:
        old, table, new = (float(row.get(name, "nan")) for name in ("by rounds", "IoU table", "match"))
        ratios = f"{new / old:.2f} | {new / table:.2f}"
        print(f"| {row['case']} | {old:.1f} | {table:.1f} | {new:.1f} | {ratios} |", flush=True)
    if given.json:
        given.json.write_text(json.dumps({"machine": platform.platform(), "torch": torch.__version__, "rows": rows}))


if __name__ == "__main__":
    main()
