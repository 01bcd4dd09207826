"""PriorBox and DetectionOutput with all their options, imported from a .prototxt, against OpenCV's Caffe reader."""

from pathlib import Path

import numpy as np
import pytest

from multibox.priors import make_prior_corners
from oracles import slow_output, slow_priors
from oracles.caffe_files import (
    OUTPUT,
    PRIORS,
    CaffeText,
    detections,
    imported,
    opencv_detections,
    run_opencv,
)
from oracles.caffe_models import vgg_ssd512
from oracles.official import EDITIONS, official
from oracles.same_detections import assert_same_detections

CLASSES = 4
SIZES_512 = ("35.84", "76.8", "153.6", "230.4", "307.2", "384.0", "460.8", "537.6")
OPENCV_NEEDS = {"variance": "variance: 0.1", "clip": "clip: false"}  # Caffe's defaults, which OpenCV's are not


def for_far(priors: str) -> str:
    """The same options with larger sizes for the second map."""
    return priors.replace("min_size: 8 max_size: 14", "min_size: 16 max_size: 28")


def net_with(*, priors: str = PRIORS, output: str = OUTPUT, boxes: int = 4, scores: str = "softmax") -> CaffeText:
    """Two source maps of an image of 40 x 56."""
    net = CaffeText(40, 56, seed=3)
    net.convolution("near", "data", 8, 3, "pad: 1 stride: 4")
    net.relu("near")
    net.convolution("far", "near", 8, 3, "pad: 1 stride: 2")
    net.head("near", classes=CLASSES, boxes=boxes, priors=priors)
    net.head("far", classes=CLASSES, boxes=boxes, priors=for_far(priors))
    net.output(classes=CLASSES, options=output, scores=scores)
    return net


PRIOR_CASES = {
    "usual": (PRIORS, 4),
    "only_min": ("min_size: 9", 1),
    "not_flipped": ("min_size: 9 aspect_ratio: 3 flip: false", 2),
    "several": ("min_size: 8 min_size: 12 max_size: 20 max_size: 30 aspect_ratio: [2, 3] variance: 0.1", 12),
    "several_min": ("min_size: [6, 9, 14]", 3),
    "doubled_ratios": ("min_size: 9 aspect_ratio: [1, 2, 2, 3]", 5),
    "clipped": ("min_size: 30 max_size: 60 clip: true", 2),
    "step": ("min_size: 9 step: 5", 1),
    "steps": ("min_size: 9 step_h: 5 step_w: 7", 1),
    "offset": ("min_size: 9 offset: 0.25 step: 4", 1),
    "decimals": ("min_size: 9.75 aspect_ratio: 1.5", 3),
}


@pytest.mark.parametrize("name", PRIOR_CASES)
def test_priors(tmp_path: Path, name: str) -> None:
    """Corners of all priors within 1e-6 of a slow loop from the official layer; of OpenCV's, if sizes are whole."""
    parameters, boxes = PRIOR_CASES[name]
    net = net_with(priors=parameters, boxes=boxes)
    ours = make_prior_corners(imported(net, tmp_path).config.priors)
    texts = (parameters, for_far(parameters))
    shapes = ((10, 14), (5, 7))
    expected = [slow_priors.corners(text, shape, (40, 56)) for text, shape in zip(texts, shapes, strict=True)]
    np.testing.assert_allclose(ours, np.concatenate(expected), rtol=0, atol=1e-6)
    if name in ("doubled_ratios", "decimals"):
        return  # OpenCV keeps ratios of 1 and repeated ones, and parts of pixels
    for option, default in OPENCV_NEEDS.items():
        if option not in parameters:
            net.text = [text.replace("prior_box_param {", f"prior_box_param {{ {default}") for text in net.text]
    (theirs,) = run_opencv(net, tmp_path, net.image(), ["prior"])
    np.testing.assert_allclose(ours, theirs[0, 0].reshape(-1, 4), rtol=0, atol=1e-6)


