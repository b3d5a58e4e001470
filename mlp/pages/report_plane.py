"""The plane in a run's report: training images at two singular coordinates, and what the network predicts around them.

The figure is an SVG in the page's colours, without pictures of points: on a dark page each class has its own colour.
"""

from mlp.figures.style import CLASS_MARKERS, OF_A_PAGE, class_looks, marker_outline  # must come before matplotlib

# isort: split
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
from contourpy import FillType, contour_generator
from markupsafe import Markup
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from mlp.data import svd
from mlp.data.dataset import Dataset
from mlp.figures.colors import REGION_OPACITY
from mlp.languages.catalogue import say
from mlp.network import MLP, by_class
from mlp.pages import frame
from mlp.runs.finished import FinishedRun

Floats = NDArray[np.float64]

WIDTH, HEIGHT = 460.0, 370.0
"""Of the figure without a legend, in its own units: on a wide screen a unit is 1.3 pixels, on a phone 0.8."""
LEFT, RIGHT, TOP, BOTTOM = 52.0, 6.0, 6.0, 42.0
"""The space around the axes."""
LEGEND_COLUMNS, LEGEND_ROW = 10, 16.0
"""Digits in a row of the legend, and the height of a row; with many classes the figure is higher."""
MARK = 4.5
"""The size of a point."""
LABEL_ROOM = 12.0
"""A tick's label nearer to the right end of the axes than this would be cut off."""
MIN_REGION = 0.01
"""Smallest fraction of the plane of a region with room for its digit."""
GRID_POINTS = 96
"""Points in each direction of the plane at which the network predicts."""
MARGIN = 1.08
"""The length of the axes as a multiple of the points' extent."""


@dataclass(frozen=True)
class Axes:
    """Where coordinates are in the figure. The scale is the same in both directions."""

    height: float
    """Of the figure, whose legend is above the axes."""
    limits: Floats = field(repr=False)
    """((left, right), (bottom, top)) in coordinates."""

    @classmethod
    def around(cls, coordinates: Floats, legend_rows: int) -> "Axes":
        """The axes in which these points (n, 2) fit."""
        low, high = coordinates.min(axis=0), coordinates.max(axis=0)
        sides = np.array([WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM])
        scale = MARGIN * float(((high - low) / sides).max()) or 1.0
        half, middle = scale * sides / 2, (low + high) / 2
        return cls(HEIGHT + LEGEND_ROW * legend_rows, np.stack([middle - half, middle + half], axis=1))

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Left, top, width and height in the figure."""
        top = TOP + self.height - HEIGHT
        return LEFT, top, WIDTH - LEFT - RIGHT, self.height - BOTTOM - top

    def places(self, coordinates: Floats) -> Floats:
        """Coordinates (n, 2) as places in the figure."""
        left, top, width, height = self.box
        shares = (coordinates - self.limits[:, 0]) / np.diff(self.limits, axis=1)[:, 0]
        return np.array([left, top + height]) + shares * (width, -height)

    def facts(self) -> dict[str, Any]:
        """For the page's script: left, top, width and height as fractions of the figure, and the limits."""
        left, top, width, height = self.box
        place = left / WIDTH, top / self.height, width / WIDTH, height / self.height
        return {"place": place, "limits": self.limits.tolist()}


def plane(run: FinishedRun, images: Dataset) -> tuple[dict[str, Any], dict[str, Any]]:
    """The figure with its facts, and the places of the images in it for the page's script."""
    projection = svd.project(images)
    coordinates = projection.coordinates(images)
    in_the_plane = of_coordinates(run.network, projection, images.scale)

    def probabilities(places: Floats) -> Floats:
        return by_class(in_the_plane.predict(places))

    has_legend = run.network.sizes[-1] > 1
    svg, axes = draw(coordinates, images.targets, images.digits, probabilities, has_legend=has_legend)
    shares = projection.explained_variance().tolist()
    places = axes.facts() | {"coordinates": frame.packed(coordinates.astype(np.float32))}
    return {"svg": svg, "shares": shares, "count": len(images)}, places


