"""Promises of mlp.figures.gradient_cost."""

import pytest

from mlp.figures import gradient_cost
from tests.figures.test_curves import assert_readable

GROWING = [(787, 1e-5, 0.016), (3145, 1.4e-5, 0.07), (12577, 1.7e-5, 0.32), (25153, 2.2e-5, 0.7)]
CASES = {
    "growing": GROWING,
    "a single small network": [(1, 1e-6, 2e-5)],
    "very large": [*GROWING, (20_000_769, 0.06, 7e5)],
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_both_ways_are_drawn_over_the_parameters_and_no_label_covers_another(case, monkeypatch, tmp_path):
    figures = []
    monkeypatch.setattr(gradient_cost, "save", lambda figure, path: figures.append(figure))
    gradient_cost.cost_curves(tmp_path / "cost.png", *zip(*case, strict=True))
    (axes,) = figures[0].axes
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    curves = {line.get_label().partition(":")[0]: line.get_xydata().tolist() for line in axes.lines}
    assert curves["analytic"] == [[count, analytic] for count, analytic, _ in case]
    assert curves["numeric"] == [[count, numeric] for count, _, numeric in case]
    assert_readable(figures[0])