def test_priors_of_another_image_size(tmp_path: Path) -> None:
    """`img_h` and `img_w`: steps and sizes refer to that size, as in the slow loop."""
    net = net_with(priors="min_size: 9 img_h: 80 img_w: 100", boxes=1)
    ours = make_prior_corners(imported(net, tmp_path).config.priors)
    expected = [slow_priors.corners("min_size: 9", shape, (80, 100)) for shape in ((10, 14), (5, 7))]
    np.testing.assert_allclose(ours, np.concatenate(expected), rtol=0, atol=1e-6)


def test_variances_that_differ(tmp_path: Path) -> None:
    """Each map decodes with its own variances: the detections of OpenCV."""
    net = net_with()
    net.text = [
        text.replace("0.1, 0.1, 0.2, 0.2", "0.3, 0.2, 0.1, 0.4") if "far_prior" in text else text for text in net.text
    ]
    assert_same(net, tmp_path)


def assert_same(net: CaffeText, folder: Path, *, least: int = 20, **choices: object) -> None:
    """The detections of OpenCV: boxes within 0.01 pixel, scores within 1e-5."""
    image = net.image()
    (rows,) = run_opencv(net, folder, image, ["found"])
    theirs = opencv_detections(rows, net.size)
    ours = detections(imported(net, folder, **choices), image)
    assert len(theirs[1]) > least
    assert_same_detections(ours, theirs, pixels=0.01, score=1e-5)


CODES = {
    "center": "code_type: CENTER_SIZE",
    "corner": "code_type: CORNER",
    "corner_by_number": "code_type: 1",
}


@pytest.mark.parametrize("name", CODES)
def test_box_codes(tmp_path: Path, name: str) -> None:
    """Every code of boxes that OpenCV has, with variances or without; each by name or number."""
    net = net_with(output=OUTPUT.replace("code_type: CENTER_SIZE", CODES[name]))
    assert_same(net, tmp_path)


LIMITS = {
    "no_top_k": "nms_param { nms_threshold: 0.3 } keep_top_k: 150 confidence_threshold: 0.2",
    "tight": "nms_param { nms_threshold: 0.3 top_k: 20 } keep_top_k: 30 confidence_threshold: 0.25",
    "clip": "nms_param { nms_threshold: 0.4 top_k: 400 } keep_top_k: 200 confidence_threshold: 0.2 clip: true",
}


@pytest.mark.parametrize("name", LIMITS)
def test_limits(tmp_path: Path, name: str) -> None:
    """Thresholds and limits of a class and of an image, with -1 or nothing for no limit."""
    assert_same(
        net_with(output=f"code_type: CENTER_SIZE share_location: true background_label_id: 0 {LIMITS[name]}"), tmp_path
    )


@pytest.mark.parametrize("label", [1, 3])
def test_background_label(tmp_path: Path, label: int) -> None:
    """Another label of the background: the other classes in order."""
    net = net_with(output=OUTPUT.replace("background_label_id: 0", f"background_label_id: {label}"))
    image = net.image()
    (rows,) = run_opencv(net, tmp_path, image, ["found"])
    boxes, scores, _ = opencv_detections(rows, net.size)
    theirs = rows.reshape(-1, 7)[:, 1].astype(int)
    ours = detections(imported(net, tmp_path), image)
    assert len(scores) > 20
    assert_same_detections(ours, (boxes, scores, theirs - (theirs > label)), pixels=0.01, score=1e-5)


def assert_same_as_slow(
    net: CaffeText,
    folder: Path,
    *,
    code: str = "CENTER_SIZE",
    background: int = 0,
    eta: float = 1.0,
    nms: float = 0.45,
    limits: tuple[int, int] = (400, 200),
) -> None:
    """Detections with threshold 0.3 from OpenCV's offsets and scores, by slow loops for what its output lacks."""
    net.text[-1] = net.text[-1].replace("confidence_threshold: 0.01", "confidence_threshold: 0.3")
    output = net.text.pop()
    image = net.image()
    loc, scores, priors = run_opencv(net, folder, image, ["loc", "scores", "prior"])
    net.text.append(output)
    rows = slow_output.detections(
        loc,
        scores,
        priors,
        classes=CLASSES,
        code=code,
        background=background,
        threshold=0.3,
        nms=nms,
        top_k=limits[0],
        keep_top_k=limits[1],
        eta=eta,
        encoded="encoded_in_target: true" in output,
    )
    height, width = net.size
    labels = np.array([label - (label > background >= 0) for label, _, _ in rows])
    boxes = np.array([box for _, _, box in rows]).clip(0, 1) * [width, height, width, height]
    theirs = (boxes, np.array([score for _, score, _ in rows]), labels)
    names = tuple("abcd"[: CLASSES - (background >= 0)])
    ours = detections(imported(net, folder, class_names=names), image)
    assert len(rows) > 20
    assert_same_detections(ours, theirs, pixels=0.01, score=1e-5)


