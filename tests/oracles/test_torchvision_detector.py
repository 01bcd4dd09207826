"""Imported torchvision detectors against torchvision, with random weights; skipped if torchvision is missing."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from multibox.models.bases.mobilenet_v3 import MobileNetV3Config
from multibox.models.config import ssd300_config, ssdlite320_config
from multibox.models.ssd import SSD
from multibox.weights.origins.imagenet.load import load_base
from multibox.weights.origins.recognize import import_weights
from oracles.same_detections import assert_same_detections

try:
    from torchvision.models import detection, mobilenet_v3_large, vgg16, vgg16_bn
except (ImportError, RuntimeError) as problem:  # beside a CPU-only torch it raises RuntimeError
    pytest.skip(f"torchvision cannot be imported here ({problem})", allow_module_level=True)


def restless(model: Any) -> Any:
    """The model in evaluation mode with normalizations of all different numbers, and with outputs of usual size."""
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.2)
            module.momentum = 1.0
    size = model.transform.min_size[-1]
    model.train()
    with torch.no_grad():
        images, _ = model.transform(list(torch.rand(4 if size == 320 else 1, 3, size, size)))
        maps = list(model.backbone(images.tensors).values())
        for head, spread in ((model.head.classification_head, 2.0), (model.head.regression_head, 1.0)):
            for predictor, features in zip(head.module_list, maps, strict=True):
                last = predictor if isinstance(predictor, nn.Conv2d) else predictor[-1]
                nn.init.normal_(last.bias, std=0.5)
                last.weight *= spread / predictor(features).std()
    return model.eval()


def build(kind: str) -> Any:
    torch.manual_seed(0)
    if kind == "ssd300":
        return detection.ssd300_vgg16(weights=None, weights_backbone=None, num_classes=5)
    if kind == "ssd300-coco":
        return detection.ssd300_vgg16(weights=None, weights_backbone=None)
    model = detection.ssdlite320_mobilenet_v3_large(weights=None, weights_backbone=None, num_classes=4)
    if kind == "ssdlite-wide":
        wide = detection.ssdlite.mobilenet_v3_large(
            weights=None, norm_layer=detection.ssdlite.partial(nn.BatchNorm2d, eps=0.001)
        )
        norm = detection.ssdlite.partial(nn.BatchNorm2d, eps=0.001, momentum=0.03)
        model.backbone = detection.ssdlite._mobilenet_extractor(wide, 6, norm)
        channels = detection._utils.retrieve_out_channels(model.backbone, (320, 320))
        boxes = model.anchor_generator.num_anchors_per_location()
        model.head = detection.ssdlite.SSDLiteHead(channels, boxes, 4, norm)
    return model


@pytest.mark.parametrize("kind", ["ssd300", "ssd300-coco", "ssdlite", "ssdlite-wide"])
def test_same_detections(kind: str, tmp_path: Path) -> None:
    """Priors, network outputs and final detections of two images equal those of torchvision's own model."""
    theirs = restless(build(kind))
    torch.save(theirs.state_dict(), tmp_path / "model.pth")
    model = import_weights(tmp_path / "model.pth")
    size = model.config.input_size[0]
    images = torch.randint(0, 256, (2, 3, size, size), dtype=torch.uint8)
    with torch.inference_mode():
        normalized, _ = theirs.transform(list(images.float() / 255))
        maps = list(theirs.backbone(normalized.tensors).values())
        wanted = theirs.head(maps)
        priors = theirs.anchor_generator(normalized, maps)[0] / size
        found = theirs(list(images.float() / 255))
        offsets, logits = model(images)
    assert torch.allclose(model.coder.corners, priors, atol=1e-6)
    assert torch.allclose(offsets, wanted["bbox_regression"], atol=2e-4, rtol=1e-3)
    assert torch.allclose(logits, wanted["cls_logits"], atol=2e-4, rtol=1e-3)
    for selection, expected in zip(model.detect(images), found, strict=True):
        ours = (selection.boxes.numpy() * size, selection.scores.numpy(), selection.labels.numpy() + 1)
        reference = tuple(np.asarray(expected[key]) for key in ("boxes", "scores", "labels"))
        assert_same_detections(ours, reference, pixels=0.1, score=1e-4)


