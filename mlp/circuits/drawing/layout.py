"""The positions of a drawing's parts: boxes in layers from left to right, joined by wires with few crossings.

The method of Sugiyama, Tagawa and Toda (1981): put each box into a layer, by the longest path; give a wire a place in
each layer that it passes through; sort each layer by the places of its neighbours; choose heights that keep wires
straight. So a wire bends only between two layers, and never crosses a box.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

GAP = 0.5
"""The distance between two layers, in which wires bend. All lengths are in inches; y points down."""
SPACE = 0.1
"""The distance between two boxes of a layer."""
SWEEPS = 12

Place = tuple[int, int]
"""A box and its layer; or, for a wire that passes through a layer, the box it comes from and that layer."""


@dataclass(frozen=True)
class Box:
    """The space that a part needs: its width, and the heights above and below the level of its wires."""

    width: float
    above: float
    below: float


THIN = Box(0, 0.06, 0.06)
"""The space of a wire that passes through a layer."""


@dataclass(frozen=True)
class Wire:
    """A wire from one box's right side to another's left side; it ends ``port`` inches below the middle."""

    source: int
    target: int
    port: float = 0


@dataclass(frozen=True)
class Layout:
    """Each box's position, as the sides of its layer and a height, and each wire's points.

    Between its points a wire is bent and straight in turn: bent between two layers, straight within a layer.
    """

    left: dict[int, float]
    right: dict[int, float]
    y: dict[int, float]
    wires: list[list[tuple[float, float]]]
    width: float
    height: float


def layered(boxes: Sequence[Box], wires: Sequence[Wire]) -> Layout:
    """Lay out boxes, numbered from 0. Each wire leads from a lower to a higher number."""
    layer_of = _layers(len(boxes), wires)
    routes = [[(wire.source, layer) for layer in range(layer_of[wire.source], layer_of[wire.target])] for wire in wires]
    links = _links(wires, routes, layer_of)
    layers = _few_crossings(_initial(len(boxes), wires, routes, layer_of), links)
    rooms = {place: boxes[place[0]] if layer_of[place[0]] == place[1] else THIN for layer in layers for place in layer}
    y = _heights(layers, links, rooms)
    left, right, x = [], [], 0.0
    for layer in layers:
        left.append(x)
        right.append(x + max(rooms[place].width for place in layer))
        x = right[-1] + GAP
    points = []
    for wire, route in zip(wires, routes, strict=True):
        source, *passed = route
        line = [(right[source[1]], y[source])]
        for place in passed:
            line += [(left[place[1]], y[place]), (right[place[1]], y[place])]
        end = (wire.target, layer_of[wire.target])
        points.append([*line, (left[end[1]], y[end] + wire.port)])
    return Layout(
        left={box: left[layer] for box, layer in enumerate(layer_of)},
        right={box: right[layer] for box, layer in enumerate(layer_of)},
        y={box: y[box, layer] for box, layer in enumerate(layer_of)},
        wires=points,
        width=right[-1],
        height=max(y[place] + room.below for place, room in rooms.items()),
    )


def _layers(boxes: int, wires: Sequence[Wire]) -> list[int]:
    """Each box's layer: just before the first box that it leads to, or the last layer if it leads to no box."""
    from_the_right = [0] * boxes
    for wire in sorted(wires, key=lambda wire: wire.source, reverse=True):
        from_the_right[wire.source] = max(from_the_right[wire.source], from_the_right[wire.target] + 1)
    return [max(from_the_right) - layer for layer in from_the_right]


Links = dict[int, list[tuple[Place, Place, float]]]
"""For each layer: a place in it, the place in the next layer that it is joined to, and the port there."""


def _links(wires: Sequence[Wire], routes: Sequence[list[Place]], layer_of: Sequence[int]) -> Links:
    links: Links = defaultdict(list)
    for wire, route in zip(wires, routes, strict=True):
        for place, following in zip(route, [*route[1:], (wire.target, layer_of[wire.target])], strict=True):
            port = wire.port if following[0] == wire.target else 0.0
            if (place, following, port) not in links[place[1]]:  # wires from one source share their places
                links[place[1]].append((place, following, port))
    return links


def _initial(
    boxes: int, wires: Sequence[Wire], routes: Sequence[list[Place]], layer_of: Sequence[int]
) -> list[list[Place]]:
    """The places of each layer, in the order of a walk back from the last box: in a tree, no wires cross."""
    into: dict[int, list[tuple[float, list[Place], int]]] = defaultdict(list)
    for wire, route in zip(wires, routes, strict=True):
        into[wire.target].append((wire.port, route, wire.source))
    layers: list[list[Place]] = [[] for _ in range(max(layer_of) + 1)]
    met: set[Place] = set()
    for start in range(boxes - 1, -1, -1):
        stack = [[(start, layer_of[start])]]
        while stack:
            route = stack.pop()
            for place in reversed(route):
                if place not in met:
                    met.add(place)
                    layers[place[1]].append(place)
            box = route[0][0]
            stack += [route for _, route, _ in sorted(into.pop(box, []), key=lambda one: one[0], reverse=True)]
    return layers


