"""The slow MOTA and IDF1 against cases whose values are worked out by hand."""

import pytest

from oracles.slow_tracking import best_matching, idf1, iou, mota

A, B, FAR = (0, 0, 10, 10), (20, 0, 30, 10), (100, 100, 110, 110)


@pytest.mark.parametrize(
    ("truth", "found", "expected_mota", "expected_idf1"),
    [
        ([{1: A}] * 10, [{7: A}] * 10, 1.0, 1.0),
        ([{1: A}] * 10, [{}] * 10, 0.0, 0.0),
        ([{1: A}] * 10, [{7: A}] * 5 + [{8: A}] * 5, 0.9, 0.5),  # one switch; half of the time is the best id's
        ([{1: A}] * 10, [{7: A}] * 8 + [{}] * 2, 0.8, 2 * 8 / 18),  # two misses
        ([{1: A}] * 10, [{7: A, 8: FAR}] * 10, 0.0, 2 * 10 / 30),  # ten false positives
        ([{1: A, 2: B}] * 4, [{5: A, 6: B}] * 2 + [{6: A, 5: B}] * 2, 1 - 2 / 8, 2 * 4 / 16),  # two swap their ids
        ([{1: A}] * 2 + [{}] * 3 + [{1: A}] * 5, [{7: A}] * 2 + [{}] * 3 + [{8: A}] * 5, 1 - 1 / 7, 2 * 5 / 14),
        ([{1: A}] * 3, [{7: (0, 0, 10, 5.1)}, {7: (0, 0, 10, 4.9)}, {7: A}], 1 - 2 / 3, 2 * 2 / 6),  # IoU 0.51, 0.49
    ],
)
def test_hand_made_cases(truth, found, expected_mota, expected_idf1):
    """Errors counted on paper."""
    assert mota(truth, found) == pytest.approx(expected_mota)
    assert idf1(truth, found) == pytest.approx(expected_idf1)


def test_a_match_of_the_frame_before_has_priority():
    """A track that still overlaps by half keeps its object, though another overlaps more: no switch, one miss-match."""
    near, exact = (3, 0, 13, 10), (0, 0, 10, 10)
    truth = [{1: exact}] * 2
    assert mota(truth, [{7: exact}, {7: near, 8: exact}]) == pytest.approx(1 - 1 / 2)  # one false positive only


def test_matching_and_overlap():
    """The heavier pair of crossings, and half an overlap."""
    assert sorted(best_matching({(1, 1): 5, (1, 2): 4, (2, 1): 4})) == [(1, 2), (2, 1)]
    assert best_matching({}) == []
    assert iou((0, 0, 2, 2), (1, 0, 3, 2)) == pytest.approx(1 / 3)
