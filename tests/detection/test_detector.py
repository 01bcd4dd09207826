"""The Detector: its inputs, its results, and images that cannot be read."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import PIL.Image
import pytest
import torch

from multibox.array_nms import ArraySelection
from multibox.coder import Coder
from multibox.detection.detector import STAGES, Detector
from multibox.detection.engines.engine import EngineConfig
from multibox.detection.engines.torch import as_arrays
from multibox.detections import Detections
from multibox.errors import DataError, InputError, UsageError, WeightsError
from multibox.models.ssd import SSD
from multibox.nms import DetectionSettings
from multibox.postprocess import postprocess
from multibox.priors import PriorMap, PriorSpec, Step
from multibox.size import Size
from multibox.weights.file import save_weights
from tiny_detector import CLASS_NAMES, noise_image, tiny_model, write_image


@pytest.fixture(scope="module")
def model() -> SSD:
    return tiny_model()


@pytest.fixture(scope="module")
def detector(model: SSD) -> Detector:
    return Detector(model, batch_size=2)


def assert_same(found: Detections, expected: Detections, *, tolerance: float = 1e-4) -> None:
    assert found.image_size == expected.image_size
    assert found.class_names == expected.class_names
    np.testing.assert_array_equal(found.labels, expected.labels)
    np.testing.assert_allclose(found.scores, expected.scores, atol=tolerance)
    np.testing.assert_allclose(found.boxes, expected.boxes, atol=100 * tolerance)


def test_boxes_are_the_models_own_in_pixels(model: SSD, detector: Detector):
    """One image against the steps written out: resize, model.detect, times width and height."""
    image = noise_image(seed=1, width=200, height=80)
    small = cv2.resize(image, (300, 300), interpolation=cv2.INTER_LINEAR)
    (expected,) = model.detect(torch.from_numpy(small.transpose(2, 0, 1).copy())[None])
    found = detector(image)
    boxes = np.stack([found.boxes[:, 0] / 200, found.boxes[:, 1] / 80, found.boxes[:, 2] / 200, found.boxes[:, 3] / 80])
    nonempty = ((expected.boxes[:, 2:] > expected.boxes[:, :2]).all(dim=1)).numpy()
    assert len(found) > 20
    np.testing.assert_allclose(boxes.T, expected.boxes.numpy()[nonempty], atol=1e-4)
    np.testing.assert_allclose(found.scores, expected.scores.numpy()[nonempty], atol=1e-5)
    np.testing.assert_array_equal(found.labels, expected.labels.numpy()[nonempty])


def test_detections_have_the_documented_form(detector: Detector):
    """Types, order and limits of a result against the documentation of the class."""
    found = detector(noise_image(seed=2, width=97, height=211))
    assert found.image_size == Size(211, 97)
    assert found.class_names == CLASS_NAMES
    assert (found.boxes.dtype, found.scores.dtype, found.labels.dtype) == (np.float32, np.float32, np.int64)
    assert (np.diff(found.scores) <= 0).all()
    assert (found.boxes >= 0).all()
    assert (found.boxes <= [97, 211, 97, 211]).all()
    assert (found.boxes[:, :2] < found.boxes[:, 2:]).all()
    assert set(found.labels) <= {0, 1, 2}


def test_every_kind_of_source_gives_the_same(detector: Detector, tmp_path: Path):
    """Path, text path, bytes and PIL image of one PNG against its array."""
    image = noise_image(seed=3)
    path = write_image(tmp_path / "a.png", image)
    expected = detector(image)
    for source in (path, str(path), path.read_bytes(), PIL.Image.fromarray(image)):
        assert_same(detector(source), expected)


@pytest.mark.parametrize("batch_size", [1, 3, 100])
def test_a_list_gives_each_image_its_own_result(detector: Detector, batch_size: int):
    """Lists in batches of several sizes, of images of several sizes, against one image at a time."""
    images = [noise_image(seed=i, width=100 + 10 * i) for i in range(4)]
    found = detector(images, batch_size=batch_size)
    assert isinstance(found, list)
    for result, image in zip(found, images, strict=True):
        assert_same(result, detector(image))


def test_an_empty_list_gives_an_empty_list(detector: Detector):
    """No images against no results."""
    assert detector([]) == []


def test_a_broken_image_is_an_error_that_names_it(detector: Detector, tmp_path: Path):
    """A call with a file that is no image, alone and in a list, against DataError with the file's name."""
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no image")
    with pytest.raises(DataError, match=r"broken\.jpg"):
        detector(broken)
    with pytest.raises(DataError, match=r"broken\.jpg"):
        detector([noise_image(seed=0), broken])
    with pytest.raises(DataError, match=r"missing\.jpg"):
        detector(tmp_path / "missing.jpg")


def test_try_each_continues_after_broken_images(detector: Detector, tmp_path: Path):
    """Good and broken images mixed, so that one batch is all broken, against the order of the input."""
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"")
    good = noise_image(seed=5)
    results = list(detector.try_each([broken, broken, good, broken, good], batch_size=2))
    assert [isinstance(r, DataError) for r in results] == [True, True, False, True, False]
    for result in results:
        if isinstance(result, Detections):
            assert_same(result, detector(good))


def test_try_each_takes_only_what_it_needs(detector: Detector):
    """An endless stream: the number of images taken for the first result is two batches and one image."""
    taken = 0

    def stream():
        nonlocal taken
        while True:
            taken += 1
            yield noise_image(seed=0, width=20, height=20)

    results = detector.try_each(stream(), batch_size=2)
    assert isinstance(next(results), Detections)
    results.close()
    assert taken <= 5


