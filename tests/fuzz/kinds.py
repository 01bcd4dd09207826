"""The kinds of input that are fuzzed: small valid files, how one of them is changed, and what multibox does with it."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path, PurePath

from fuzz import readers, seeds
from fuzz.mutations import (
    Mutation,
    change_archive,
    change_bytes,
    change_json_document,
    change_safetensors,
    change_text_file,
)

Files = Mapping[str, bytes]

_BY_SUFFIX: Mapping[str, Mutation] = {
    ".json": change_json_document,
    ".jsonl": change_text_file,
    ".safetensors": change_safetensors,
    ".pth": change_archive,
    **dict.fromkeys((".xml", ".txt", ".yaml", ".data", ".names"), change_text_file),
}


@dataclass(frozen=True)
class Kind:
    """`files` makes the valid files; `read` gets their folder, a folder for output and random numbers.

    `read` must succeed on the valid files. `fixed` are suffixes of files that stay as they are. A kind is left out if
    `package` is not installed. A kind with `threads` starts some that a forked child would lack.
    """

    name: str
    files: Callable[[], Files]
    read: Callable[[Path, Path, random.Random], object]
    fixed: tuple[str, ...] = ()
    package: str | None = None
    threads: bool = False

    @property
    def installed(self) -> bool:
        return self.package is None or find_spec(self.package) is not None

    def changed(self, files: Files, rng: random.Random) -> tuple[str, bytes]:
        """The name of one file, chosen by `rng`, and its changed content."""
        names = [name for name in sorted(files) if PurePath(name).suffix not in self.fixed]
        # Images are fuzzed on their own; in data sets they are mostly left as they are.
        text = [name for name in names if PurePath(name).suffix in _BY_SUFFIX]
        name = rng.choice(text if text and rng.random() < 0.95 else names)
        return name, _BY_SUFFIX.get(PurePath(name).suffix, change_bytes)(files[name], rng)


_KINDS = (
    Kind("voc", seeds.voc, readers.read_dataset),
    Kind("coco", seeds.coco, readers.read_dataset),
    Kind("yolo", seeds.yolo, readers.read_dataset),
    Kind("cvat-yolo", seeds.cvat_yolo, readers.read_dataset),
    Kind("ilsvrc", seeds.ilsvrc, readers.read_dataset),
    Kind("images", seeds.images, readers.read_images),
    Kind("weights", seeds.weights, readers.read_weights),
    Kind("description", seeds.descriptions, readers.read_descriptions),
    Kind("pth", seeds.pth, readers.read_foreign),
    Kind("caffemodel", seeds.caffemodel, readers.read_foreign),
    Kind("tensorflow", seeds.tensorflow, readers.read_tensorflow),
    Kind("onnx", seeds.onnx, readers.read_onnx),
    Kind("tflite", seeds.tflite, readers.read_litert, package="ai_edge_litert"),
    Kind("openvino", seeds.openvino, readers.read_openvino, package="openvino", threads=True),
    Kind("priors", seeds.priors, readers.read_prior_file),
    Kind("recipe", seeds.recipe, readers.read_recipe),
    Kind("run", seeds.run_folder, readers.read_run, fixed=(".pt",)),
    Kind("detections", seeds.detections, readers.read_results, fixed=(".xml", ".jpg")),
    Kind("parquet", seeds.parquet, readers.read_parquet, fixed=(".xml", ".jpg"), package="pyarrow"),
)
KINDS = tuple(kind for kind in _KINDS if kind.installed)
