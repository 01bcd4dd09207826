"""Fixtures: the command run in this process, weights of a tiny detector, and a folder of images."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from multibox.cli import main
from multibox.weights.file import save_weights
from tiny_detector import noise_image, tiny_model, write_image


@dataclass(frozen=True)
class Outcome:
    """Exit code and the two outputs of one command."""

    code: int
    out: str
    err: str


Command = Callable[..., Outcome]


@pytest.fixture
def multibox(capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs `multibox` with the given arguments, and checks each time that no traceback is printed.

    Environment variables that the command sets for its process do not reach other tests.
    """

    def run(*words: object) -> Outcome:
        before = dict(os.environ)
        code = main([str(word) for word in words])
        for name in os.environ.keys() - before.keys():
            del os.environ[name]
        os.environ.update(before)
        captured = capsys.readouterr()
        assert "Traceback" not in captured.out + captured.err
        return Outcome(code, captured.out, captured.err)

    return run


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    save_weights(path, tiny_model(), info={"recipe": "none"})
    return path


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder of two images, one JPEG of 160 x 120 and one PNG of 90 x 200."""
    write_image(tmp_path / "photos" / "a.jpg", noise_image(seed=1))
    write_image(tmp_path / "photos" / "b.png", noise_image(seed=2, width=90, height=200))
    return tmp_path / "photos"
