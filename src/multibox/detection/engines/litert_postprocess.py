"""A detector of another program in LiteRT: a .tflite file that ends with TFLite_Detection_PostProcess.

The file computes its detections itself, so its own settings count: thresholds, number of detections, and whether
suppression is by class ("regular") or over all classes ("fast").
"""

from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Shaped, UInt8

from multibox.array_nms import ArraySelection
from multibox.detection.engines.engine import EngineConfig
from multibox.detection.engines.exported import Arrays, join_outputs
from multibox.detection.engines.litert import failed, open_interpreter
from multibox.errors import WeightsError
from multibox.output_rules import OutputRules
from multibox.priors import PriorSpec
from multibox.system.fork import keep_in_children
from multibox.system.pool import Pool
from multibox.weights.origins.tensorflow.postprocessed import Postprocessed, read_postprocessed

_TYPES = ("uint8", "int8", "float32")
_SIGNED = 128
_ADVICE = "import it as weights, with another engine"


class PostprocessedLiteRtEngine:
    """Runs a file that selects its detections, one image at a time, with one thread for each call.

    Any number of threads may use it: each call uses a separate interpreter. It does not work in a process forked from
    the one that made it. A pickle holds the path of the file. Detections do not know their priors, which are -1.

    Raises UsageError if the package is missing, WeightsError if the file is not such a detector.
    """

    def __init__(self, path: Path) -> None:
        self._path = path.absolute()
        self._found: Postprocessed = read_postprocessed(path)
        self._content = path.read_bytes()
        self._interpreters: Pool[Any] = Pool(self._new_interpreter)
        with self._interpreters.lend() as interpreter:
            self._type = _checked_type(interpreter, self._found, path=path)
        description = f"LiteRT {version('ai-edge-litert')}, {path.name} with its own postprocessing"
        rules = OutputRules(PriorSpec(self._found.input_size, ()), detection=self._found.detection)
        self.config = EngineConfig(description, self._found.class_names, rules, survives_fork=False)
        keep_in_children(self)

    def _new_interpreter(self) -> Any:
        """With two threads, LiteRT 2.3.0 loses the best detections of some classes in suppression by class."""
        return open_interpreter(self._content, path=self._path, advice=_ADVICE, threads=1)

    def forward(self, batch: UInt8[np.ndarray, "b h w 3"]) -> Arrays:
        """Boxes (b, n, 4) with y first, classes (b, n), scores (b, n) and the number of filled rows (b, 1)."""
        values = self._input(batch)
        with self._interpreters.lend() as interpreter:
            outputs = [self._run(interpreter, values[i : i + 1]) for i in range(len(values))]
        return join_outputs(outputs, count=len(batch))

    def postprocess(self, outputs: Arrays) -> list[ArraySelection]:
        """Detections of each image."""
        return [self._selection(*image) for image in zip(*outputs, strict=True)]

    def _input(self, batch: UInt8[np.ndarray, "b h w 3"]) -> Shaped[np.ndarray, "b h w 3"]:
        """The pixels as the input takes them; a signed one takes them with 128 subtracted."""
        if self._type == "uint8":
            return batch
        if self._type == "int8":
            return (batch.astype(np.int16) - _SIGNED).astype(np.int8)
        mean, std = (np.array(one, dtype=np.float32) for one in (self._found.mean, self._found.std))
        return (batch.astype(np.float32) - mean) / std

    def _run(self, interpreter: Any, values: Shaped[np.ndarray, "1 h w 3"]) -> Arrays:
        details = interpreter.get_output_details()
        try:
            interpreter.set_tensor(interpreter.get_input_details()[0]["index"], values)
            interpreter.invoke()
            found = (interpreter.get_tensor(details[at]["index"]) for at in self._found.outputs)
            boxes, *others, count = (array.reshape(1, -1) for array in found)
            return boxes.reshape(1, -1, 4), *others, count[:, :1]
        except (ValueError, RuntimeError) as problem:
            raise failed("run", self._path, problem, advice=_ADVICE) from None

    def _selection(
        self, boxes: np.ndarray, classes: np.ndarray, scores: np.ndarray, count: np.ndarray
    ) -> ArraySelection:
        """The filled rows, best first, with x first and clipped to the image."""
        filled = min(max(int(np.nan_to_num(count.sum())), 0), len(scores))
        rows, labels, values = boxes[:filled], classes[:filled], scores[:filled]
        if len(rows) < filled or len(labels) < filled:
            raise failed("run", self._path, "its results have different lengths", advice=_ADVICE)
        if filled and not 0 <= labels.min() <= labels.max() < len(self._found.class_names):
            raise failed("run", self._path, f"it finds classes {labels.min():g} to {labels.max():g}", advice=_ADVICE)
        sound = np.isfinite(rows).all(axis=1) & np.isfinite(values)
        order = np.flatnonzero(sound)[np.argsort(-values[sound], kind="stable")]
        clipped = rows[order][:, [1, 0, 3, 2]].clip(0, 1)
        priors = np.full(len(order), -1, dtype=np.int64)
        return ArraySelection(clipped, values[order], labels[order].astype(np.int64), priors)

    def __reduce__(self) -> tuple[Any, ...]:
        return PostprocessedLiteRtEngine, (self._path,)


def _checked_type(interpreter: Any, found: Postprocessed, *, path: Path) -> str:
    """NumPy's name of the input's type. Raises WeightsError for an input that is no image."""
    details = interpreter.get_input_details()
    kinds = [np.dtype(detail["dtype"]).name for detail in details]
    shapes = [tuple(int(side) for side in detail["shape"]) for detail in details]
    if shapes != [(1, *found.input_size, 3)] or kinds[0] not in _TYPES:
        raise WeightsError(
            f"{path} takes {kinds[:3]} of the shapes {shapes[:3]}, not one image of {' or '.join(_TYPES)}: {_ADVICE}"
        )
    return kinds[0]
