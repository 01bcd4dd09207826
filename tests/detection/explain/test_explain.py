"""Explanations of detections and objects, against the detector, the coder, and scenes made by hand."""

import gc
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import multibox
from multibox.data.dataset import Example
from multibox.detection.explain.explain import explain_outputs
from multibox.detection.explain.explanation import ratio_text
from multibox.detection.explain.outputs import NetworkOutputs, network_outputs
from multibox.errors import UsageError
from multibox.images.prepare import prepare
from multibox.models.config import slim300_config
from multibox.priors import make_prior_corners
from multibox.size import Size
from tiny_detector import noise_image, tiny_model, write_image


@pytest.fixture(scope="module")
def detector() -> multibox.Detector:
    return multibox.Detector(tiny_model())


def labels(*boxes: tuple[float, float, float, float], label: int = 0) -> Example:
    count = len(boxes)
    rows = np.array(boxes, dtype=np.float32).reshape(-1, 4)
    nothing = np.zeros(count, dtype=bool)
    return Example(Path("scene.jpg"), rows, np.full(count, label), nothing, nothing, id="scene")


def scene() -> NetworkOutputs:
    """A network that finds nothing: boxes are the priors, all scores are 0."""
    config = slim300_config(width=1 / 32)
    corners = make_prior_corners(config.priors)
    zeros = np.zeros_like(corners)
    scores = np.zeros((len(corners), 3), dtype=np.float32)
    return NetworkOutputs(
        config.rules, ("disc", "square", "star"), corners, corners, zeros, scores, 1 - scores.sum(axis=1)
    )


def nearest(outputs: NetworkOutputs, box: tuple[float, float, float, float]) -> int:
    """The prior with the corners nearest to a relative box."""
    return int(np.abs(outputs.priors - np.array(box)).sum(axis=1).argmin())


def test_every_detection_is_explained_by_what_made_it(detector: multibox.Detector) -> None:
    """Boxes, scores and priors against the detections; the box against the coder's rule for prior and offsets."""
    image = noise_image(seed=1)
    found = detector(image).above(0.3)
    explained = multibox.explain(detector, image, min_score=0.3)
    assert len(found) > 3
    assert [one.place.index for one in explained.detections] == found.priors.tolist()
    np.testing.assert_allclose([one.score for one in explained.detections], found.scores, rtol=1e-5)
    np.testing.assert_allclose([one.box for one in explained.detections], found.boxes, atol=0.01)
    for one in explained.detections:
        x1, y1, x2, y2 = one.place.box
        dx, dy, dw, dh = (v * o for v, o in zip((0.1, 0.1, 0.2, 0.2), one.offsets, strict=True))
        cx, cy = (x1 + x2) / 2 + dx * (x2 - x1), (y1 + y2) / 2 + dy * (y2 - y1)
        w, h = (x2 - x1) * np.exp(dw), (y2 - y1) * np.exp(dh)
        box = np.clip([cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2], 0, [160, 120, 160, 120])
        np.testing.assert_allclose(one.box, box, atol=0.05)
        assert dict(one.scores)[one.name] == pytest.approx(one.score)
        assert one.background is not None
        assert sum(dict(one.scores).values()) + one.background == pytest.approx(1, abs=1e-5)


def test_the_next_box_is_what_a_detector_without_this_prior_finds() -> None:
    """`next` against the detections of outputs in which the best box has no score."""
    outputs = scene()
    best, near = nearest(outputs, (0.2, 0.2, 0.4, 0.4)), nearest(outputs, (0.26, 0.2, 0.46, 0.4))
    outputs.scores[best, 0], outputs.scores[near, 0] = 0.9, 0.6
    assert best != near
    (one,) = explain_outputs(outputs, Size(300, 300), min_score=0.5).detections
    assert one.next is not None
    assert (one.next.prior, len(one.suppressed)) == (near, 1)
    outputs.scores[best, 0] = 0
    (other,) = explain_outputs(outputs, Size(300, 300), min_score=0.5).detections
    assert other.place.index == near
    assert other.next is None


def test_places_are_those_of_the_priors() -> None:
    """Map, cell, scale and ratio of the first prior of the second map against the paper's numbers for SSD300."""
    outputs = scene()
    first = outputs.config.priors.maps[0].count
    outputs.scores[first + 6 * (19 * 2 + 3) + 2, 1] = 0.9
    (one,) = explain_outputs(outputs, Size(600, 300), min_score=0.5).detections
    place = one.place
    assert (place.position, place.cells) == ((1, 2, 3, 2), (19, 19))
    source = outputs.config.priors.maps[1]
    assert place.scale == pytest.approx(source.min_size / 300, rel=1e-5)
    assert place.ratio == pytest.approx(2, rel=1e-5)
    np.testing.assert_allclose(place.cell, [300 * 3 / 19, 600 * 2 / 19, 300 * 4 / 19, 600 * 3 / 19], rtol=1e-5)
    x1, y1, x2, y2 = place.box
    np.testing.assert_allclose([(x1 + x2) / 2, (y1 + y2) / 2], [3.5 * 16, 2.5 * 16 * 2], rtol=1e-5)


