"""`ssd`: any base network at any size."""

from collections.abc import Sequence

import pytest
import torch

import multibox
from multibox.errors import UsageError
from multibox.models.any_size import parse_size, ssd, ssd_config
from multibox.models.bases.known import NAMED
from multibox.models.bases.mobilenet_v3 import MobileNetV3Config
from multibox.models.config import light_config, ssd300_config, ssd512_config
from multibox.models.faults import find_fault
from multibox.models.operations import count_operations
from multibox.size import Size

SIZES = (32, 33, 64, 97, 224, 300, 320, 512, 1000, 2048, (240, 320), (600, 100), (32, 4096))


def test_the_papers_models() -> None:
    """VGG16 at 300 and 512 pixels against SSD300 and SSD512."""
    assert ssd_config("vgg16", 300) == ssd300_config()
    assert ssd_config("vgg16", (512, 512)) == ssd512_config()


def test_priors_as_those_of_the_light_models() -> None:
    """The priors at 320 pixels, written into the light model by hand, against the ones chosen by rule."""
    light = light_config(side=320)
    assert ssd_config(light.base, 320).priors == light.priors


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("name", NAMED)
def test_every_base_at_every_size(name: str, size: int | tuple[int, int]) -> None:
    """No faults; sizes of the priors rise and reach most of the image; the last map has at most two cells a side."""
    config = ssd_config(name, size)
    assert find_fault(config) is None
    sizes = [m.min_size for m in config.priors.maps]
    assert sizes == sorted(sizes)
    side = min(config.input_size)
    assert sizes[0] <= 0.1 * side
    assert config.priors.maps[-1].max_size >= 0.8 * side
    assert min(config.priors.maps[-1].cells) <= 2


@pytest.mark.parametrize("name", [name for name in NAMED if name not in ("vgg16_bn", "resnet101")])
@torch.inference_mode()
def test_a_forward_pass(name: str) -> None:
    """Offsets and logits of an oblong image against the number of priors."""
    model = ssd(("a", "b"), base=name, size=(65, 98)).eval()
    offsets, logits = model(torch.zeros(1, 3, 65, 98))
    assert offsets.shape == (1, model.config.priors.count, 4)
    assert logits.shape == (1, model.config.priors.count, 3)
    assert torch.isfinite(logits).all()
    assert count_operations(model) > 0


def test_a_base_with_other_fields() -> None:
    """A config whose first source has stride 16: its smallest priors are twice as large, its name is the kind."""
    coarse, fine = ssd_config(MobileNetV3Config(), 320), ssd_config("mobilenet_v3_large", 320)
    assert coarse.name == "mobilenet_v3_large-320"
    assert coarse.priors.maps[0].min_size == 2 * fine.priors.maps[0].min_size


@pytest.mark.parametrize(
    ("base", "size", "message"),
    [
        ("resnet", 300, r"base network 'resnet' is not known: choose one of vgg16, .*resnet101"),
        ("resnet50", 31, r"size 31 x 31 does not fit resnet50, .* choose sides of 32 to 4096 pixels"),
        ("resnet50", (64, 5000), r"size 64 x 5000 does not fit"),
        ("resnet50", (64, 64, 64), r"size \(64, 64, 64\) is no size"),
        ("resnet50", 4096, r"no detector on resnet50 can be built for 4096 pixels: priors has 1572816 boxes"),
    ],
)
def test_what_does_not_fit(base: str, size: int, message: str) -> None:
    """A wrong base or size against one line that names the rule."""
    with pytest.raises(UsageError, match=message) as caught:
        ssd(("a",), base=base, size=size)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ("cup", r"class_names is 'cup', it must be a list of names"),
        ((), r"class_names has 0 names, 1 to 32767 are allowed"),
        (("cup", "cup"), r"class_names has 'cup' twice"),
        (("cup", " "), r"class_names\.1 has 1 letters"),
    ],
)
def test_wrong_class_names(names: Sequence[str], message: str) -> None:
    """Names that could not be stored in a weight file, against one line before anything is built."""
    with pytest.raises(UsageError, match=message):
        ssd(names, base="mobilenet_v2", size=64)


def test_sizes_as_text() -> None:
    """Texts of --set model.size against sizes."""
    assert parse_size("320") == Size(320, 320)
    assert parse_size("240x320") == Size(240, 320)
    for text in ("", "x", "3x4x5", "320px", "-1", "٣", "9" * 30):
        with pytest.raises(UsageError, match="is no size"):
            parse_size(text)


def test_the_front_door() -> None:
    """The call of the documentation."""
    model = multibox.ssd(base="efficientnet_lite0", size=64, class_names=("cat",))
    assert model.class_names == ("cat",)
