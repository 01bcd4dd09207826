"""Training with a compiled network, against the network itself.

Runs in a separate process, because the compiler cannot trace the type checks that the tests add to every function.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CODE = """
import functools
import tempfile
from dataclasses import replace
from pathlib import Path
import numpy as np
import torch
from torch._dynamo.utils import counters
from multibox.detection.detector import Detector
from multibox.models.fixed_norms import fold_fixed_norms
from multibox.models.mixed import use_mixed_convolutions
from tiny_training import LOOP, make_run, stream, train

# All that decides over compiling again comes before the code is generated, which would take a minute.
torch.compile = functools.partial(torch.compile, backend="aot_eager")

def batches():
    for number, batch in enumerate(stream()):
        if number:  # the first step has compiled all there is to compile
            torch.compiler.set_stance("fail_on_recompile")
        if number % 2:  # padding to another number of objects
            none = torch.zeros(4, 2, dtype=torch.bool)
            batch = replace(
                batch,
                boxes=torch.cat([batch.boxes, torch.zeros(4, 2, 4)], dim=1),
                labels=torch.cat([batch.labels, -torch.ones(4, 2, dtype=torch.int64)], dim=1),
                valid=torch.cat([batch.valid, none], dim=1),
                difficult=torch.cat([batch.difficult, none], dim=1),
            )
        yield batch

def finished(config, folder):
    run = make_run(iterations=6, loop=config, batch_norm=False, rate=0.001)
    folder.mkdir()
    detect = lambda model: float(len(Detector(model)(np.zeros((64, 64, 3), np.uint8))))
    train(run, folder, batches=batches(), validate=detect)
    torch.compiler.set_stance("default")
    return run.model.state_dict()

with tempfile.TemporaryDirectory() as root:
    config = replace(LOOP, validate_every=2)
    plain = finished(config, Path(root) / "plain")
    compiled = finished(replace(config, compile=True), Path(root) / "compiled")
assert plain.keys() == compiled.keys()
for name, value in plain.items():
    torch.testing.assert_close(compiled[name], value, rtol=1e-3, atol=1e-5, msg=lambda text, at=name: f"{at}: {text}")
print("graphs", counters["stats"]["unique_graphs"])

layers = torch.nn.Conv2d(8, 8, 3, groups=8), torch.nn.BatchNorm2d(8), torch.nn.ReLU6()
fixed = torch.nn.Sequential(*layers).eval()
use_mixed_convolutions(fixed)
folded, x = fold_fixed_norms(fixed), torch.randn(2, 8, 9, 9)
torch.testing.assert_close(torch.compile(folded, fullgraph=True)(x), fixed(x))
"""


PATHS = [str(Path(__file__).parents[1]), *filter(None, [os.environ.get("PYTHONPATH")])]


@pytest.mark.skipif(shutil.which("c++") is None, reason="torch.compile needs a C++ compiler, and there is none")
def test_a_compiled_network_learns_the_same_and_compiles_once() -> None:
    """Six steps with validations in between, compiled against not; nothing is compiled after the first step."""
    done = subprocess.run(
        [sys.executable, "-c", CODE],
        capture_output=True,
        text=True,
        timeout=1200,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(PATHS), "OMP_NUM_THREADS": "1"},
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.strip() == "graphs 1"
