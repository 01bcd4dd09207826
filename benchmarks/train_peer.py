"""torchvision's SSD training step, timed on demand; run by train.py in a separate process and environment.

First argument: "ssd300_vgg16" or "ssdlite320_mobilenet_v3_large"; then a file of batches, each a list of images and
one of targets; the number of classes with the background; the number of threads. Answers each line "INDEX" with the
milliseconds that a step on that batch took on the clock and of the processor: forward and loss, backward, optimizer.
"""

import json
import sys
import time
from itertools import pairwise

import torch
from torch import Tensor
from torchvision.models import detection

Batch = tuple[list[Tensor], list[dict[str, Tensor]]]


def now() -> tuple[float, float]:
    return 1000 * time.perf_counter(), 1000 * time.process_time()


def step(model: torch.nn.Module, optimizer: torch.optim.Optimizer, batch: Batch) -> dict[str, list[float]]:
    """The step of torchvision's reference training script; times of its parts on the clock and of the processor."""
    marks = [now()]
    losses = sum(model(*batch).values())
    marks.append(now())
    optimizer.zero_grad()
    losses.backward()
    marks.append(now())
    optimizer.step()
    marks.append(now())
    names = ("forward and loss", "backward", "optimizer", "step")
    spans = [*pairwise(marks), (marks[0], marks[-1])]
    return {name: [b - a for a, b in zip(*span, strict=True)] for name, span in zip(names, spans, strict=True)}


def main() -> None:
    name, batches, classes, threads = sys.argv[1:]
    torch.set_num_threads(int(threads))
    torch.manual_seed(0)
    model = getattr(detection, name)(weights=None, weights_backbone=None, num_classes=int(classes)).train()
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-9, momentum=0.9, weight_decay=5e-4)
    held: list[Batch] = torch.load(batches)
    print(json.dumps({"model": name}), flush=True)
    for line in sys.stdin:
        print(json.dumps(step(model, optimizer, held[int(line) % len(held)])), flush=True)


if __name__ == "__main__":
    main()
