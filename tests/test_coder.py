"""Encoding and decoding."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from box_strategies import random_boxes
from multibox.coder import VARIANCES, BoxCode, Coder
from multibox.priors import SPECS, PriorMap, PriorSpec, Step
from multibox.size import Size
from oracles import slow

SPEC = PriorSpec(Size(200, 300), (PriorMap(Size(3, 4), Step(66.0, 75.0), 40.0, 90.0, (2.0, 3.0)),))
OTHER = (0.2, 0.3, 0.4, 0.5)


@pytest.mark.parametrize("variances", [VARIANCES, OTHER])
def test_encode(variances: tuple[float, float, float, float]) -> None:
    """Offsets of random boxes equal the slow loop's within 2e-5 (they reach 20)."""
    coder = Coder(SPEC, variances=variances)
    boxes = random_boxes(np.random.default_rng(0), SPEC.count)
    expected = [
        slow.encode(b.tolist(), p.tolist(), variances) for b, p in zip(boxes, coder.corners.numpy(), strict=True)
    ]
    np.testing.assert_allclose(coder.encode(torch.from_numpy(boxes)), expected, rtol=1e-5, atol=2e-5)


@pytest.mark.parametrize("variances", [VARIANCES, OTHER])
def test_decode(variances: tuple[float, float, float, float]) -> None:
    """Boxes of random offsets equal the slow loop's within 1e-6 relative."""
    coder = Coder(SPEC, variances=variances)
    offsets = np.random.default_rng(1).normal(0, 2, (SPEC.count, 4)).astype(np.float32)
    expected = [
        slow.decode(o.tolist(), p.tolist(), variances) for o, p in zip(offsets, coder.corners.numpy(), strict=True)
    ]
    np.testing.assert_allclose(coder.decode(torch.from_numpy(offsets)), expected, rtol=2e-6, atol=2e-6)


@pytest.mark.parametrize("name", SPECS)
def test_decoding_inverts_encoding(name: str) -> None:
    """Decoding an encoded box returns the same box, within 1e-5, for batches and all priors of the real detectors."""
    coder = Coder(SPECS[name])
    boxes = torch.from_numpy(random_boxes(np.random.default_rng(2), 2 * len(coder.priors))).view(2, -1, 4)
    torch.testing.assert_close(coder.decode(coder.encode(boxes)), boxes, rtol=0, atol=1e-5)


def test_a_prior_is_its_own_zero() -> None:
    """Offsets 0 are the priors, within one rounding, and the priors encode to 0 within 1e-5."""
    coder = Coder(SPECS["ssd300-voc"])
    torch.testing.assert_close(coder.decode(torch.zeros(8732, 4)), coder.corners, rtol=0, atol=2e-7)
    assert coder.encode(coder.corners).abs().max() < 1e-4


def test_half_precision_is_widened() -> None:
    """Offsets in bfloat16 decode to float32 boxes: those of the same values in float32."""
    coder = Coder(SPEC)
    offsets = torch.randn(SPEC.count, 4, generator=torch.Generator().manual_seed(0)).bfloat16()
    assert torch.equal(coder.decode(offsets), coder.decode(offsets.float()))


def test_nothing_to_save() -> None:
    """Priors and variances come from the spec and are not in the state dict, but follow the module's device."""
    coder = Coder(SPEC)
    assert not coder.state_dict()
    assert coder.to("meta").priors.is_meta


@pytest.mark.parametrize("code", ["corner", "corner_size"])
def test_corner_codes(code: BoxCode) -> None:
    """Boxes of random offsets equal the slow loop's within 1e-6, and encoding them gives the offsets again."""
    coder = Coder(SPEC, variances=OTHER, code=code)
    offsets = np.random.default_rng(1).normal(0, 1, (SPEC.count, 4)).astype(np.float32)
    boxes = coder.decode(torch.from_numpy(offsets))
    expected = [
        slow.decode_corners(o.tolist(), p.tolist(), OTHER, sized=code == "corner_size")
        for o, p in zip(offsets, coder.corners.numpy(), strict=True)
    ]
    np.testing.assert_allclose(boxes, expected, rtol=2e-6, atol=1e-6)
    np.testing.assert_allclose(coder.encode(boxes), offsets, rtol=1e-5, atol=1e-5)


def test_variances_of_maps() -> None:
    """A map with its own variances decodes as a coder with these, the other map as a coder with the usual ones."""
    (one,) = SPEC.maps
    spec = replace(SPEC, maps=(one, replace(one, variances=OTHER)))
    offsets = torch.randn(spec.count, 4, generator=torch.Generator().manual_seed(0))
    parts = zip(offsets.chunk(2), (VARIANCES, OTHER), strict=True)
    expected = torch.cat([Coder(SPEC, variances=variances).decode(part) for part, variances in parts])
    assert torch.equal(Coder(spec).decode(offsets), expected)