def test_score_maps_hold_the_best_score_of_each_cell(detector: multibox.Detector) -> None:
    """Two maps against a loop over rows, columns, boxes and classes."""
    outputs = network_outputs(detector, prepare(noise_image(seed=2), detector.input_size))
    maps = explain_outputs(outputs, Size(120, 160), min_score=0.5).maps
    first = 0
    for source, found in zip(outputs.config.priors.maps, maps, strict=True):
        if source.cells.height <= 10:
            for row in range(source.cells.height):
                for column in range(source.cells.width):
                    start = first + (row * source.cells.width + column) * source.boxes_per_cell
                    cell = outputs.scores[start : start + source.boxes_per_cell]
                    assert found.scores[row, column] == cell.max()
                    assert found.labels[row, column] == np.unravel_index(cell.argmax(), cell.shape)[1]
        first += source.count


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda outputs, at: outputs.scores.__setitem__((at, 0), 0.8), "found with a score of 0.80"),
        (lambda outputs, at: outputs.scores.__setitem__((at, 0), 0.2), "a score of 0.20, too low to be shown; the"),
        (lambda outputs, at: outputs.scores.__setitem__(at, [0.1, 0.7, 0]), "the same box has 0.70 for square"),
        (lambda outputs, at: outputs.boxes.__setitem__(slice(None), 0), "no box overlaps it by 0.5 or more"),
    ],
    ids=["found", "low", "another class", "no box"],
)
def test_objects_say_why_they_were_missed(change, reason: str) -> None:
    """Scenes with one object and one cause against the sentence about it."""
    outputs = scene()
    outputs = replace(outputs, boxes=outputs.boxes.copy())
    at = nearest(outputs, (0.3, 0.3, 0.5, 0.5))
    change(outputs, at)
    box = tuple((outputs.priors[at] * 300).tolist())
    objects = explain_outputs(outputs, Size(300, 300), min_score=0.5, labels=labels(box)).objects
    assert objects is not None
    assert reason in objects[0].reason
    assert (objects[0].detection == 0) == reason.startswith("found")
    assert objects[0].matches[0].place.index == at
    assert objects[0].matches[0].overlap == pytest.approx(1, abs=1e-5)


def test_a_suppressed_object_names_the_better_box() -> None:
    """A box that fits the object, suppressed by one with an IoU of 0.47: above the threshold, too low to find it."""
    outputs = scene()
    outputs = replace(outputs, boxes=outputs.boxes.copy())
    outputs.boxes[:] = 0
    shift = 0.2 * (1 - 0.47) / (1 + 0.47)
    outputs.boxes[0], outputs.boxes[1] = (0.2, 0.2, 0.4, 0.4), (0.2 + shift, 0.2, 0.4 + shift, 0.4)
    outputs.scores[0, 0], outputs.scores[1, 0] = 0.9, 0.8
    box = tuple((outputs.boxes[1] * 300).tolist())
    (thing,) = explain_outputs(outputs, Size(300, 300), min_score=0.5, labels=labels(box)).objects or ()
    assert thing.detection is None
    assert "but a better box with 0.90 suppressed it, which overlaps the object by 0.47 only" in thing.reason


def test_one_box_finds_one_object() -> None:
    """Two equal objects and one detection."""
    outputs = scene()
    at = nearest(outputs, (0.3, 0.3, 0.5, 0.5))
    outputs.scores[at, 0] = 0.9
    box = tuple((outputs.priors[at] * 300).tolist())
    first, second = explain_outputs(outputs, Size(300, 300), min_score=0.5, labels=labels(box, box)).objects or ()
    assert (first.detection, second.detection) == (0, None)
    assert second.reason.endswith("is a detection that finds another object")


def test_tiny_objects_have_no_prior() -> None:
    """An object of 4 pixels: no prior overlaps it by 0.5, and training gives it one all the same."""
    (thing,) = (
        explain_outputs(scene(), Size(300, 300), min_score=0.5, labels=labels((100, 100, 104, 104))).objects or ()
    )
    assert "no prior does either" in thing.reason
    assert len(thing.matches) == 1


def test_a_row_of_detections_explains_itself(detector: multibox.Detector, tmp_path: Path) -> None:
    """`Detections.explain` for a path, an array, and a list against `multibox.explain`."""
    image = noise_image(seed=3)
    path = write_image(tmp_path / "a.png", image)
    whole = multibox.explain(detector, image, min_score=0)
    for found in (detector(image), detector(path), *detector([path, image])):
        one = found.above(0.1).explain(0)
        assert one.place == whole.detections[0].place
        assert one.score == pytest.approx(whole.detections[0].score, rel=1e-4)


def test_renamed_classes_are_explained(detector: multibox.Detector) -> None:
    """Two classes with one name: the explanation of each row has the row's score."""
    renamed = multibox.Detector(tiny_model())
    renamed.rename_classes(["disc=shape", "star=shape"])
    image = noise_image(seed=3)
    found = renamed(image).above(0.5)
    assert found.explain(0).name == found.class_names[found.labels[0]]
    assert found.explain(0).score == pytest.approx(float(found.scores[0]), rel=1e-4)


def test_what_cannot_be_explained_says_so(detector: multibox.Detector, tmp_path: Path) -> None:
    """A row that does not exist, an image that is gone, detections from a file, another process, a changed image."""
    image = noise_image(seed=3)
    found = detector(image)
    with pytest.raises(IndexError, match="rows are 0 to"):
        found.explain(len(found))
    copy = pickle.loads(pickle.dumps(found))
    with pytest.raises(UsageError, match="cannot be explained"):
        copy.explain(0)
    with pytest.raises(UsageError, match="cannot be explained"):
        replace(found, origin=None).explain(0)
    del image
    gc.collect()
    with pytest.raises(UsageError, match="image of these detections is gone"):
        found.explain(0)
    path = write_image(tmp_path / "a.png", noise_image(seed=3))
    changed = detector(path)
    write_image(path, np.zeros((120, 160, 3), np.uint8))
    with pytest.raises(UsageError, match="it has changed"):
        changed.explain(0)


@pytest.mark.parametrize(("ratio", "text"), [(1.0, "1:1"), (2.0, "2:1"), (1 / 3, "1:3"), (1.5, "1.5:1")])
def test_ratios_are_written_as_people_write_them(ratio: float, text: str) -> None:
    """Against the texts beside them."""
    assert ratio_text(ratio) == text