@pytest.mark.parametrize("code", ["CENTER_SIZE", "CORNER", "CORNER_SIZE"])
@pytest.mark.parametrize("encoded", ["true", "false"])
def test_codes_and_variances(tmp_path: Path, code: str, encoded: str) -> None:
    """Every code, with offsets that contain the variances or not, against slow loops."""
    output = OUTPUT.replace("CENTER_SIZE", f"{code} variance_encoded_in_target: {encoded}")
    assert_same_as_slow(net_with(output=output), tmp_path, code=code)


def test_falling_threshold(tmp_path: Path) -> None:
    """`eta` below 1 against slow loops."""
    output = OUTPUT.replace("nms_threshold: 0.45", "nms_threshold: 0.9 eta: 0.85")
    assert_same_as_slow(net_with(output=output), tmp_path, eta=0.85, nms=0.9)


def test_no_limits(tmp_path: Path) -> None:
    """-1 for no limit of a class and of an image, against slow loops."""
    output = OUTPUT.replace("top_k: 400", "top_k: -1").replace("keep_top_k: 200", "keep_top_k: -1")
    assert_same_as_slow(net_with(output=output), tmp_path, limits=(-1, -1))


@pytest.mark.parametrize("scores", ["softmax", "sigmoid"])
@pytest.mark.parametrize("background", [-1, 0, 2])
def test_score_functions(tmp_path: Path, scores: str, background: int) -> None:
    """Softmax and sigmoid, without background (every label is a class) and with it, against slow loops."""
    output = OUTPUT.replace("background_label_id: 0", f"background_label_id: {background}")
    assert_same_as_slow(net_with(output=output, scores=scores), tmp_path, background=background)


@pytest.mark.parametrize("background", [0, 1])
def test_boxes_of_one_class(tmp_path: Path, background: int) -> None:
    """Offsets for each of two labels, of which one is the background: the detections of OpenCV."""
    net = CaffeText(40, 56, seed=4)
    net.convolution("near", "data", 8, 3, "pad: 1 stride: 4")
    net.head("near", classes=2, boxes_of_each_class=True)
    output = OUTPUT.replace("share_location: true", "share_location: false")
    net.output(classes=2, options=output.replace("background_label_id: 0", f"background_label_id: {background}"))
    image = net.image()
    (rows,) = run_opencv(net, tmp_path, image, ["found"])
    boxes, scores, _ = opencv_detections(rows, net.size)
    assert len(scores) > 20
    ours = detections(imported(net, tmp_path), image)
    assert_same_detections(ours, (boxes, scores, np.zeros(len(scores), int)), pixels=0.01, score=1e-5)


@pytest.mark.parametrize("edition", EDITIONS)
def test_official_priors_of_ssd512(tmp_path: Path, edition: str) -> None:
    """The sizes of SSD512 as its .prototxt writes them, 35.84 for example: the official layer's numbers bit for bit."""
    net = vgg_ssd512(classes=2)
    for whole, written in zip((35, 76, 153, 230, 307, 384, 460, 537), SIZES_512, strict=True):
        net.text = [text.replace(f"_size: {whole} ", f"_size: {written} ") for text in net.text]
    assert "min_size: 35.84 max_size: 76.8 " in "".join(net.text)
    arrays = official("priors", edition=edition)
    ours = make_prior_corners(imported(net, tmp_path).config.priors)
    assert np.array_equal(ours[arrays.kept("voc512", len(ours))], arrays["voc512"])
