"""Promises of mlp.data.segmentation.background: the noise is measured as it was made, and glare is not ink."""

import numpy as np
import pytest

from mlp.data.segmentation import background


@pytest.mark.parametrize("deviation", [0, 2, 15])
def test_noise_is_measured_beside_light_and_lines(deviation):
    random = np.random.default_rng(0)
    sheet = np.add.outer(np.linspace(100, 200, 150), np.linspace(0, 50, 120))
    sheet[::10] -= 60
    sheet[:, ::15] -= 60
    found = background.noise_deviation(sheet + random.normal(0, deviation, sheet.shape))
    assert found == pytest.approx(deviation, rel=0.25, abs=0.01)


def test_a_glare_with_a_soft_edge_is_light_and_not_ink():
    """The ink is dark here, though the glare differs more from the paper."""
    down, across = np.mgrid[:80, :80]
    sheet = np.full((80, 80), 150.0)
    sheet[20:60, 30:36] = 60
    sheet += 105 * np.exp(-((down - 20) ** 2 + (across - 60) ** 2) / 150)
    ink = background.remove_background(sheet)
    assert ink[25:55, 31:35].min() > 0.8
    assert ink[:, 45:].max() < 0.2