def test_timed_gives_the_same_and_the_stages(detector: Detector, tmp_path: Path):
    """`timed` on a file against the plain call, with a positive time for each stage."""
    path = write_image(tmp_path / "a.png", noise_image(seed=6))
    found, milliseconds = detector.timed(path)
    assert_same(found, detector(path))
    assert tuple(milliseconds) == STAGES
    assert all(time > 0 for time in milliseconds.values())


def test_bf16_finds_nearly_the_same(model: SSD, detector: Detector):
    """The best score in bfloat16 against float32, within the 8 bits of its mantissa plus rounding in the layers."""
    image = noise_image(seed=7)
    rough = Detector(model, precision="bf16")(image)
    assert rough.scores[0] == pytest.approx(detector(image).scores[0], abs=0.05)


def test_a_model_in_training_mode_is_put_into_evaluation_mode():
    """Batch normalization left in training mode would make results depend on the batch; alone against in a batch."""
    model = tiny_model()
    detector = Detector(model)
    expected = detector(noise_image(seed=8))
    model.train()
    found = detector([noise_image(seed=8), noise_image(seed=9)])
    assert_same(found[0], expected)
    assert not model.training


def test_load_gives_the_saved_detector_and_its_info(model: SSD, detector: Detector, tmp_path: Path):
    """A saved and loaded model against the model in memory."""
    path = tmp_path / "tiny.safetensors"
    save_weights(path, model, info={"recipe": "none"})
    loaded = Detector.load(path, device="cpu", engine="torch")
    assert loaded.info == {"recipe": "none"}
    assert loaded.class_names == CLASS_NAMES
    assert loaded.input_size == (300, 300)
    assert_same(loaded(noise_image(seed=10)), detector(noise_image(seed=10)))


def test_boxes_outside_the_image_are_left_out():
    """An engine that finds one box beyond each edge and one across the right edge, against the visible part of that."""
    maps = (PriorMap(Size(1, 3), Step(10.0, 3.0), 4.0, None, ()),)
    model = replace(tiny_model().config, priors=PriorSpec(Size(10, 10), maps), sources=(0,))
    coder = Coder(model.priors)

    class Fixed:
        config = EngineConfig("none", ("thing",), model)

        def forward(self, batch: np.ndarray) -> int:
            return len(batch)

        def postprocess(self, outputs: int) -> list[ArraySelection]:
            boxes = torch.tensor([[1.1, 0.1, 1.2, 0.2], [0.8, 0.5, 1.3, 1.0], [-0.5, 0.0, 0.0, 0.5]])
            offsets = coder.encode(boxes).expand(outputs, -1, -1)
            logits = torch.tensor([[0.0, 2.0], [0.0, 1.0], [0.0, 0.0]]).expand(outputs, -1, -1)
            found = postprocess(offsets, logits, coder=coder, settings=DetectionSettings())
            return [as_arrays(selection) for selection in found]

    found = Detector(Fixed())(np.zeros((50, 100, 3), np.uint8))
    np.testing.assert_allclose(found.boxes, [[80, 25, 100, 50]], rtol=1e-6)
    np.testing.assert_allclose(found.scores, [1 / (1 + np.exp(-1))], rtol=1e-6)
    assert found.priors.tolist() == [1]


def test_priors_say_which_cell_made_a_detection(detector: Detector):
    """The center of each detection's prior, by its map, row and column, against the coder's list of priors."""
    found = detector(noise_image(seed=4))
    config = detector.engine.config.model
    priors = Coder(config.priors).priors.numpy()
    assert len(found) > 20
    for prior in found.priors:
        position = config.priors.position(int(prior))
        step = config.priors.maps[position.map].step
        center = (position.column + 0.5) * step[1] / 300, (position.row + 0.5) * step[0] / 300
        np.testing.assert_allclose(priors[prior, :2], center, atol=1e-6)
    assert (found.above(0.3).priors == found.priors[: len(found.above(0.3))]).all()


def test_wrong_use_names_the_next_step(model: SSD, tmp_path: Path):
    """Unknown precision, batch size, device and missing weights against one line that names the value."""
    with pytest.raises(UsageError, match=r"fp8.*fp32 or bf16"):
        Detector(model, precision="fp8")
    with pytest.raises(UsageError, match="batch size is 0"):
        Detector(model, batch_size=0)
    save_weights(tmp_path / "tiny.safetensors", model)
    with pytest.raises(UsageError, match=r"'gpu'.*choose cpu"):
        Detector.load(tmp_path / "tiny.safetensors", device="gpu")
    with pytest.raises(UsageError, match="'cuda:99' is not available: this machine has cpu"):
        Detector.load(tmp_path / "tiny.safetensors", device="cuda:99")
    with pytest.raises(WeightsError, match=r"missing\.safetensors"):
        Detector.load(tmp_path / "missing.safetensors")


def test_too_little_memory_is_an_input_error(model: SSD, monkeypatch: pytest.MonkeyPatch):
    """A network that raises torch's out-of-memory error against one line that recommends a smaller batch."""

    def exhausted(images: torch.Tensor) -> None:
        raise torch.OutOfMemoryError("Tried to allocate 20.00 GiB")

    monkeypatch.setattr(model, "forward", exhausted)
    with pytest.raises(InputError, match="no memory for 2 images at once: use a smaller batch"):
        Detector(model)([noise_image(seed=0)] * 2)
