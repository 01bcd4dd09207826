"""The notebook: its cells run in order, in a fresh process, with a shorter training."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("onnx")
pytest.importorskip("PIL")

NOTEBOOK = Path(__file__).parents[2] / "examples" / "own_data.ipynb"
STEPS, FEW = "steps = 300", "steps = 4"


def program() -> str:
    """The code cells as one program; lines that start with ! run a command of multibox."""
    lines = []
    for cell in json.loads(NOTEBOOK.read_text("utf-8"))["cells"]:
        if cell["cell_type"] != "code" or "install" in cell["metadata"].get("tags", []):
            continue
        for line in "".join(cell["source"]).splitlines():
            command = line.removeprefix("!multibox ")
            lines.append(
                line if command == line else f"assert __import__('multibox.cli').cli.main({command.split()}) == 0"
            )
    return "\n".join(lines)


def test_the_notebook_runs(tmp_path: Path) -> None:
    """The last cell's file, and the output of the cells before it."""
    source = program()
    assert source.count(STEPS) == 1
    shorter = source.replace(STEPS, FEW).replace('"train", 120', '"train", 12')
    run = subprocess.run([sys.executable, "-c", shorter], cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stderr
    assert "ok (0 errors" in run.stdout
    assert "AP " in run.stdout
    assert (tmp_path / "shapes.onnx").stat().st_size > 100_000


def test_the_notebook_holds_no_results() -> None:
    """Outputs and counts are empty, so that changes of the notebook are readable."""
    document = json.loads(NOTEBOOK.read_text("utf-8"))
    code = [cell for cell in document["cells"] if cell["cell_type"] == "code"]
    assert [cell["outputs"] for cell in code] == [[]] * len(code)
    assert (document["nbformat"], len({cell["id"] for cell in document["cells"]})) == (4, len(document["cells"]))
