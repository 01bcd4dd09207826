"""Models of qfgaohao/pytorch-ssd, jetson-inference and the Ultra-Light face detectors."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor

from models.bases.torchvision_values import values
from multibox.errors import UsageError, WeightsError
from multibox.models.folded import FoldedSSD
from multibox.priors import cell_sizes
from multibox.size import Size
from multibox.weights.file import load_weights, save_weights
from multibox.weights.origins.foreign_weights import ForeignWeights, read_foreign_weights
from multibox.weights.origins.origin import ImportChoices
from multibox.weights.origins.recognize import convert, import_weights, origin_of
from multibox.weights.remap import remap
from shared_data import shared
from weights.origins.pytorch_ssd.recorded import FILE, numbers, pixels

RECORDED = json.loads(FILE.read_text())


def tensors(name: str) -> dict[str, Tensor]:
    """The values that the recorded outputs belong to, without counters of batches, as old files are."""
    return values({key: tuple(shape) for key, *shape in RECORDED[name]["tensors"]})


def foreign(name: str, given: Mapping[str, Tensor] | None = None) -> ForeignWeights:
    return ForeignWeights(f"{name}.pth", tensors(name) if given is None else given)


@pytest.mark.parametrize("name", RECORDED)
@torch.inference_mode()
def test_outputs_of_their_code(name: str, tmp_path: Path) -> None:
    """Scores and boxes of all priors against those of their own code, also after a round trip through a weight file."""
    assert origin_of(foreign(name)) == "qfgaohao/pytorch-ssd"
    save_weights(tmp_path / "w.safetensors", convert(foreign(name)))
    model, _ = load_weights(tmp_path / "w.safetensors")
    assert model.config.priors.count == RECORDED[name]["priors"]
    offsets, logits = model(torch.from_numpy(pixels(name)).permute(2, 0, 1)[None])
    found = torch.tensor([numbers(logits.softmax(-1)), numbers(model.coder.decode(offsets))])
    expected = torch.tensor([RECORDED[name]["scores"], RECORDED[name]["boxes"]])
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", ["mb1-ssd-lite", "mb2-ssd-lite", "sq-ssd-lite", "RFB"])
@torch.inference_mode()
def test_folded(name: str) -> None:
    """The folded model against the model."""
    model = convert(foreign(name))
    images = torch.from_numpy(pixels(name)).permute(2, 0, 1)[None]
    for found, expected in zip(FoldedSSD(model)(images), model(images), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-3 * float(expected.abs().max()))


def slow_priors(size: Size, rows: list[tuple], *, squares: bool = False) -> np.ndarray:
    """Centers and sides, cut to 0 and 1, in a loop over maps, cells and boxes."""
    found = []
    for (height, width), (step_y, step_x), sizes in rows:
        for i in range(height):
            for j in range(width):
                center = ((j + 0.5) / (size.width / step_x), (i + 0.5) / (size.height / step_y))
                if squares:
                    found += [(*center, side / size.width, side / size.height) for side in sizes]
                    continue
                small, large = (side / size.width for side in sizes)
                found += [(*center, small, small), (*center, (small * large) ** 0.5, (small * large) ** 0.5)]
                for ratio in (2, 3):
                    root = ratio**0.5
                    found += [(*center, small * root, small / root), (*center, small / root, small * root)]
    return np.clip(np.array(found), 0, 1)


def test_priors_at_another_resolution() -> None:
    """mb1-ssd at 512 pixels: steps rounded up, sizes of 10, 20, 37 … 105 percent, by a loop."""
    model = convert(foreign("mb1-ssd"), ImportChoices(size=Size(512, 512)))
    percent = (10, 20, 37, 54, 71, 88, 105)
    cells = (32, 16, 8, 4, 2, 1)
    rows = [
        ((n, n), (-(-512 // n),) * 2, (512 * a / 100, 512 * b / 100))
        for n, a, b in zip(cells, percent, percent[1:], strict=False)
    ]
    np.testing.assert_allclose(model.coder.priors, slow_priors(Size(512, 512), rows), atol=2e-7)


def test_priors_of_faces() -> None:
    """The squares of a face detector for 640 pixels, whose size is in the name of the file, by a loop."""
    model = convert(ForeignWeights("models/version-RFB-640.pth", tensors("RFB")))
    assert model.config.input_size == Size(480, 640)
    cells = ((60, 80), (30, 40), (15, 20), (8, 10))
    sides = ((10, 16, 24), (32, 48), (64, 96), (128, 192, 256))
    rows = [((h, w), (480 / h, 640 / w), boxes) for (h, w), boxes in zip(cells, sides, strict=True)]
    expected = slow_priors(Size(480, 640), rows, squares=True)
    np.testing.assert_allclose(model.coder.priors, expected, atol=2e-7)
    assert len(cell_sizes(model.config.priors.maps[0])) == 3


def test_labels_beside_the_file(tmp_path: Path) -> None:
    """labels.txt of jetson-inference, by line and by comma, and names given by hand, with and without background."""
    path = tmp_path / "mb1-ssd-Epoch-29-Loss-2.5.pth"
    torch.save(tensors("mb1-ssd"), path)
    assert import_weights(path).class_names == ("class 1", "class 2", "class 3")
    (tmp_path / "labels.txt").write_text("BACKGROUND\nApple\nBanana\nStrawberry\n")
    assert import_weights(path).class_names == ("Apple", "Banana", "Strawberry")
    (tmp_path / "labels.txt").write_text("BACKGROUND,Apple,Banana,Strawberry")
    assert import_weights(path).class_names == ("Apple", "Banana", "Strawberry")
    for junk in (b"\xff\xfe\x00", b"one\ntwo\n", b""):
        (tmp_path / "labels.txt").write_bytes(junk)
        assert import_weights(path).class_names == ("class 1", "class 2", "class 3")
    (tmp_path / "labels.txt").unlink()
    os.mkfifo(tmp_path / "labels.txt")
    assert import_weights(path).class_names == ("class 1", "class 2", "class 3")
    assert import_weights(path, class_names=["BACKGROUND", "a", "b", "c"]).class_names == ("a", "b", "c")
    with pytest.raises(UsageError, match=r"2 class names for .* which has 3 classes"):
        import_weights(path, class_names=["a", "b"])


def test_other_classes() -> None:
    """A depthwise predictor with other classes keeps the rows of the class with its name."""
    model = convert(foreign("mb1-ssd-lite"), ImportChoices(class_names=("a", "b", "c")))
    new = remap(model, class_names=("c", "d"))
    rows = model.heads.confidence[0][-1].weight.unflatten(0, (-1, 4))
    assert torch.equal(new.heads.confidence[0][-1].weight.unflatten(0, (-1, 3))[:, 1], rows[:, 3])


@pytest.mark.parametrize(
    ("name", "choices", "message"),
    [
        ("vgg16-ssd", ImportChoices(size=Size(512, 512)), "vgg16-ssd is not made for 512 x 512 pixels: choose 300"),
        (
            "mb1-ssd",
            ImportChoices(size=Size(300, 200)),
            "mb1-ssd is not made for 300 x 200 pixels: choose a square",
        ),
        ("RFB", ImportChoices(size=Size(320, 320)), r"RFB is not made for 320 x 320 pixels .*: choose one of 96x128, "),
        ("mb1-ssd", ImportChoices(priors="ssd300-voc"), "whose priors follow from --size"),
    ],
)
def test_what_does_not_fit(name: str, choices: ImportChoices, message: str) -> None:
    """Choices for other models against one line each."""
    with pytest.raises((UsageError, WeightsError), match=message):
        convert(foreign(name), choices)


def test_damaged_files() -> None:
    """Missing, wrong and unknown tensors against one line that names them."""
    given = tensors("mb1-ssd")
    with pytest.raises(WeightsError, match=r"lacks 'base_net\.5\.3\.weight'"):
        convert(foreign("mb1-ssd", {key: value for key, value in given.items() if key != "base_net.5.3.weight"}))
    with pytest.raises(WeightsError, match=r"holds 'base_net\.5\.3\.weight' with shape \(1,\)"):
        convert(foreign("mb1-ssd", {**given, "base_net.5.3.weight": torch.zeros(1)}))
    with pytest.raises(WeightsError, match="a model of pytorch-ssd that multibox cannot build"):
        convert(foreign("other", {"base_net.0.x": torch.zeros(1), "regression_headers.0.weight": torch.zeros(1)}))


def test_a_size_for_another_program() -> None:
    """A size for a model that has only one."""
    names = ("L2Norm.weight", "loc.0.weight")
    with pytest.raises(UsageError, match=r"is a model of amdegroot/ssd\.pytorch, which has one size"):
        convert(foreign("x", dict.fromkeys(names, torch.zeros(1))), ImportChoices(size=Size(300, 300)))


@torch.inference_mode()
def test_real_faces() -> None:
    """The .pth of RFB-320 against its .onnx in ONNX Runtime, on photographs: boxes to 0.1 px, scores to 1e-4."""
    runtime = pytest.importorskip("onnxruntime")
    options = runtime.SessionOptions()
    options.log_severity_level = 3
    session = runtime.InferenceSession(str(shared("models/ultralight_version-RFB-320.onnx")), options)
    model = convert(read_foreign_weights(shared("models/ultralight_version-RFB-320.pth")))
    assert model.class_names == ("face",)
    photographs = sorted(shared("data/voc_100").rglob("*.jpg"))[:8]
    assert photographs
    for photograph in photographs:
        image = cv2.imread(str(photograph))[:, :, ::-1]
        resized = cv2.resize(image, (320, 240))
        x = ((resized.astype(np.float32) - 127) / 128).transpose(2, 0, 1)[None]
        scores, boxes = session.run(["scores", "boxes"], {"input": x})
        offsets, logits = model(torch.from_numpy(resized.transpose(2, 0, 1).copy())[None])
        height, width = image.shape[:2]
        np.testing.assert_allclose(logits.softmax(-1).numpy(), scores, atol=1e-4)
        pixel = np.array([width, height, width, height])
        np.testing.assert_allclose(model.coder.decode(offsets).numpy() * pixel, boxes * pixel, atol=0.1)
