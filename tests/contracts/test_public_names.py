"""The public names of the package; the documentation uses no others."""

import re
import subprocess
import sys
from inspect import signature
from pathlib import Path

import pytest

import multibox

NAMES = [
    "SSD",
    "DataError",
    "Dataset",
    "DetectBatch",
    "Detections",
    "Detector",
    "Evaluation",
    "Example",
    "InputError",
    "MultiboxError",
    "ProcessError",
    "Recipe",
    "Size",
    "Stopped",
    "StoppedError",
    "TrainingError",
    "UsageError",
    "WeightsError",
    "__version__",
    "evaluate",
    "explain",
    "export",
    "find_recipe",
    "import_weights",
    "join",
    "load_base",
    "load_dataset",
    "load_weights",
    "run_batch",
    "save_weights",
    "ssd",
    "ssd300",
    "ssd512",
    "ssdlite320",
    "train",
]


ROOMS = {"video": ["Frame", "Tracker", "TrackerSettings", "frames"]}
"""Folders that are public, with their names."""


@pytest.mark.parametrize("room", ROOMS)
def test_names_of_rooms_are_as_written_down(room: str) -> None:
    """`__all__` of a public folder against the list above."""
    assert getattr(multibox, room).__all__ == ROOMS[room]


def test_names_are_as_written_down() -> None:
    """`multibox.__all__` and `dir(multibox)` against the list above, which changes only deliberately."""
    assert multibox.__all__ == NAMES == multibox.__dir__()


@pytest.mark.parametrize("name", NAMES)
def test_every_name_can_be_used(name: str) -> None:
    """Each name against an object, imported when it is used."""
    assert getattr(multibox, name) is not None


@pytest.mark.parametrize(
    "name", ["evaluate", "explain", "export", "find_recipe", "import_weights", "load_dataset", "save_weights", "train"]
)
def test_options_are_keywords(name: str) -> None:
    """Parameters with a default are keyword-only."""
    for parameter in signature(getattr(multibox, name)).parameters.values():
        assert parameter.default is parameter.empty or parameter.kind == parameter.KEYWORD_ONLY, parameter


def test_the_docs_name_public_names_only() -> None:
    """Imports and attributes of multibox in README.md and docs against the list above."""
    root = Path(__file__).parents[2]
    used: dict[str, str] = {}
    for page in (root / "README.md", *(root / "docs").glob("*.md")):
        text = page.read_text(encoding="utf-8")
        if page.name == "bases.md":  # shows a new file of the package itself
            text = re.sub(r"from multibox\.models\.\S+ import", "", text)
        used |= dict.fromkeys(re.findall(r"\bmultibox\.([a-zA-Z_]+)(?=[(.`])", text), page.name)
        for imported in re.findall(r"from multibox(\S* import [^\n]+)", text):
            assert imported.startswith(" import "), f"{page.name}: from multibox{imported}"
            used |= dict.fromkeys(re.split(r",\s*", imported.removeprefix(" import ").strip()), page.name)
    assert {name: page for name, page in used.items() if name not in (*NAMES, *ROOMS)} == {}


def test_other_names_do_not_exist() -> None:
    """An unknown name against an AttributeError that repeats it."""
    with pytest.raises(AttributeError, match="'multibox' has no attribute 'ssd301'"):
        multibox.ssd301  # noqa: B018


def test_importing_the_package_is_light() -> None:
    """`import multibox` in a new interpreter against no imported large package."""
    code = (
        "import sys, multibox; print([m for m in ('torch', 'numpy', 'cv2', 'pydantic', 'typer') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_parameters_of_the_models() -> None:
    """Parameters of the models: class names first, everything else keyword-only."""
    assert str(signature(multibox.ssd300)).startswith(
        "(class_names: collections.abc.Sequence[str], *, backbone: str = 'vgg16', dataset: str = 'voc', "
        "batch_norm: bool = False)"
    )
    for build in (multibox.ssd300, multibox.ssd512, multibox.ssdlite320):
        kinds = [p.kind.name for p in signature(build).parameters.values()]
        assert kinds[0] == "POSITIONAL_OR_KEYWORD"
        assert set(kinds[1:]) <= {"KEYWORD_ONLY"}