def as_torchvision_sees(model: SSD, image: torch.Tensor) -> torch.Tensor:
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    assert torch.allclose(model.mean.flatten(), 255 * mean)
    return (image - mean[:, None, None]) / std[:, None, None]


@pytest.mark.parametrize("batch_norm", [False, True])
def test_vgg_base(batch_norm: bool, tmp_path: Path) -> None:
    """conv4_3 and conv5_3 with pool5, from random weights of torchvision's VGG16, on a small image."""
    torch.manual_seed(0)
    theirs = (vgg16_bn if batch_norm else vgg16)().eval()
    state = {name: value for name, value in theirs.state_dict().items() if name.startswith("features")}
    torch.save(state, tmp_path / "vgg.pth")
    model = SSD(ssd300_config(batch_norm=batch_norm), ["a"]).eval()
    load_base(model, tmp_path / "vgg.pth")
    image = torch.rand(1, 3, 64, 96)
    with torch.inference_mode():
        ours = model.base((255 * image - model.mean) / model.std)[0]
        expected = theirs.features[: 33 if batch_norm else 23](as_torchvision_sees(model, image))
    assert torch.allclose(ours, expected, rtol=1e-3, atol=1e-4 * expected.abs().max())


def test_vgg_classifier_as_convolutions(tmp_path: Path) -> None:
    """The full base of Table 2 on 224 x 224: the middle of fc7's map is the classifier's second hidden layer."""
    torch.manual_seed(0)
    theirs = vgg16().eval()
    torch.save(theirs.state_dict(), tmp_path / "vgg.pth")
    model = SSD(ssd300_config(atrous=False), ["a"]).eval()
    assert load_base(model, tmp_path / "vgg.pth") == ()
    image = torch.rand(1, 3, 224, 224)
    with torch.inference_mode():
        middle = model.base((255 * image - model.mean) / model.std)[-1][0, :, 3, 3]
        hidden = theirs.avgpool(theirs.features(as_torchvision_sees(model, image))).flatten(1)
        expected = theirs.classifier[:5](hidden)[0]
    assert torch.allclose(middle, expected, rtol=1e-3, atol=1e-4 * expected.abs().max())


@pytest.mark.parametrize("full_tail", [False, True])
def test_mobilenet_base(full_tail: bool, tmp_path: Path) -> None:
    """The last layer of the wide base, and the expansion at stride 32 of either, from torchvision's MobileNetV3."""
    torch.manual_seed(0)
    theirs = mobilenet_v3_large().eval()
    for module in theirs.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.2)
    torch.save(theirs.state_dict(), tmp_path / "mobilenet.pth")
    model = SSD(replace(ssdlite320_config(), base=MobileNetV3Config(full_tail=full_tail)), ["a"]).eval()
    lacking = load_base(model, tmp_path / "mobilenet.pth")
    assert {name.split(".")[1] for name in lacking if name.startswith("blocks")} == (
        set() if full_tail else {"12", "13", "14"}
    )
    image = torch.rand(1, 3, 96, 64)
    with torch.inference_mode():
        x = (255 * image - model.mean) / model.std
        given = theirs.features[:13](as_torchvision_sees(model, image))
        for block in (model.base.stem, *model.base.blocks[:12]):
            x = block(x)
        assert torch.allclose(x, given, rtol=1e-3, atol=1e-4)
        if full_tail:
            ours = model.base((255 * image - model.mean) / model.std)[-1]
            assert torch.allclose(ours, theirs.features[13:](given), rtol=1e-3, atol=1e-4)
