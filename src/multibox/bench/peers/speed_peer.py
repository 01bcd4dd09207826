"""Detectors of the paper's comparison by other projects, timed on demand; another Python runs this file as a script.

Arguments: the device, the number of threads, and how many scores of an image pass the threshold of SSD. The first line
that it prints describes what it has: versions and detectors, or a "problem". After that it answers the name of a
detector with the milliseconds of one frame, from pixels of the input size in memory to boxes. Weights are random. It
imports nothing of multibox. YOLO is measured if ultralytics is installed there.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from typing import Any

SSD_SIDE, YOLO_SIDE = 300, 448
PROPOSAL_SIZE = (600, 800)
"""Height and width: a VOC image of 500 x 375 with a short side of 600 pixels."""
CLASSES = 20
YOLO = "yolo11n"

Frame = Callable[[], object]


def installed(name: str) -> str | None:
    """The version of a package, None if it is missing."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def noise(height: int, width: int) -> Any:
    """Random pixels, height x width x 3."""
    import numpy as np

    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def faster_rcnn() -> Any:
    """Faster R-CNN with VGG16 as its authors run it: one map of stride 16, 300 proposals, RoI pooling, fc6 and fc7."""
    from torchvision.models import vgg16
    from torchvision.models.detection import FasterRCNN
    from torchvision.models.detection.anchor_utils import AnchorGenerator
    from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead

    base = vgg16(weights=None).features[:-1]  # without pool5
    base.out_channels = 512
    model = FasterRCNN(
        base,
        min_size=600,
        max_size=1000,
        rpn_anchor_generator=AnchorGenerator(((128, 256, 512),), ((0.5, 1.0, 2.0),)),
        rpn_pre_nms_top_n_test=6000,
        rpn_post_nms_top_n_test=300,
        rpn_nms_thresh=0.7,
        box_head=TwoMLPHead(512 * 7 * 7, 4096),
        box_predictor=FastRCNNPredictor(4096, CLASSES + 1),
        box_score_thresh=0.05,
        box_nms_thresh=0.3,
    )
    model.roi_heads.box_roi_pool = roi_pooling()
    return model.eval()


def roi_pooling() -> Any:
    """Maximum over 7 x 7 cells of each proposal, as in Fast R-CNN; FasterRCNN itself would take RoIAlign."""
    import torch
    from torchvision.ops import roi_pool

    class RoiPooling(torch.nn.Module):
        def forward(self, maps: Any, proposals: Any, sizes: Any) -> Any:
            (only,) = maps.values()
            return roi_pool(only, proposals, (7, 7), 1 / 16)

    return RoiPooling()


def tensor_frame(model: Any, pixels: Any, device: Any) -> Frame:
    """A call of a torchvision detector that begins with pixels."""
    import torch

    def frame() -> object:
        image = torch.from_numpy(pixels).to(device).permute(2, 0, 1).float() / 255
        (found,) = model([image])
        return found["boxes"].cpu()

    return frame


def torchvision_ssd(device: Any, candidates: int) -> Frame:
    import torch
    from random_scores import spread_scores  # beside this script
    from torchvision.models.detection import ssd300_vgg16

    model = ssd300_vgg16(weights=None, weights_backbone=None, num_classes=CLASSES + 1).eval()
    pixels = noise(SSD_SIDE, SSD_SIDE)
    spread_scores(model, [torch.from_numpy(pixels).permute(2, 0, 1).float() / 255], candidates=candidates)
    return tensor_frame(model.to(device), pixels, device)


def yolo(device: str) -> Frame:
    from ultralytics import YOLO as Model

    model, pixels = Model(f"{YOLO}.yaml"), noise(YOLO_SIDE, YOLO_SIDE)
    return lambda: model.predict(pixels, imgsz=YOLO_SIDE, device=device, verbose=False)[0].boxes.xyxy


def main() -> None:
    device, threads, candidates = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    talk = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print must not end up between the answers
    try:
        import torch
        import torchvision  # noqa: F401, cannot be imported beside another torch
    except Exception as problem:
        print(json.dumps({"problem": f"{type(problem).__name__}: {problem}".splitlines()[0][:200]}), file=talk)
        return
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    target = torch.device(device)
    frames = {
        "faster-rcnn": tensor_frame(faster_rcnn().to(target), noise(*PROPOSAL_SIZE), target),
        "ssd300": torchvision_ssd(target, candidates),
    }
    versions = {name: installed(name) for name in ("torch", "torchvision", "ultralytics")}
    if versions["ultralytics"]:
        frames["yolo"] = yolo(device)
    sizes = {"faster-rcnn": PROPOSAL_SIZE, "ssd300": (SSD_SIDE,) * 2, "yolo": (YOLO_SIDE,) * 2}
    with torch.inference_mode():
        print(json.dumps({"versions": versions, "inputs": {n: sizes[n] for n in frames}}), file=talk, flush=True)
        for line in sys.stdin:
            start = time.perf_counter()
            frames[line.strip()]()
            print(json.dumps(1000 * (time.perf_counter() - start)), file=talk, flush=True)


if __name__ == "__main__":
    main()
