"""A model compiled with torch.compile, against the model itself.

Runs in a separate process, because the compiler cannot trace the type checks that the tests add to every function.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CODE = """
from copy import deepcopy
from engine_cases import Tolerance, agreement, busy_image, empty_image, small_thing_image, steady_model
from multibox.detection.detector import Detector
from multibox.detection.engines.torch import TorchEngine

model = steady_model()
compiled = deepcopy(model)
compiled.base.compile(dynamic=True)
images = [busy_image(seed=1), empty_image(), small_thing_image(seed=2), busy_image(seed=3), empty_image()]
for size in (1, 5):
    wanted = Detector(TorchEngine(model))(images, batch_size=size)
    found = Detector(TorchEngine(compiled))(images, batch_size=size)
    for one, other in zip(found, wanted, strict=True):
        assert len(one) == len(other)
        assert len(one) == 0 or agreement(one, other, tolerance=Tolerance(2e-4, 0.999, 0.99)) >= 0.99
    print(size, [len(one) for one in found])
"""


@pytest.mark.skipif(shutil.which("c++") is None, reason="torch.compile needs a C++ compiler, and there is none")
def test_compiled_detections_are_the_models() -> None:
    """Detections in batches of 1 and 5, images full and empty, compiled against not compiled."""
    tests = str(Path(__file__).parents[2])
    places = os.pathsep.join(filter(None, [tests, os.environ.get("PYTHONPATH")]))
    done = subprocess.run(
        [sys.executable, "-c", CODE],
        capture_output=True,
        text=True,
        timeout=400,
        env={**os.environ, "PYTHONPATH": places},
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["1", "5"]
