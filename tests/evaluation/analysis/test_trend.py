"""Figure 3's numbers: against loops over ranks, and by hand."""

from math import ceil

import numpy as np
import pytest

from error_cases import ALIKE, one_of_each
from evaluation_cases import a_dataset, an_example, noisy_scenes, some_detections
from multibox.evaluation.analysis.kinds import Diagnosis, Kind, diagnose
from multibox.evaluation.analysis.trend import COUNTS, MULTIPLES, SHARES, trend
from oracles.hoiem import recall_at

PLACE = {"duplicate": "localization"}


def ranks(diagnosis: Diagnosis, label: int) -> list[int]:
    """Detections of a class that are not ignored, highest score first, by sorting pairs."""
    mine = [n for n, kind in enumerate(diagnosis.kind) if diagnosis.labels[n] == label and kind != Kind.IGNORED]
    return sorted(mine, key=lambda n: (-diagnosis.scores[n], n))


def share(diagnosis: Diagnosis, n: int) -> int:
    title = Kind(diagnosis.kind[n]).title
    return SHARES.index(PLACE.get(title, title))


@pytest.mark.parametrize("seed", range(3))
def test_shares_and_recall_at_every_multiple(seed: int) -> None:
    """Random scenes: the best k N of each class, one after another, and the share of objects detected among them."""
    dataset, detections = noisy_scenes(np.random.default_rng(seed), images=40, grid=False)
    diagnosis = diagnose(dataset, detections=detections, similar=ALIKE)
    numbers = trend(diagnosis, labels=[0, 2])
    objects = {label: diagnosis.num_objects[label] for label in (0, 2)}
    assert numbers.mean_objects == sum(objects.values()) / 2
    for row, multiple in enumerate(MULTIPLES):
        if all(len(ranks(diagnosis, label)) < multiple * count for label, count in objects.items()):
            assert np.isnan(numbers.shares[row]).all()
            assert np.isnan(numbers.recall[row])
            continue
        top = {label: ranks(diagnosis, label)[: ceil(multiple * count)] for label, count in objects.items()}
        counts = [0] * 5
        for n in (n for members in top.values() for n in members):
            counts[share(diagnosis, n)] += 1
        np.testing.assert_allclose(numbers.shares[row], np.array(counts) / sum(counts))
        recalls = [sum(diagnosis.kind[n] == 0 for n in top[label]) / count for label, count in objects.items()]
        assert numbers.recall[row] == pytest.approx(sum(recalls) / 2)
        assert numbers.loose_recall[row] >= numbers.recall[row]


def test_shares_of_false_positives() -> None:
    """Random scenes: false positives of the classes ordered by rank, counted among the first 25, 30, ..."""
    dataset, detections = noisy_scenes(np.random.default_rng(5), images=60, grid=False)
    diagnosis = diagnose(dataset, detections=detections, similar=ALIKE)
    orders = [ranks(diagnosis, label) for label in (0, 1, 2)]
    dealt = [order[rank] for rank in range(max(map(len, orders))) for order in orders if rank < len(order)]
    wrong = [share(diagnosis, n) for n in dealt if diagnosis.kind[n] != Kind.CORRECT]
    numbers = trend(diagnosis, labels=[0, 1, 2])
    assert len(wrong) > COUNTS[2]
    for row, count in enumerate(COUNTS):
        if count > len(wrong):
            assert np.isnan(numbers.wrong[row]).all()
        else:
            expected = [wrong[:count].count(kind) / count for kind in (1, 2, 3, 4)]
            np.testing.assert_allclose(numbers.wrong[row], expected)


@pytest.mark.parametrize("seed", range(4))
def test_both_recalls_are_those_of_the_authors_program(seed: int) -> None:
    """Scenes with many duplicates against loops over the ranking, which have the program's own matching."""
    dataset, detections = noisy_scenes(np.random.default_rng(seed), images=40, grid=True)
    numbers = trend(diagnose(dataset, detections=detections, similar=ALIKE), labels=[0, 1, 2])
    for row, multiple in enumerate(MULTIPLES):
        if np.isnan(numbers.recall[row]):
            continue
        for found, threshold, weak in ((numbers.recall, 0.5, False), (numbers.loose_recall, 0.1, True)):
            expected = [
                recall_at(dataset, detections, label=label, multiple=multiple, iou_threshold=threshold, weak=weak)
                for label in (0, 1, 2)
            ]
            assert found[row] == pytest.approx(np.mean(expected))


def test_duplicates_do_not_delay_the_weak_recall() -> None:
    """Four objects, the first one found four times before the others: at N detections the dashed recall is 1."""
    cells = [[100 * x, 0, 100 * x + 80, 80] for x in range(4)]
    found = [cells[0]] * 4 + cells[1:]
    scores = np.linspace(0.9, 0.3, 7)
    dataset = a_dataset(an_example("a", boxes=cells, labels=[0] * 4), class_names=("cat", "dog", "cup"))
    detections = [some_detections(found, scores=scores, class_names=("cat", "dog", "cup"))]
    numbers = trend(diagnose(dataset, detections=detections, similar=ALIKE), labels=[0])
    row = MULTIPLES.index(1.0)
    assert (numbers.recall[row], numbers.loose_recall[row]) == (0.25, 1.0)


def test_matches_of_difficult_objects_have_no_rank() -> None:
    """A match of a difficult object before that of a plain one: at N = 1 both recalls are 1, as without the first."""
    cells = [[0, 0, 80, 80], [200, 0, 280, 80]]
    example = an_example("a", boxes=cells, labels=[0, 0], difficult=[True, False])
    dataset = a_dataset(example, class_names=("cat", "dog", "cup"))
    detections = [some_detections(cells, scores=[0.9, 0.8], class_names=("cat", "dog", "cup"))]
    numbers = trend(diagnose(dataset, detections=detections, similar=ALIKE), labels=[0])
    row = MULTIPLES.index(1.0)
    assert (numbers.recall[row], numbers.loose_recall[row]) == (1.0, 1.0)


def test_one_of_each() -> None:
    """Two cats and six counted detections, only the best one right: shares at 1 and at 2 times the objects."""
    dataset, detections, _ = one_of_each()
    numbers = trend(diagnose(dataset, detections=detections, similar=ALIKE), labels=[0])
    rows = [MULTIPLES.index(value) for value in (1.0, 2.0)]
    assert numbers.shares[rows].tolist() == [[0.5, 0.5, 0, 0, 0], [0.25, 0.5, 0.25, 0, 0]]
    assert numbers.recall[rows].tolist() == [0.5, 0.5]
    assert (MULTIPLES[0], MULTIPLES[-1], COUNTS[0], COUNTS[-1]) == (0.125, 8, 25, 3200)
    assert numbers.to_json()["shares"]["background"][-1] is None
