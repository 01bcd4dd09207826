"""Descriptions as multibox 0.1.0 wrote them, against the configs of the same models today."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from multibox.models.bases.mobilenet_v3 import MobileNetV3Config
from multibox.models.config import (
    ModelConfig,
    light_config,
    slim224_config,
    slim300_config,
    ssd300_config,
    ssd512_config,
    ssdlite320_config,
)
from multibox.nms import DetectionSettings
from multibox.priors import SPECS, equation4_spec
from multibox.size import Size
from multibox.weights.description import Description, parse_description
from multibox.weights.exported import Exported

STORED = Path(__file__).parents[1] / "data_files" / "descriptions"
LITE_FINE = equation4_spec(Size(320, 320), [Size(n, n) for n in (40, 20, 10, 5, 3, 2, 1)], ratios=[(2.0, 3.0)] * 7)
AMDEGROOT = replace(SPECS["ssd300-voc"], clip_sizes=True, clip_centers=True)
CONFIGS = {
    "ssd300": ssd300_config(),
    "ssd300_bn": ssd300_config(batch_norm=True),
    "ssd300_full": ssd300_config(atrous=False),
    "ssd512": ssd512_config(dataset="coco", truncate=True),
    "ssdlite320": ssdlite320_config(),
    "ssdlite320_full_tail": replace(ssdlite320_config(), base=MobileNetV3Config(full_tail=True)),
    "ssdlite320_fine": replace(ssdlite320_config(), base=MobileNetV3Config(fine=True), priors=LITE_FINE),
    "amdegroot300": replace(
        ssd300_config(), priors=AMDEGROOT, detection=DetectionSettings(per_class=200, per_image=600)
    ),
    "torchvision300": replace(ssd300_config(), priors=replace(SPECS["ssd300-coco"], clip_sizes=True), clip=True),
    "table3": replace(ssd300_config(), sources=(0, 1, 2, 3, 4), priors=SPECS["ssd300-voc"].keep(range(5))),
    "slim300": slim300_config(),
    "slim224": slim224_config(width=0.5),
    "light256": light_config(),
}


def test_every_stored_description_is_compared() -> None:
    """The files against the table above."""
    assert {path.stem for path in STORED.glob("*.json")} == set(CONFIGS)


@pytest.mark.parametrize("name", CONFIGS)
def test_old_description(name: str) -> None:
    """The description that version 0.1.0 wrote for a model against the model's config; format 2 reads it back."""
    expected = Description(("cat", "dog", "owl"), CONFIGS[name], {"license": "Apache-2.0"})
    found = parse_description((STORED / f"{name}.json").read_text(), source=name)
    assert found == expected
    assert parse_description(found.to_text(), source=name) == expected


def test_old_exported_model() -> None:
    """An exported model of version 0.1.0, which has three more keys, against the same config."""
    old = json.loads((STORED / "ssdlite320.json").read_text()) | {"precision": "int8", "raw": True, "batch": None}
    found = Exported.from_text(json.dumps(old), path="old.onnx")
    assert found.model_config() == CONFIGS["ssdlite320"]
    assert (found.precision, found.end, found.batch) == ("int8", "raw", None)


def test_stored_descriptions_are_old() -> None:
    """The files against the keys of format 1, so that they are not replaced by new ones."""
    for path in STORED.glob("*.json"):
        old = json.loads(path.read_text())
        assert old["format"] == 1
        assert isinstance(old["config"]["base"], str)
        assert "clip_centres" in old["config"]["priors"]
        with pytest.raises(ValueError, match="base"):
            ModelConfig.from_json(old["config"])
