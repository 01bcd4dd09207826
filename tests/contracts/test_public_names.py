"""The names of the package, on which people's code depends: they grow on purpose only."""

import subprocess
import sys
from inspect import signature

import pytest

import multibox

NAMES = [
    "SSD",
    "Dataset",
    "Detections",
    "Detector",
    "Example",
    "__version__",
    "evaluate",
    "load_dataset",
    "ssd300",
    "ssd512",
    "ssdlite320",
    "train",
]


def test_names_are_as_written_down() -> None:
    """`multibox.__all__` and `dir(multibox)` against the list above."""
    assert multibox.__all__ == NAMES == multibox.__dir__()


@pytest.mark.parametrize("name", NAMES)
def test_every_name_can_be_used(name: str) -> None:
    """Each name leads to something, imported when it is asked for."""
    assert getattr(multibox, name) is not None


def test_other_names_do_not_exist() -> None:
    """Any other name is an AttributeError that repeats it."""
    with pytest.raises(AttributeError, match="'multibox' has no attribute 'ssd301'"):
        multibox.ssd301  # noqa: B018


def test_importing_the_package_is_light() -> None:
    """`import multibox` in a fresh interpreter brings in none of the large packages."""
    code = (
        "import sys, multibox; print([m for m in ('torch', 'numpy', 'cv2', 'pydantic', 'typer') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_parameters_of_the_models() -> None:
    """How models are asked for: class names first, everything else by keyword."""
    assert str(signature(multibox.ssd300)).startswith(
        "(class_names: collections.abc.Sequence[str], *, backbone: str = 'vgg16', dataset: str = 'voc', "
        "batch_norm: bool = False)"
    )
    for build in (multibox.ssd300, multibox.ssd512, multibox.ssdlite320):
        kinds = [p.kind.name for p in signature(build).parameters.values()]
        assert kinds[0] == "POSITIONAL_OR_KEYWORD"
        assert set(kinds[1:]) <= {"KEYWORD_ONLY"}
