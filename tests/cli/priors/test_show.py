"""`multibox priors show`: the official boxes, as JSON and as text."""

import json

import numpy as np
import pytest

from shared_data import shared


@pytest.mark.parametrize(
    ("words", "count", "first"),
    [
        (["--model", "ssd300"], 8732, [4 / 300, 4 / 300, 0.1, 0.1]),
        (["--model", "ssd300", "--sizes", "coco"], 8732, [4 / 300, 4 / 300, 0.07, 0.07]),
        (["--model", "ssd512"], 24564, [4 / 512, 4 / 512, 0.07, 0.07]),
        (["--model", "ssd512", "--sizes", "coco"], 24564, [4 / 512, 4 / 512, 0.04, 0.04]),
        (["--model", "ssdlite320"], 3234, [8 / 320, 8 / 320, 0.2, 0.2]),
    ],
)
def test_json_counts_and_first_prior(multibox, words: list[str], count: int, first: list[float]):
    """Number of priors and the first one against the paper's counts and values worked out by hand."""
    outcome = multibox("priors", "show", *words, "--json")
    assert (outcome.code, outcome.err) == (0, "")
    shown = json.loads(outcome.out)
    assert shown["count"] == len(shown["priors"]) == count
    np.testing.assert_allclose(shown["priors"][0], first, atol=1e-7)


def test_json_equals_the_official_priors(multibox):
    """All 8732 priors of SSD300 for VOC against the official code's corners, in order."""
    corners = np.load(shared("reference/official/priors.npz"))["voc300"]
    shown = np.array(json.loads(multibox("priors", "show", "--json").out)["priors"])
    np.testing.assert_allclose(shown[:, :2] - shown[:, 2:] / 2, corners[:, :2], atol=1e-6)
    np.testing.assert_allclose(shown[:, :2] + shown[:, 2:] / 2, corners[:, 2:], atol=1e-6)


def test_the_table_has_a_line_for_each_map(multibox):
    """The table of SSD300 against the six maps of the paper and their counts."""
    lines = multibox("priors", "show").out.splitlines()
    assert lines[0].startswith("8732 priors of ssd300 at 300 x 300")
    assert [line.split()[-1] for line in lines[-6:]] == ["5776", "2166", "600", "150", "36", "4"]
    assert [line.split()[1] for line in lines[-6:]] == ["38", "19", "10", "5", "3", "1"]


def test_unknown_names_are_wrong_use(multibox):
    """An unknown model and an unknown data set against exit code 2 and the list of known names."""
    outcome = multibox("priors", "show", "--model", "yolo")
    assert (outcome.code, outcome.out) == (2, "")
    assert "'ssd300', 'ssd512', 'ssdlite320'" in outcome.err
    assert multibox("priors", "show", "--sizes", "imagenet").code == 2
