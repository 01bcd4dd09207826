"""Training with a compiled network on a CUDA device. Compiling takes a minute, so this file runs first."""

from dataclasses import replace
from pathlib import Path

from cuda_device import NEEDS_CUDA, exact_float32
from cuda_training import assert_close, make_run
from tiny_training import LOOP, train

pytestmark = NEEDS_CUDA


def test_compiled(tmp_path: Path) -> None:
    """Six steps of the compiled network against the network itself."""
    with exact_float32():
        plain, compiled = make_run(), make_run(loop=replace(LOOP, compile=True))
        for name, run in (("plain", plain), ("compiled", compiled)):
            (tmp_path / name).mkdir()
            train(run, tmp_path / name)
    assert_close(compiled, plain, rtol=1e-2, atol=1e-4)
