"""What cannot be imported from a .prototxt is refused in one line, which names the layer and its type."""

from pathlib import Path

import numpy as np
import pytest

from multibox.errors import MultiboxError, UsageError, WeightsError
from multibox.size import Size
from multibox.weights.origins.recognize import import_weights
from oracles.caffe_files import OUTPUT, PRIORS, CaffeText, imported


def small_net(*, output: str = OUTPUT, priors: str = PRIORS) -> CaffeText:
    net = CaffeText(24, 32)
    net.convolution("stem", "data", 8, 3, "pad: 1 stride: 2")
    net.head("stem", classes=3, priors=priors)
    net.output(classes=3, options=output)
    return net


def refused(net: CaffeText, folder: Path, message: str, **choices: object) -> str:
    with pytest.raises(MultiboxError, match=message) as caught:
        imported(net, folder, **choices)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('type: "Convolution"', 'type: "Warp"', r"layer 'stem' \(Warp\) is of a type that multibox cannot build"),
        ('type: "Convolution"', 'type: "ROIPooling"', r"layer 'stem' \(ROIPooling\) belongs to a Faster R-CNN"),
        ('type: "DetectionOutput"', 'type: "MultiBoxLoss"', r"\(MultiBoxLoss\) is for training: give the .prototxt"),
        ("pad: 1 stride: 2", "pad: 1 spin: 2", r"layer 'stem' \(Convolution\) has the option 'spin'"),
        ("pad: 1 stride: 2", "pad: 1 stride: 0", r"layer 'stem' \(Convolution\) does not fit its input: stride is 0"),
        ("pad: 1 stride: 2", "pad: x", r"layer 'stem' \(Convolution\) has pad: x, .* a whole number"),
        ("num_output: 8", "num_output: 9", r"'stem' \(Convolution\) has weights of shape"),
        ("num_output: 8", "num_output: 8000000", "out is 8000000"),
        ("num_output: 8", "num_output: 8 axis: 2", "has axis: 2"),
        ("num_output: 8", "num_output: 8 kernel_size: [3, 3, 3]", "kernel_size"),
        ('bottom: "data"', 'bottom: "nothing"', "takes 'nothing', which no layer before it makes"),
        ("dim: 24", "dim: -24", "does not fit its input"),
        ("dim: 3 dim: 24", "dim: 1 dim: 24", "multibox needs one image of 1 x 3 x height x width"),
        (
            "share_location: true",
            "share_location: false",
            r"has share_location: false, .* there are several",
        ),
        ("code_type: CENTER_SIZE", "code_type: MIDDLE", r"\(DetectionOutput\) has code_type: MIDDLE"),
        ("background_label_id: 0", "background_label_id: 7", r"\(DetectionOutput\) has num_classes: 3"),
        ("top_k: 400", "top_k: 400 eta: 0", r"\(DetectionOutput\) has eta"),
        ("keep_top_k: 200", "objectness_score: 0.01", "has the option 'objectness_score'"),
        ("max_size: 14", "max_size: 4", r"layer 'stem_prior' \(PriorBox\) has max_size"),
        ("min_size: 8", "min_size: -8", r"\(PriorBox\) has min_size"),
        ("aspect_ratio: 2", "aspect_ratio: 0", r"\(PriorBox\) has aspect_ratio"),
        ("variance: [0.1, 0.1, 0.2, 0.2]", "variance: [0.1, 0.1]", r"\(PriorBox\) has variance"),
        ("aspect_ratio: 2", "", "predicts 4 boxes in a cell of its maps, but the priors have 2"),
        (
            "order: 0 order: 2 order: 3 order: 1",
            "order: 0 order: 3 order: 2 order: 1",
            r"_perm' \(Permute\) is between",
        ),
        ("softmax_param { axis: 2 }", "softmax_param { axis: 1 }", r"layer 'share' \(Softmax\) is between"),
        ("num_classes: 3", "num_classes: 5", "softmax is over 3 values, but there are 5 classes"),
        ('type: "Softmax"', 'type: "ReLU"', r"\(DetectionOutput\): layer 'share' \(ReLU\) is between it and"),
        ('bottom: "loc" bottom: "scores"', 'bottom: "loc" bottom: "conf"', "scores that are the softmax or sigmoid"),
        ("dim: 0 dim: -1 dim: 3", "dim: -1 dim: 3", "does not begin with the batch"),
    ],
)
def test_one_change(tmp_path: Path, old: str, new: str, message: str) -> None:
    """A valid network with one changed place against the message for it."""
    net = small_net()
    text = "".join(net.text)
    assert old in text
    net.text = [text.replace(old, new, 1)]
    refused(net, tmp_path, message)


