"""Promises of the charts of pages: round ticks, gaps, and no lost peak however many points there are."""

import pytest

from tests.browser.conftest import page_of

SIZE = 'style="width: 400px; height: 300px"'
DRAWN = """([options, curves]) => {
  document.body.innerHTML = '<svg %s></svg>';
  const svg = document.querySelector("svg");
  new Chart(svg, options).show(curves.map((points) =>
    ({ label: "training", color: "black", points: points.map(([x, y]) => [x, y ?? NaN]) })), { x: "epoch", y: "loss" });
  return {
    texts: Array.from(svg.querySelectorAll("text"), (text) => text.textContent),
    path: Array.from(svg.querySelectorAll(".curve"), (path) => path.getAttribute("d")).at(-1),
    dots: svg.querySelectorAll("circle").length,
    isCutOff: Array.from(svg.querySelectorAll("text"), (text) => text.getBBox())
      .some(({ x, width }) => x < 0 || x + width > svg.clientWidth),
  };
}""".replace("%s", SIZE)


@pytest.fixture
def draw(visit, tmp_path):
    """Draw curves; returns the texts, the path of the last curve, and the number of dots at the ends of curves."""
    page = visit(page_of(tmp_path, "charts/scale.js", "charts/curve.js"))
    return lambda *curves, **options: page.evaluate(DRAWN, [options, curves])


def places(path):
    """The points of a path."""
    return [tuple(map(float, part.split())) for part in path.replace("h0", "").replace("L", "M").split("M")[1:]]


@pytest.mark.parametrize(
    ("low", "high", "is_logarithmic", "ticks"),
    [
        (0.0, 10.0, False, ["0", "2", "4", "6", "8", "10"]),
        (99.46, 99.92, False, ["99.4", "99.5", "99.6", "99.7", "99.8", "99.9", "100.0"]),
        (-3.0, 9.0, False, ["−5", "0", "5", "10"]),
        (0.03, 0.2, True, ["0.02", "0.05", "0.1", "0.2"]),
        (2e-7, 3e-3, True, ["10⁻⁷", "10⁻⁶", "10⁻⁵", "0.0001", "0.001", "0.01"]),
        (7e-300, 1e20, True, None),
    ],
)
def test_ticks_are_round_numbers_around_all_points(low, high, is_logarithmic, ticks, draw):
    drawn = draw([[1, low], [5, high]], isLogarithmic=is_logarithmic)
    start = drawn["texts"].index("5") + 1
    shown = drawn["texts"][start:-1]
    assert shown == ticks if ticks else 2 <= len(shown) <= 12
    assert drawn["texts"][:2] == ["loss", "training"]
    assert drawn["texts"][-1] == "epoch"


def test_no_label_is_cut_off(draw):
    drawn = draw([[1, 0], [3_000, 1]])
    assert "3,000" in drawn["texts"]
    assert not drawn["isCutOff"]


def test_of_ten_thousand_points_those_stay_that_can_be_seen(draw):
    points = [[x / 100, 9 if x == 7_777 else x % 2] for x in range(10_000)]
    drawn = draw(points)
    shown = places(drawn["path"])
    assert len(shown) <= 2 * 400 + 2
    assert shown == sorted(shown, key=lambda place: place[0])
    peak = min(y for _, y in shown)
    assert [y for _, y in shown].count(peak) == 1
    assert peak < min(y for _, y in shown if y != peak) - 100


def test_a_missing_number_is_a_gap_and_so_is_0_on_a_logarithmic_axis(draw):
    points = [[1, 1], [2, 2], [3, None], [4, 3], [5, 0], [6, 1], [7, 2]]
    assert draw(points)["path"].count("M") == 2
    assert draw(points, isLogarithmic=True)["path"].count("M") == 3


def test_one_point_is_a_dot_and_no_point_leaves_the_axes(draw):
    one = draw([[1, 0.5]], isLogarithmic=True)
    assert (one["dots"], len(places(one["path"]))) == (1, 1)
    assert draw([])["dots"] == 0
    assert draw([[1, None]])["texts"][0] == "loss"
