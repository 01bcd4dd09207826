"""Tracks on generated scenes with known identities, by MOTA and IDF1 of slow implementations, and rules one by one."""

import numpy as np
import pytest

from moving_scenes import as_detections, detected, scene
from multibox.detections import Detections
from multibox.errors import UsageError
from multibox.size import Size
from multibox.video.tracks.tracker import Tracker, TrackerSettings
from oracles.slow_tracking import idf1, mota

pytest.importorskip("lap", reason="the package lap is not installed")

BOX = np.array([100.0, 100, 150, 200])


def follow(frames: list[Detections], *, rate: float = 30.0, coast: float = 0.0):
    """Boxes of the tracks by id in each frame."""
    tracker = Tracker(TrackerSettings(coast=coast))
    found = []
    for number, detections in enumerate(frames):
        tracked = tracker.update(detections, time=number / rate)
        found.append({track.id: tuple(track.box.tolist()) for track in tracker.tracks})
        assert coast > 0 or set(tracked.tracks[tracked.tracks > 0].tolist()) == set(found[-1])
    return found


@pytest.mark.parametrize("seed", range(4))
def test_identities_with_dropped_and_trembling_boxes(seed: int):
    """Scenes of 9 objects with 10 % of the detections dropped and 5 % jitter: IDF1 over 0.95, also for few frames."""
    truth = scene(seed=seed, frames=150, objects=9)
    found = follow(detected(truth, seed=seed + 100), coast=0.1)
    assert idf1(truth, found) > 0.95
    assert mota(truth, found) > 0.9


def test_what_is_dropped_bounds_tracks_that_do_not_coast():
    """The same with boxes of detections only: IDF1 is that of perfect identities on 90 % of the boxes, to 3 %."""
    truth = scene(seed=0, frames=150, objects=9)
    found = follow(detected(truth, seed=100))
    assert 2 * 0.9 / 1.9 - 0.03 < idf1(truth, found) < 2 * 0.9 / 1.9 + 0.03


def test_perfect_detections_give_perfect_tracks():
    """A scene without errors of the detector against MOTA and IDF1 of 1, but for the frame before a confirmation."""
    truth = scene(seed=3, frames=100, objects=8)
    found = follow(detected(truth, seed=0, dropped=0, jitter=0, weak=0))
    late = sum(1 for identity in range(8) if identity not in truth[0])
    assert mota(truth, found) == pytest.approx(1 - late / sum(map(len, truth)))


def test_low_scores_continue_tracks():
    """The second step of ByteTrack: weak detections keep the identity; without them tracks are lost."""
    strong, weak = [(0.9, 1, BOX)], [(0.2, 1, BOX)]
    frames = [as_detections(strong)] * 3 + [as_detections(weak)] * 60 + [as_detections(strong)] * 3
    assert [set(ids) for ids in follow(frames)] == [{1}] * 66
    above = [frame.above(0.5) for frame in frames]
    assert [set(ids) for ids in follow(above)][-1] == {2}


def test_low_scores_start_no_track():
    """Detections below the score of new tracks against no track."""
    assert follow([as_detections([(0.55, 1, BOX), (0.3, 0, BOX + 200)])] * 5) == [{}] * 5


@pytest.mark.parametrize(("rate", "gap"), [(30.0, 25), (10.0, 8), (5.0, 4), (100.0, 90)])
def test_lost_tracks_are_kept_for_seconds(rate: float, gap: int):
    """A gap of less than a second against the old id, and one of more than a second against a new id."""
    seen, empty = as_detections([(0.9, 1, BOX)]), as_detections([])
    assert set(follow([seen] * 3 + [empty] * gap + [seen] * 2, rate=rate)[-1]) == {1}
    assert set(follow([seen] * 3 + [empty] * round(1.3 * rate) + [seen] * 2, rate=rate)[-1]) == {2}


