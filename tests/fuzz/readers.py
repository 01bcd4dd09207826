"""What multibox does with an input, as its commands do. Results of inputs that are accepted are checked as well."""

import json
import random
from contextlib import suppress
from pathlib import Path

import numpy as np
import torch

from multibox.check.check import check_dataset
from multibox.data.dataset import Dataset
from multibox.data.formats.convert import convert
from multibox.data.load import load_dataset, load_splits
from multibox.detection.detector import Detector
from multibox.detection.engines.engine import Engine
from multibox.detection.engines.load import load_engine
from multibox.detection.engines.onnx import OnnxEngine
from multibox.errors import MultiboxError
from multibox.evaluation.results.files import read_detections
from multibox.experiments.facts import find_changes
from multibox.experiments.folder import open_folder
from multibox.experiments.recipe import Recipe, override
from multibox.experiments.recipes import find_recipe
from multibox.images.decode import image_size, narrow_range, read_image
from multibox.priors import make_priors
from multibox.system.json import parse_json
from multibox.tiling.file import read_priors
from multibox.training.metrics import keep_metrics_until, read_metrics
from multibox.weights.description import parse_description
from multibox.weights.exported import Exported
from multibox.weights.file import load_weights
from multibox.weights.origins.foreign_weights import read_foreign_weights
from multibox.weights.origins.recognize import convert as convert_weights
from multibox.weights.origins.recognize import import_weights
from multibox.weights.origins.tensorflow.labels import read_labels_file

OUTSIDE = b"outside of the data set"
"""The content of a file beside the data set, which must not be copied."""


def read_dataset(folder: Path, out: Path, rng: random.Random) -> None:
    """Check, load and convert a data set. An "ok" of the check means that the data set loads."""
    checked = check_dataset(folder)
    try:
        dataset = load_dataset(folder)
    except MultiboxError:
        assert not checked.ok, "the check says ok, but the data set does not load"
        raise
    _assert_consistent(dataset)
    splits = load_splits(folder)
    convert(splits, to=rng.choice(("voc", "coco", "yolo")), out=out / "converted", files="copy")
    for path in (out / "converted").rglob("*"):
        assert not path.is_file() or OUTSIDE not in path.read_bytes(), f"{path} is a copy of a file outside"


def _assert_consistent(dataset: Dataset) -> None:
    ids = [example.id for example in dataset]
    assert len(set(ids)) == len(ids), "ids occur twice"
    for example in dataset:
        assert np.isfinite(example.boxes).all(), f"{example.id}: boxes are not finite"
        assert (example.boxes[:, 2:] > example.boxes[:, :2]).all(), f"{example.id}: empty boxes"
        assert ((example.labels >= 0) & (example.labels < len(dataset.class_names))).all(), f"{example.id}: labels"


def read_images(folder: Path, _out: Path, rng: random.Random) -> None:
    """Read the header and decode each image; both must agree on the size."""
    errors = []
    for path in sorted(folder.iterdir()):
        try:
            size = image_size(path)
            image = read_image(path)
            reduced = read_image(path, reduce=rng.choice((2, 4, 8)))
            narrow_range(path)
        except MultiboxError as error:
            errors.append(error)
            continue
        assert image.shape[:2] == size, f"{path.name}: the header says {size}, the image has {image.shape}"
        assert reduced.ndim == 3
    if errors:
        raise errors[0]


def read_weights(folder: Path, _out: Path, _rng: random.Random) -> None:
    """Load a weight file and run the network once."""
    model, _info = load_weights(folder / "tiny.safetensors")
    with torch.inference_mode():
        offsets, logits = model(torch.zeros(1, 3, *model.config.input_size))
    assert offsets.shape[:2] == logits.shape[:2]


def read_descriptions(folder: Path, _out: Path, _rng: random.Random) -> None:
    """Parse descriptions of weight files and exports, and make their priors."""
    for path in sorted(folder.iterdir()):
        text = path.read_bytes().decode(errors="replace")
        if path.name.startswith("export"):
            Exported.from_text(text, path=path)
        else:
            description = parse_description(text, source=path)
            assert np.isfinite(make_priors(description.config.priors)).all(), "priors are not finite"