def of_coordinates(network: MLP, projection: svd.Projection, scale: float) -> MLP:
    """A network on coordinates (n, k); it predicts what ``network`` predicts for the images reconstructed from them.

    Reconstruction, division by ``scale`` and the first layer's product are linear: they combine into one matrix, V' W1.
    """
    W1 = network.parameters["W1"]
    other = network.resized([len(projection.singular_values), *network.sizes[1:]])
    V1 = projection.directions.T.astype(network.precision) @ W1 / scale
    for name, array in other.parameters.items():
        array[...] = V1 if name == "W1" else network.parameters[name]
    other.parameters["b1"][...] += projection.mean.astype(network.precision) @ W1 / scale
    return other


def draw(
    coordinates: Floats,
    classes: NDArray[Any],
    digits: Sequence[int],
    probabilities: Callable[[Floats], Floats],
    *,
    has_legend: bool,
) -> tuple[Markup, Axes]:
    """Points (n, 2) in the colours of their classes (n,), and behind them the network's prediction for each place.

    ``digits`` has the label of each class. ``probabilities`` returns that of each class, (m, classes), for places
    (m, 2). A place has the colour of the most probable class, the stronger the more probable that is.
    """
    axes = Axes.around(coordinates, math.ceil(len(digits) / LEGEND_COLUMNS) if has_legend else 0)
    looks = [(OF_A_PAGE[color], mark) for color, mark in class_looks(digits)]
    x, y = (np.linspace(low, high, GRID_POINTS) for low, high in axes.limits)
    P = probabilities(np.stack(np.meshgrid(x, y), axis=2).reshape(-1, 2)).reshape(GRID_POINTS, GRID_POINTS, len(digits))
    in_order = sorted(range(len(digits)), key=lambda k: digits[k])
    places = axes.places(coordinates)
    parts = [
        *_marks([looks[k] for k in in_order]),
        *_regions(axes, x, y, P, [color for color, _ in looks]),
        *(
            f'<path data-digit="{digits[k]}" fill="none" {_marked(mark)}d="M{_numbers(places[classes == k])}"/>'
            for mark, k in enumerate(in_order)
            if (classes == k).any()
        ),
        *_lines(axes, x, y, P),
        *(_region_names(axes, x, y, P.argmax(axis=2), digits) if has_legend else ()),
        *_frame(axes),
        *(_legend([digits[k] for k in in_order]) if has_legend else ()),
    ]
    return frame.say_in_figure(f'<svg viewBox="0 0 {WIDTH:g} {axes.height:g}">{"".join(parts)}</svg>'), axes


def _numbers(places: Iterable[Any]) -> str:
    """Places (n, 2) for the path of an SVG."""
    return " ".join(f"{x:.1f} {y:.1f}" for x, y in places)


def _marked(mark: int) -> str:
    """The attributes of a path with this mark at each of its points."""
    return "".join(f'marker-{place}="url(#mark-{mark})" ' for place in ("start", "mid", "end"))


def _marks(looks: Iterable[tuple[str, str]]) -> Iterator[str]:
    """The mark of each class, by colour and matplotlib's name of the shape."""
    shapes = {mark: marker_outline(mark) for mark in CLASS_MARKERS}
    for k, (color, mark) in enumerate(looks):
        yield (
            f'<marker id="mark-{k}" viewBox="-.5 -.5 1 1" markerWidth="{MARK}" markerHeight="{MARK}" '
            f'markerUnits="userSpaceOnUse" overflow="visible"><path class="mark" fill="{color}" d="{shapes[mark]}"/>'
            "</marker>"
        )


def _regions(axes: Axes, x: Floats, y: Floats, P: Floats, colors: Sequence[str]) -> Iterator[str]:
    """The region of each class that is the most probable somewhere, from P (y, x, classes).

    The colour is the stronger the more probable the class is; it has no strength if all classes are equally probable.
    """
    chance = 1 / len(colors)
    strength = ((P.max(axis=2) - chance) / (1 - chance)).clip(0, 1)
    left, top, width, height = axes.box
    cell = np.array([width, height]) / (GRID_POINTS - 1)  # a pixel lies around each point
    picture = frame.data_uri(np.rint(255 * strength[::-1]).astype(np.uint8))
    yield (
        f'<mask id="strength"><image href="{picture}" x="{left - cell[0] / 2:.2f}" y="{top - cell[1] / 2:.2f}" '
        f'width="{width + cell[0]:.2f}" height="{height + cell[1]:.2f}" preserveAspectRatio="none"/></mask>'
        f'<g mask="url(#strength)" opacity="{REGION_OPACITY}" fill-rule="evenodd">'
    )
    for k, lead in _leads(P):
        filled: Any = contour_generator(x, y, lead, fill_type=FillType.OuterOffset).filled(0, 2)
        outlines = [points[start:end] for points, ends in zip(*filled, strict=True) for start, end in pairwise(ends)]
        yield f'<path data-class="{k}" fill="{colors[k]}" d="{_outlines(axes, outlines, closed=True)}"/>'
    yield "</g>"


