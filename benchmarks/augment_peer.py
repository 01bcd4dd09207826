"""The pipeline of torchvision's own SSD training, timed on demand; run by augment.py in a separate process.

Reads lines "BACKEND COUNT" and answers each with the seconds that COUNT samples took, files in the page cache.
"""

import sys
import time
from collections import defaultdict
from itertools import cycle, islice

import torch
from PIL import Image
from torchvision import tv_tensors
from torchvision.io import ImageReadMode, decode_jpeg
from torchvision.transforms import v2

INPUT = 300


def transforms(backend: str) -> v2.Compose:
    """The "ssd" preset, then the resize to the input that the model would do, to uint8."""
    last = [v2.PILToTensor()] if backend == "pil" else []
    return v2.Compose(
        [
            v2.RandomPhotometricDistort(),
            v2.RandomZoomOut(fill=defaultdict(lambda: (123.0, 117.0, 104.0), {tv_tensors.Mask: 0})),
            v2.RandomIoUCrop(),
            v2.RandomHorizontalFlip(p=0.5),
            v2.SanitizeBoundingBoxes(),
            v2.Resize((INPUT, INPUT)),
            *last,
        ]
    )


def read(path: str, backend: str) -> object:
    if backend == "pil":
        return Image.open(path).convert("RGB")
    with open(path, "rb") as file:
        data = torch.frombuffer(bytearray(file.read()), dtype=torch.uint8)
    return tv_tensors.Image(decode_jpeg(data, mode=ImageReadMode.RGB))


def size_of(image: object) -> tuple[int, int]:
    """(height, width)"""
    return tuple(v2.functional.get_size(image))


def main() -> None:
    torch.set_num_threads(1)
    examples = cycle(torch.load(sys.argv[1]))
    pipelines = {backend: transforms(backend) for backend in ("pil", "tensor")}
    print("ready", flush=True)
    for line in sys.stdin:
        backend, count = line.split()
        begin = time.process_time()
        for path, boxes, labels in islice(examples, int(count)):
            image = read(path, backend)
            target = {
                "boxes": tv_tensors.BoundingBoxes(boxes, format="XYXY", canvas_size=size_of(image)),
                "labels": labels,
            }
            pipelines[backend](image, target)
        print(time.process_time() - begin, flush=True)


if __name__ == "__main__":
    main()
