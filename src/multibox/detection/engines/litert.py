"""An exported detector in LiteRT, the runtime of .tflite files on small devices."""

from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from multibox.array_nms import ArraySelection
from multibox.detection.engines.engine import Loaded
from multibox.detection.engines.exported import Arrays, OutputReader, exported_config, join_outputs, split_batch
from multibox.detection.engines.graph import Port, check_graph
from multibox.detection.engines.tflite_file import DESCRIPTION, read_metadata
from multibox.errors import UsageError, WeightsError
from multibox.system.fork import keep_in_children
from multibox.system.pool import Pool
from multibox.system.threads import engine_threads
from multibox.weights.exported import INPUT, KEY, OUTPUTS_OF_END, Exported
from multibox.weights.model_file import check_model_file
from multibox.words import pip_install

_SIGNATURE = "serving_default"
_ADVICE = "export it again"


class LiteRtEngine:
    """Runs a file of `export_litert`, with `engine_threads` threads.

    Any number of threads may use it: each call uses a separate interpreter. It does not work in a process forked from
    the one that made it. A pickle holds the whole model.

    Raises UsageError if the package is missing, WeightsError if the content is not a detector of multibox.
    """

    def __init__(self, content: bytes, *, path: Path | str) -> None:
        self._content, self._path = content, path
        self.exported = Exported.from_text(read_metadata(content, KEY, path=path), path=path)
        self._runners: Pool[Any] = Pool(self._new_runner)
        with self._runners.lend() as runner:
            check_graph(self.exported, _ports(runner, OUTPUTS_OF_END[self.exported.end], path=path), path=path)
        description = f"LiteRT {version('ai-edge-litert')}, {self.exported.precision}"
        self.config = exported_config(self.exported, description)
        keep_in_children(self)
        self._read = OutputReader(self.exported)

    def forward(self, batch: UInt8[np.ndarray, "b h w 3"]) -> Arrays:
        """The model's outputs: those of its end."""
        assert self.exported.batch is not None
        outputs = [self._run(part) for part in split_batch(batch, size=self.exported.batch)]
        return join_outputs(outputs, count=len(batch))

    def _run(self, batch: UInt8[np.ndarray, "b h w 3"]) -> Arrays:
        try:
            with self._runners.lend() as runner:
                found = runner(**{INPUT: batch})
        except (ValueError, RuntimeError) as problem:
            raise failed("run", self._path, problem, advice=_ADVICE) from None
        return tuple(found[name] for name in OUTPUTS_OF_END[self.exported.end])

    def _new_runner(self) -> Any:
        interpreter = open_interpreter(self._content, path=self._path, advice=_ADVICE)
        try:
            return interpreter.get_signature_runner(_SIGNATURE)
        except (ValueError, RuntimeError) as problem:
            raise failed("load", self._path, problem, advice=_ADVICE) from None

    def postprocess(self, outputs: Arrays) -> list[ArraySelection]:
        """Detections of each image."""
        return self._read(outputs)

    def __reduce__(self) -> tuple[Any, ...]:
        return _from_content, (self._content, self._path)


def load(source: Path | str, *, device: str | None, precision: str | None) -> Loaded:
    """Load a .tflite file; it has its own precision. Files of other programs select their detections themselves."""
    path = Path(source)
    check_model_file(path)
    content = path.read_bytes()
    if DESCRIPTION not in content:
        from multibox.detection.engines.litert_postprocess import PostprocessedLiteRtEngine

        _import_runtime()
        return Loaded(PostprocessedLiteRtEngine(path), {"file": path.name})
    engine = LiteRtEngine(content, path=path)
    return Loaded(engine, engine.exported.info)


def open_interpreter(content: bytes, *, path: Path | str, advice: str, threads: int | None = None) -> Any:
    """An interpreter with its memory, with `engine_threads` threads unless a number is given.

    Raises WeightsError with the advice if the model cannot run.
    """
    try:
        interpreter = _import_runtime().Interpreter(model_content=content, num_threads=threads or engine_threads())
        interpreter.allocate_tensors()
    except (ValueError, RuntimeError) as problem:
        raise failed("load", path, problem, advice=advice) from None
    return interpreter


def failed(verb: str, path: Path | str, problem: Exception | str, *, advice: str) -> WeightsError:
    """The error for a model that LiteRT refuses, with the first line of its reason."""
    reason = (str(problem).strip().splitlines() or ["no reason"])[0][:200]
    return WeightsError(f"LiteRT cannot {verb} {path} ({reason}): {advice}")


def _from_content(content: bytes, path: Path | str) -> LiteRtEngine:
    """The engine of a pickle."""
    return LiteRtEngine(content, path=path)


def _ports(runner: Any, names: tuple[str, ...], *, path: Path | str) -> dict[str, Port]:
    """Types and shapes of the signature; outputs come in the order of their names."""
    inputs, outputs = runner.get_input_details(), runner.get_output_details()
    ordered = [name for name in names if name in outputs] + [name for name in outputs if name not in names]
    details = {**inputs, **{name: outputs[name] for name in ordered}}
    return {
        name: Port(np.dtype(detail["dtype"]).name, tuple(int(side) for side in detail["shape"]))
        for name, detail in details.items()
    }


def _import_runtime() -> Any:
    try:
        from ai_edge_litert import interpreter
    except ImportError:
        raise UsageError(f"LiteRT is not installed: {pip_install('ai-edge-litert')}") from None
    return interpreter