def _few_crossings(layers: list[list[Place]], links: Links) -> list[list[Place]]:
    """Sort the layers by their neighbours' mean place, forward and back; return the order with the fewest crossings."""
    best, fewest = layers, _crossings(layers, links)
    for sweep in range(SWEEPS):
        if fewest == 0:
            break
        layers = [list(layer) for layer in layers]
        forwards = sweep % 2 == 0
        for number in range(len(layers)) if forwards else reversed(range(len(layers))):
            positions = _positions(layers)
            near: dict[Place, list[float]] = defaultdict(list)
            if forwards:
                for a, b, _ in links.get(number - 1, []):
                    near[b].append(positions[a])
            else:
                for a, b, port in links.get(number, []):
                    near[a].append(positions[b] + port)
            layers[number].sort(key=lambda place: np.mean(near[place]) if near[place] else positions[place])
        crossings = _crossings(layers, links)
        if crossings < fewest:
            best, fewest = layers, crossings
    return _swapped(best, links)


def _swapped(layers: list[list[Place]], links: Links) -> list[list[Place]]:
    """Swap neighbours as long as that removes a crossing."""
    saved = True
    while saved:
        saved = False
        for number, layer in enumerate(layers):
            beside = {gap: links[gap] for gap in (number - 1, number) if gap in links}
            around = layers[max(0, number - 1) : number + 2]
            fewest = _crossings(around, beside)
            for k in range(len(layer) - 1 if fewest else 0):
                layer[k], layer[k + 1] = layer[k + 1], layer[k]
                crossings = _crossings(around, beside)
                if crossings < fewest:
                    fewest, saved = crossings, True
                else:
                    layer[k], layer[k + 1] = layer[k + 1], layer[k]
    return layers


def _positions(layers: Sequence[Sequence[Place]]) -> dict[Place, int]:
    return {place: k for layer in layers for k, place in enumerate(layer)}


def _crossings(layers: Sequence[Sequence[Place]], links: Links) -> int:
    """The number of crossings between these wires."""
    positions, crossings = _positions(layers), 0
    for between in links.values():
        ends = np.array([(positions[a], positions[b] + port) for a, b, port in between])
        left, right = (ends[:, side, np.newaxis] - ends[:, side] for side in (0, 1))
        crossings += int(np.count_nonzero(left * right < 0)) // 2
    return crossings


def _heights(layers: Sequence[Sequence[Place]], links: Links, rooms: Mapping[Place, Box]) -> dict[Place, float]:
    """The height of each place: the mean of its neighbours on the right and on the left in turn, without overlap."""
    before: dict[Place, list[tuple[Place, float]]] = defaultdict(list)
    behind: dict[Place, list[tuple[Place, float]]] = defaultdict(list)
    for between in links.values():
        for a, b, port in between:
            behind[a].append((b, port))
            before[b].append((a, -port))
    y: dict[Place, float] = {}
    for layer in layers:
        y |= zip(layer, _apart(layer, [0.0] * len(layer), rooms), strict=True)
    for _ in range(SWEEPS):
        for order, near in ((reversed(layers), behind), (layers, before)):
            for layer in order:
                preferred = [
                    sum(y[other] + port for other, port in near[place]) / len(near[place]) if near[place] else y[place]
                    for place in layer
                ]
                y |= zip(layer, _apart(layer, preferred, rooms), strict=True)
    top = min(y[place] - room.above for place, room in rooms.items())
    return {place: height - top for place, height in y.items()}


def _apart(layer: Sequence[Place], preferred: Sequence[float], rooms: Mapping[Place, Box]) -> Iterator[float]:
    """The heights nearest to the preferred ones, by least squares, that keep a layer's order without overlap.

    After the space of the boxes above is subtracted, the heights must not decrease. This is isotonic regression: pool
    neighbours that decrease (Ayer et al. 1955). A passing wire has weight 4, to keep it straight.
    """
    offsets = [0.0]
    for upper, lower in pairwise(layer):
        offsets.append(offsets[-1] + rooms[upper].below + SPACE + rooms[lower].above)
    pools: list[tuple[float, float, int]] = []  # weighted mean, weight, members
    for place, height, offset in zip(layer, preferred, offsets, strict=True):
        mean, weight, members = height - offset, 4.0 if rooms[place] is THIN else 1.0, 1
        while pools and pools[-1][0] > mean:
            other_mean, other_weight, other_members = pools.pop()
            mean = (mean * weight + other_mean * other_weight) / (weight + other_weight)
            weight, members = weight + other_weight, members + other_members
        pools.append((mean, weight, members))
    means = (mean for mean, _, members in pools for _ in range(members))
    return (mean + offset for mean, offset in zip(means, offsets, strict=True))