def _leads(P: Floats) -> Iterator[tuple[int, Floats]]:
    """Each class that is predicted somewhere, and by how much its probability exceeds the largest of the others."""
    predicted = P.argmax(axis=2)
    second, first = np.moveaxis(np.partition(P, -2, axis=2)[..., -2:], 2, 0)
    for k in np.unique(predicted):
        yield int(k), P[..., k] - np.where(predicted == k, second, first)


def _outlines(axes: Axes, outlines: Iterable[Any], *, closed: bool) -> str:
    return "".join(f"M{_numbers(axes.places(outline))}{'z' if closed else ''}" for outline in outlines)


def _lines(axes: Axes, x: Floats, y: Floats, P: Floats) -> Iterator[str]:
    """The lines between the classes: each is beside one of all classes but the first."""
    for k, lead in list(_leads(P))[1:]:
        lines: Any = contour_generator(x, y, lead).lines(0)
        yield f'<path class="boundary" data-class="{k}" d="{_outlines(axes, lines, closed=False)}"/>'


def _region_names(axes: Axes, x: Floats, y: Floats, predicted: NDArray[Any], digits: Sequence[int]) -> Iterator[str]:
    """Write each region's digit where the region is widest: similar colours are hard to tell apart."""
    for k, digit in enumerate(digits):
        left = np.pad(predicted == k, 1)  # beyond the edge is no region
        if np.count_nonzero(left) >= MIN_REGION * predicted.size:
            while left.any():
                widest, left = left, _without_border(left)
            row, column = np.argwhere(widest)[0] - 1
            ((right, down),) = axes.places(np.array([[x[column], y[row]]]))
            yield f'<text class="region" x="{right:.1f}" y="{down:.1f}">{digit}</text>'


def _without_border(region: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The points of a region whose four neighbours are in it too."""
    neighbours = [np.roll(region, by, axis) for axis in (0, 1) for by in (-1, 1)]
    inner: NDArray[np.bool_] = np.all([region, *neighbours], axis=0)
    return inner


def _frame(axes: Axes) -> Iterator[str]:
    """A line around the axes, ticks with labels, and what the axes are."""
    left, top, width, height = axes.box
    bottom, middle = top + height, top + height / 2
    yield f'<path class="frame" d="M{left} {top}h{width}v{height}h{-width}z"/>'
    for axis, (low, high) in enumerate(axes.limits):
        for tick in MaxNLocator(6, steps=[1, 2, 5, 10]).tick_values(low, high):
            right, down = axes.places(np.full((1, 2), tick))[0].tolist()
            label = f"{tick:g}".replace("-", "−")
            if axis == 0 and left <= right <= left + width - LABEL_ROOM:
                yield f'<path class="frame" d="M{right:.1f} {bottom}v3"/>'
                yield f'<text class="below" x="{right:.1f}" y="{bottom + 14}">{label}</text>'
            elif axis == 1 and top <= down <= bottom:
                yield f'<path class="frame" d="M{left} {down:.1f}h-3"/>'
                yield f'<text class="beside" x="{left - 5}" y="{down:.1f}">{label}</text>'
    first, second = say("figure.first_direction"), say("figure.second_direction")
    yield f'<text class="below" x="{left + width / 2:.1f}" y="{bottom + 32}">{first}</text>'
    yield f'<text class="below" transform="translate(11 {middle:.1f}) rotate(-90)">{second}</text>'


def _legend(digits: Sequence[int]) -> Iterator[str]:
    """The mark of each digit, above the axes."""
    step = (WIDTH - LEFT - RIGHT) / LEGEND_COLUMNS
    for k, digit in enumerate(digits):
        row, column = divmod(k, LEGEND_COLUMNS)
        x, y = LEFT + step * column + MARK, LEGEND_ROW * (row + 0.5)
        yield f'<path {_marked(k)}d="M0 0" transform="translate({x:.1f} {y:.1f}) scale(1.8)"/>'
        yield f'<text class="key" x="{x + 2 * MARK:.1f}" y="{y:.1f}">{digit}</text>'