def read_foreign(folder: Path, _out: Path, _rng: random.Random) -> None:
    """Read the weights of other programs. No seed is a complete detector, so that each conversion is refused."""
    for path in sorted(folder.iterdir()):
        foreign = read_foreign_weights(path)
        with suppress(MultiboxError):
            convert_weights(foreign)


def read_tensorflow(folder: Path, _out: Path, _rng: random.Random) -> None:
    """Import whole detectors and run each on one black image; read the label map beside them."""
    errors = []
    for path in sorted(folder.iterdir()):
        try:
            if path.suffix == ".pbtxt":
                names = read_labels_file(path)
                assert len(set(names)) == len(names), "labels occur twice"
                continue
            model = import_weights(path)
        except MultiboxError as error:
            errors.append(error)
            continue
        with torch.inference_mode():
            offsets, logits = model(torch.zeros(1, 3, *model.config.input_size))
        assert offsets.shape[:2] == logits.shape[:2] == (1, model.config.priors.count)
    if errors:
        raise errors[0]


def read_onnx(folder: Path, _out: Path, _rng: random.Random) -> None:
    """Load an exported model and run it on one black image."""
    engine = OnnxEngine(folder / "model.onnx")
    height, width = engine.config.model.input_size
    engine.postprocess(engine.forward(np.zeros((1, height, width, 3), np.uint8)))


def read_litert(folder: Path, _out: Path, _rng: random.Random) -> None:
    """Load detectors into LiteRT, an exported one and one of another program, and run each on one black image."""
    errors = []
    for path in sorted(folder.iterdir()):
        try:
            _run_on_black(load_engine(path, engine="litert").engine)
        except MultiboxError as error:
            errors.append(error)
    if errors:
        raise errors[0]


def read_openvino(folder: Path, _out: Path, _rng: random.Random) -> None:
    """Load an exported model and run it on one black image."""
    _run_on_black(load_engine(folder / "model.xml").engine)


def _run_on_black(engine: Engine) -> None:
    found = Detector(engine)(np.zeros((*engine.config.input_size, 3), np.uint8))
    assert np.isfinite(found.boxes).all(), "boxes are not finite"
    assert np.isfinite(found.scores).all(), "scores are not finite"


def read_prior_file(folder: Path, _out: Path, _rng: random.Random) -> None:
    """Read a file of priors, as it is and as a setting of a recipe."""
    path = folder / "priors.json"
    assert np.isfinite(make_priors(read_priors(path))).all(), "priors are not finite"
    recipe = override(find_recipe("quick"), [f"model.priors={path}"])
    assert np.isfinite(make_priors(recipe.model.priors)).all(), "priors are not finite"


def read_recipe(folder: Path, _out: Path, _rng: random.Random) -> None:
    """Read a recipe, and set its groups by --set."""
    text = (folder / "recipe.json").read_bytes().decode(errors="replace")
    fields = parse_json(text, name="recipe.json")
    if isinstance(fields, dict):
        Recipe.from_json(fields)
        fields.pop("augmentation", None)  # --set takes a name for it
        override(find_recipe("quick"), [f"{key}={json.dumps(value)}" for key, value in fields.items()])


def read_run(folder: Path, _out: Path, _rng: random.Random) -> None:
    """Open the folder of a run to resume it, compare its recipe, and rewrite its metrics."""
    with open_folder(folder, resume=True) as memory:
        keep_metrics_until(folder, 1, rows=read_metrics(folder))
        find_changes(memory.facts, {"recipe": find_recipe("quick").to_json()}, folder=folder, accept=True)


def read_parquet(folder: Path, _out: Path, _rng: random.Random) -> None:
    """Read the detections of a batch; all values must be finite."""
    dataset = load_dataset(folder / "data", split="all")
    for found in read_detections(folder / "parts", dataset=dataset).values():
        assert np.isfinite(found.boxes).all(), "boxes are not finite"
        assert np.isfinite(found.scores).all(), "scores are not finite"


def read_results(folder: Path, _out: Path, _rng: random.Random) -> None:
    """Read detections in each format; all values must be finite."""
    dataset = load_dataset(folder / "data", split="all")
    for name in ("results.json", "voc", "text"):
        for found in read_detections(folder / name, dataset=dataset).values():
            assert np.isfinite(found.boxes).all(), "boxes are not finite"
            assert np.isfinite(found.scores).all(), "scores are not finite"
