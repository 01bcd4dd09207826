"""torchvision's SSD detectors, timed on demand; run by detect.py in a separate process and environment.

First argument: "ssd300_vgg16" or "ssdlite320_mobilenet_v3_large"; then a file for the weights, which are random but
scaled so that the number of candidates is given; that number; the number of threads; images. Answers each line
"INDEX" with the milliseconds from the bytes of that JPEG to boxes, and each line "BOXES INDEX" with boxes and scores.
"""

import json
import sys
import time
from pathlib import Path

import torch
from torch import Tensor, nn
from torchvision.io import ImageReadMode, decode_jpeg
from torchvision.models import detection

sys.path.append(str(Path(__file__).resolve().parents[1] / "src/multibox/bench/peers"))
from random_scores import spread_scores

CLASSES = 91


def read(data: bytes) -> Tensor:
    pixels = decode_jpeg(torch.frombuffer(bytearray(data), dtype=torch.uint8), mode=ImageReadMode.RGB)
    return pixels.float() / 255


def lived_in(model: nn.Module, images: list[Tensor]) -> None:
    """Statistics of batch normalization from the images, so that signals neither vanish nor explode."""
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 0.3
    model.train()
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.eval()
    sized, _ = model.transform(images)
    for _ in range(4):
        model.head(list(model.backbone(sized.tensors).values()))
    model.eval()


@torch.inference_mode()
def main() -> None:
    name, weights, candidates, threads, *images = sys.argv[1:]
    torch.set_num_threads(int(threads))
    torch.manual_seed(0)
    files = [Path(image).read_bytes() for image in images]
    model = getattr(detection, name)(weights=None, weights_backbone=None, num_classes=CLASSES).eval()
    tensors = [read(data) for data in files[:4]]
    if name.startswith("ssdlite"):
        lived_in(model, tensors)
    spread_scores(model, tensors, candidates=int(candidates))
    torch.save(model.state_dict(), weights)
    for data in files[:3]:
        model([read(data)])
    print(json.dumps({"model": name}), flush=True)
    for line in sys.stdin:
        *wanted, index = line.split()
        start = time.perf_counter()
        (found,) = model([read(files[int(index)])])
        spent = 1000 * (time.perf_counter() - start)
        print(json.dumps({k: v.tolist() for k, v in found.items()} if wanted else spent), flush=True)


if __name__ == "__main__":
    main()
