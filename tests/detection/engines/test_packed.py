"""The packed engine on a processor without instructions for bfloat16."""

from pathlib import Path

import pytest

from multibox.bench.detect import candidates
from multibox.detection.engines.load import load_engine
from multibox.detection.engines.packed import can_pack
from multibox.errors import UsageError
from multibox.weights.file import save_weights
from tiny_detector import tiny_model

pytestmark = pytest.mark.skipif(not can_pack(), reason="this build of PyTorch has no oneDNN")


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A weight file, on a processor without the instructions."""
    for module in ("multibox.system.device", "multibox.detection.engines.packed"):
        monkeypatch.setattr(f"{module}.onednn_has_bfloat16", lambda: False)
    save_weights(tmp_path / "tiny.safetensors", tiny_model())
    return tmp_path / "tiny.safetensors"


def test_bfloat16_is_refused_in_one_line(weights: Path):
    """The packed engine with bf16 against an error that names the instructions and the choices."""
    with pytest.raises(UsageError, match=r"'bf16' of engine 'packed' needs .* AVX-512 .*: choose fp32"):
        load_engine(weights, device="cpu", engine="packed", precision="bf16")


def test_defaults_avoid_it(weights: Path):
    """The engine for bf16 and the candidates of a benchmark against those without the packed engine in bf16."""
    description = load_engine(weights, device="cpu", precision="bf16").engine.config.description
    assert "packed" not in description
    assert "bf16" in description
    assert [candidate.precision for candidate in candidates(str(weights), engine="packed")] == ["fp32"]