def test_missing_arrays(tmp_path: Path) -> None:
    """A .caffemodel without the weights of a layer, and one with values that are not finite."""
    net = small_net()
    arrays = net.blobs.pop("stem")
    refused(net, tmp_path, r"layer 'stem' \(Convolution\) has no weights in the .caffemodel file")
    arrays[1][0][0, 0, 0, 0] = np.nan
    net.blobs["stem"] = arrays
    refused(net, tmp_path, "not finite numbers")


def test_normalization_has_to_be_known(tmp_path: Path) -> None:
    """Without a mean in the file or from the caller the message asks for it; wrong values are refused."""
    net = small_net()
    refused(net, tmp_path, "add --mean and --scale", mean=None, scale=None)
    refused(net, tmp_path, "give one, or one for each", mean=(1.0, 2.0))
    refused(net, tmp_path, "out of range", mean=(1.0,), scale=-1.0)
    refused(net, tmp_path, "out of range", mean=(float("nan"),), scale=1.0)


def test_a_wrong_scale_for_a_known_file(tmp_path: Path) -> None:
    """The authors' names of layers make the mean known; a scale of 0 is refused all the same."""
    net = CaffeText(24, 32)
    net.head(net.convolution("conv1_1", "data", 8, 3, "pad: 1 stride: 2"), classes=3)
    net.output(classes=3)
    net.blobs["conv4_3_norm_mbox_loc"] = ("Convolution", [np.zeros((4, 8, 1, 1))])
    assert imported(net, tmp_path, mean=None, scale=None).config.mean == (123, 117, 104)
    assert imported(net, tmp_path, mean=None, scale=0.5).config.std == (2, 2, 2)
    refused(net, tmp_path, "out of range", mean=None, scale=0.0)


def test_priors_have_to_be_known(tmp_path: Path) -> None:
    """A network that ends with offsets and scores, without PriorBox: the message asks for the priors."""
    net = small_net()
    net.text = [text for text in net.text if "DetectionOutput" not in text and "prior" not in text]
    refused(net, tmp_path, "no PriorBox layers, so its priors are not known")
    refused(net, tmp_path, "are not known: choose one of ssd300-voc", priors="ssd999")
    refused(net, tmp_path, "are for an input of 300 x 300, and .* has 24 x 32", priors="ssd300-voc")


def test_the_file_has_the_size(tmp_path: Path) -> None:
    """An input size from the caller is refused."""
    refused(small_net(), tmp_path, "has the input size: choose no size", size=Size(300, 300))


def test_ends_that_are_not_clear(tmp_path: Path) -> None:
    """A network without scores of a softmax: what it ends with."""
    net = small_net()
    net.text = net.text[:-4]
    refused(net, tmp_path, r"ends with 'stem_loc_flat' \(Flatten\), 'stem_conf_flat' \(Flatten\), 'stem_prior'")


def test_a_classifier(tmp_path: Path) -> None:
    """A network that ends with one softmax: what an SSD ends with, and what runs other models."""
    net = CaffeText(24, 32)
    net.convolution("stem", "data", 8, 3)
    net.add("Softmax", "prob", "stem")
    assert "OpenCV 4 runs others, such as classifiers" in refused(net, tmp_path, "ends with 'prob'")


def test_other_weights(tmp_path: Path) -> None:
    """--prototxt with a file of another program, and the options of Caffe without --prototxt."""
    import torch

    prototxt, _ = small_net().write(tmp_path)
    torch.save({"a": torch.ones(1)}, tmp_path / "a.pth")
    with pytest.raises(UsageError, match="--prototxt belongs to a"):
        import_weights(tmp_path / "a.pth", prototxt=prototxt)
    with pytest.raises(UsageError, match="--mean and --scale are for Caffe models"):
        import_weights(tmp_path / "a.pth", mean=(1.0,))
    with pytest.raises(WeightsError, match="the structure of a Caffe model without its weights"):
        import_weights(prototxt)


def test_oldest_format(tmp_path: Path) -> None:
    """The format of 2013, whose layers are messages inside `layers`."""
    net = small_net()
    net.text = ['input: "data" layers { layer { name: "conv" type: "conv" } bottom: "data" top: "conv" }']
    refused(net, tmp_path, "oldest version of Caffe's format")