def test_a_class_does_not_continue_another():
    """A box that changes its class against two tracks, and two classes in one place against two tracks."""
    frames = [as_detections([(0.9, 0, BOX)])] * 5 + [as_detections([(0.9, 1, BOX)])] * 5
    assert [set(ids) for ids in follow(frames)] == [{1}] * 5 + [set()] + [{2}] * 4
    both = [as_detections([(0.9, 0, BOX), (0.8, 1, BOX)])] * 4
    assert [set(ids) for ids in follow(both)] == [{1, 2}] * 4


def test_a_new_track_needs_two_frames():
    """A detection that appears once after the first frame against no id; in the first frame all get one."""
    other = (0.95, 1, BOX + 250)
    frames = [as_detections([(0.9, 1, BOX), *([other] if number == 3 else [])]) for number in range(6)]
    assert [set(ids) for ids in follow(frames)] == [{1}] * 6
    frames = [as_detections([(0.9, 1, BOX), *([other] if number >= 3 else [])]) for number in range(6)]
    assert [set(ids) for ids in follow(frames)] == [{1}] * 4 + [{1, 2}] * 2


def test_uneven_times_move_tracks_by_seconds():
    """A fast object in frames with gaps against one identity: the prediction follows the clock."""
    tracker, ids = Tracker(), set()
    times = [n / 30 for n in range(20)] + [20 / 30 + n / 6 for n in range(4)] + [1.4 + n / 30 for n in range(8)]
    for time in times:
        box = np.array([20 + 330 * time, 100, 80 + 330 * time, 200])
        ids |= set(tracker.update(as_detections([(0.9, 1, box)]), time=time).tracks.tolist())
    assert ids == {1}


def test_a_change_of_resolution_keeps_identities():
    """Boxes and image that double in size against the same ids."""
    tracker = Tracker()
    for number in range(10):
        factor, size = (1, Size(480, 640)) if number < 5 else (2, Size(960, 1280))
        rows = [(0.9, 1, factor * (BOX + 3 * number)), (0.8, 1, factor * (BOX + 150))]
        tracked = tracker.update(as_detections(rows, size), time=number / 30)
        assert tracked.tracks.tolist() == [1, 2]


def test_tracks_tell_their_history():
    """Times, trail, box and JSON of a track against what was given."""
    tracker = Tracker(first_id=40)
    for number in range(90):
        tracker.update(as_detections([(0.9, 1, BOX + number)]), time=number / 30)
    (track,) = tracker.tracks
    assert (track.id, track.name, track.since, track.seen) == (40, "person", 0, pytest.approx(89 / 30))
    np.testing.assert_allclose(track.box, BOX + 89, atol=1)
    assert track.trail[-1] == pytest.approx((89 / 30, 214, 239), abs=1)
    assert 1.9 < track.trail[-1][0] - track.trail[0][0] <= 2
    assert track.to_json()["id"] == 40
    assert track.foot == pytest.approx((214, 289), abs=1)


def test_order_and_number_of_detections_are_kept():
    """Detections after the tracker against those before it, apart from the ids."""
    before = detected(scene(seed=1, frames=60, objects=9), seed=1, false=4)[2]
    after = Tracker().update(before, time=0)
    np.testing.assert_array_equal(after.boxes, before.boxes)
    assert set(after.tracks[after.scores < 0.6].tolist()) <= {-1}


def test_no_state_grows_without_end():
    """Thousands of objects that come and go against the number of tracks that are remembered."""
    tracker = Tracker()
    rng = np.random.default_rng(0)
    for number in range(600):
        corners = rng.uniform(0, 400, (5, 2))
        rows = [(0.9, 1, np.concatenate([corner, corner + 30])) for corner in corners]
        tracker.update(as_detections(rows), time=number / 30)
        assert len(tracker.ids) <= 5 * 31
    assert len(tracker._tracks) <= 5 * 32


@pytest.mark.parametrize(
    "scores", [{"high": 0.7}, {"low": 0.9}, {"new": 1.2}, {"lost": 0.0}, {"coast": 2.0}, {"low": float("nan")}]
)
def test_wrong_settings(scores: dict[str, float]):
    """Scores that fall and a time of zero against UsageError."""
    with pytest.raises(UsageError):
        TrackerSettings(**scores)
