"""A detector in threads, pickles, copies and forked children has the same results as alone, with every engine."""

import copy
import os
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import numpy as np
import pytest

from engine_cases import busy_image, small_thing_image, steady_model
from every_engine import CASES, Engines
from multibox.detection.detector import Detector
from multibox.detections import Detections

THREADS = 6


@pytest.fixture(scope="module")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Engines:
    return Engines(steady_model(), tmp_path_factory.mktemp("engines"))


@pytest.fixture(params=CASES)
def detector(request: pytest.FixtureRequest, engines: Engines) -> Detector:
    """A detector that has not been used yet."""
    return Detector(engines.fresh(request.param), batch_size=2)


IMAGES = [busy_image(seed=1), small_thing_image(seed=2), busy_image(seed=3), small_thing_image(seed=4)]


def same(found: Detections, expected: Detections) -> bool:
    return np.array_equal(found.scores, expected.scores) and np.array_equal(found.boxes, expected.boxes)


def test_threads_get_what_they_get_alone(detector: Detector):
    """Six threads with single images and lists of images, from the first use on, against one thread afterwards."""
    barrier = Barrier(THREADS)

    def work(thread: int) -> tuple[list[tuple[int, Detections]], list[list[Detections]]]:
        barrier.wait(60)
        order = [(thread + k) % len(IMAGES) for k in range(len(IMAGES))]
        return [(i, detector(IMAGES[i])) for i in order], [detector(IMAGES)]

    with ThreadPoolExecutor(THREADS) as pool:
        found = list(pool.map(work, range(THREADS)))
    alone, together = [detector(image) for image in IMAGES], detector(IMAGES)
    assert not same(alone[0], alone[2])
    for singles, lists in found:
        assert all(same(one, alone[i]) for i, one in singles)
        assert all(same(one, wanted) for many in lists for one, wanted in zip(many, together, strict=True))


def test_pickles_and_copies_detect_the_same(detector: Detector):
    """A detector from a pickle, and a deep copy, before and after the first use, against the detector."""
    detector.info = {"score": 0.5}
    early = [pickle.loads(pickle.dumps(detector)), copy.deepcopy(detector)]
    expected = detector(IMAGES)
    late = [pickle.loads(pickle.dumps(detector)), copy.deepcopy(detector)]
    for other in (*early, *late):
        assert (other.info, other.batch_size, other.class_names) == (detector.info, 2, detector.class_names)
        assert all(same(one, wanted) for one, wanted in zip(other(IMAGES), expected, strict=True))


FORK = """
import os, pickle, sys
import numpy as np
import torch
from multibox.detection.detector import Detector
from multibox.errors import MultiboxError

torch.set_num_threads(2)
image = np.random.default_rng(0).integers(0, 255, (200, 200, 3), dtype=np.uint8)
engine, source, used, child_loads = sys.argv[1], sys.argv[2], sys.argv[3] == "used", sys.argv[4] == "child"
detector = Detector.load(source, engine=engine, device="cpu")
torch.ones(2000, 2000).exp().sum()
wanted = len(detector([image] * 3)) if used else 3
child = os.fork()
if child == 0:
    try:
        detector = Detector.load(source, engine=engine, device="cpu") if child_loads else detector
        code = 0 if len(detector([image] * 3)) == wanted else 4
    except MultiboxError as error:
        code = 3 if "forked" in str(error) else 5
    os._exit(code)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def forked(*arguments: str | Path) -> int:
    """The exit code of the child: 0 it detects, 3 one line about the fork."""
    done = subprocess.run(
        [sys.executable, "-c", FORK, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
        env={**os.environ, "OMP_NUM_THREADS": "2"},
    )
    return int(done.stdout)


@pytest.mark.parametrize("engine", ["torch", "packed"])
@pytest.mark.parametrize("use", ["used", "fresh"])
def test_a_forked_child_detects(engine: str, use: str):
    """A detector in PyTorch that the parent loaded, with and without use there, against a child that ends."""
    assert forked(engine, "lite320-animals", use, "parent") == 0


def test_a_forked_child_says_that_an_engine_does_not_work(engines: Engines):
    """A detector in ONNX Runtime and OpenVINO that the parent loaded against one line, not a child that hangs."""
    engines.fresh("onnxruntime")
    assert forked("onnxruntime", engines.folder / "whole.onnx", "used", "parent") == 3
    engines.fresh("openvino")
    assert forked("openvino", engines.folder / "whole.onnx", "used", "parent") == 3


@pytest.mark.parametrize("engine", ["packed", "onnxruntime", "openvino"])
def test_a_forked_child_loads_its_own(engine: str, engines: Engines):
    """A detector that the child loads after the parent used one of the same kind against a child that ends."""
    engines.fresh("onnxruntime")
    source = "lite320-animals" if engine == "packed" else engines.folder / "whole.onnx"
    assert forked(engine, source, "used", "child") == 0
