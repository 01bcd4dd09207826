"""Exit code 1 and one line for a path that does not exist, in every command that reads one."""

import pytest

from contracts.test_command_line import COMMANDS
from multibox.cli import main

W = "absent/w.safetensors"
CASES = {
    "analyze": ["--data absent/d --out o lite320-animals", f"--data . --out o {W}"],
    "batch": ["absent/d --out o"],
    "bench augment": ["--data absent/d"],
    "bench detect": [f"--weights {W}"],
    "bench table7": [f"--weights {W}"],
    "bench train": ["quick --data absent/d"],
    "data check": ["absent/d"],
    "data convert": ["absent/d --to coco --out o"],
    "data show": ["absent/d --out o.png"],
    "data split": ["absent/d --out o"],
    "detect": ["absent/a.jpg", "absent/*.jpg", f". --weights {W}", "photo.jpg --weights absent/m.onnx"],
    "evaluate": [f"{W} --data .", "--data absent/d --detections d.json", "lite320-animals --data absent/d"],
    "explain": ["absent/a.jpg --out o", f"photo.jpg --out o --weights {W}"],
    "export": [f"{W} --format onnx", "lite320-animals --format web --runtime absent/r"],
    "priors cover": ["absent/d", f". --weights {W}", ". --priors absent/p.json"],
    "priors fit": ["absent/d --out p.json"],
    "priors show": [f"--weights {W}", "--priors absent/p.json"],
    "reproduce": ["figure3 --data absent/d --out o"],
    "serve": [W, "--token absent/t", "--media absent/m"],
    "train": ["quick --data absent/d --out o"],
    "weights import": ["absent/w.pth --out o.safetensors"],
    "weights push": [f"{W} hf://a/b"],
    "weights remap": [f"{W} --out o.safetensors --class-names a"],
}
WITHOUT_PATHS = {"", "bench", "data", "demo", "priors", "weights", "weights list"}
PACKAGES = {"serve": "fastapi", "batch": "pyarrow", "weights push": "huggingface_hub"}


@pytest.fixture
def folder(tmp_path, monkeypatch: pytest.MonkeyPatch):
    """An empty working folder with one photograph."""
    from tiny_detector import noise_image, write_image

    write_image(tmp_path / "photo.jpg", noise_image(seed=1))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(("command", "words"), [(name, words) for name, cases in CASES.items() for words in cases])
def test_a_path_that_does_not_exist_fails(folder, capsys: pytest.CaptureFixture[str], command: str, words: str):
    """The exit code against 1, and standard error against lines without a traceback."""
    if command in PACKAGES:
        pytest.importorskip(PACKAGES[command], reason="the command needs the package")
    code = main([*command.split(), *words.split()])
    captured = capsys.readouterr()
    assert (code, captured.out) == (1, "")
    assert captured.err.splitlines()[-1].startswith("multibox: ")
    assert "Traceback" not in captured.err


def test_every_command_has_a_case():
    """The commands above against those of the program."""
    assert set(CASES) | WITHOUT_PATHS == set(COMMANDS)
