"""A VOC devkit of noise images, and settings that shrink every recipe to a network that trains in milliseconds."""

import json
from dataclasses import asdict
from pathlib import Path

from multibox.models.bases.vgg import VGG16Config
from multibox.models.config import ModelConfig
from multibox.models.heads import Extra
from multibox.priors import equation4_spec
from multibox.size import Size
from tiny_detector import noise_image, write_image

_OBJECT = (
    "<annotation><size><width>160</width><height>120</height><depth>3</depth></size><object><name>{}</name>"
    "<difficult>0</difficult><bndbox><xmin>{}</xmin><ymin>20</ymin><xmax>130</xmax><ymax>100</ymax></bndbox></object>"
    "</annotation>"
)


def write_devkit(root: Path, *, years: dict[str, dict[str, int]], unlabeled: tuple[str, ...] = ()) -> Path:
    """Write folders VOC2007, VOC2012 and so on below `root`, with the number of images that `years` has for each split.

    Splits named in `unlabeled`, as "2012:test", have images and a list but no XML files.
    """
    number = 0
    for year, splits in years.items():
        home = root / f"VOC{year}"
        (home / "Annotations").mkdir(parents=True)
        (home / "ImageSets" / "Main").mkdir(parents=True)
        for split, count in splits.items():
            names = [f"{year}_{split}_{k}" for k in range(count)]
            (home / "ImageSets" / "Main" / f"{split}.txt").write_text("".join(f"{name}\n" for name in names))
            for name in names:
                number += 1
                write_image(home / "JPEGImages" / f"{name}.jpg", noise_image(seed=number))
                if f"{year}:{split}" not in unlabeled:
                    xml = _OBJECT.format(("cat", "dog")[number % 2], 10 + number)
                    (home / "Annotations" / f"{name}.xml").write_text(xml)
    return root


def write_coco(root: Path, *, splits: dict[str, int]) -> Path:
    """A COCO data set of noise images with a cat or a dog each, "train2017" and so on below `root`."""
    for split, count in splits.items():
        names = [f"{split}_{k}.jpg" for k in range(count)]
        for k, name in enumerate(names):
            write_image(root / split / name, noise_image(seed=100 + k))
        content = {
            "images": [{"id": k, "file_name": name, "width": 160, "height": 120} for k, name in enumerate(names)],
            "categories": [{"id": 17, "name": "cat"}, {"id": 18, "name": "dog"}],
            "annotations": [
                {
                    "id": k + 1,
                    "image_id": k,
                    "category_id": 17 + k % 2,
                    "bbox": [20, 20, 90, 80],
                    "area": 7200.0,
                    "iscrowd": 0,
                }
                for k in range(count)
            ],
        }
        (root / "annotations").mkdir(parents=True, exist_ok=True)
        (root / "annotations" / f"instances_{split}.json").write_text(json.dumps(content))
    return root


def tiny_settings(*, iterations: int = 4) -> tuple[str, ...]:
    """Settings with which any recipe of the paper trains in milliseconds, from random weights."""
    priors = equation4_spec(Size(64, 64), [Size(8, 8), Size(4, 4), Size(2, 2)], ratios=[(2.0,)] * 3)
    model = ModelConfig("tiny", VGG16Config(width=1 / 32, batch_norm=True), (Extra(8, 16),), priors, std=(58.0,) * 3)
    return (
        f"model={json.dumps(asdict(model))}",
        "base_weights=null",
        f"schedule.iterations={iterations}",
        "schedule.milestones=[]",
        "loop.batch_size=4",
        "loop.accumulate=1",
        "loop.report_every=1",
        "loop.checkpoint_every=2",
    )
