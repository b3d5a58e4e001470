"""Promises of mlp.circuits.drawing.layout: layers left to right, no overlap, no wire across a box, few crossings."""

from itertools import pairwise

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from mlp.circuits.drawing import layout
from mlp.circuits.drawing.layout import GAP, SPACE, Box, Wire, layered

SMALL = Box(1.0, 0.3, 0.2)


@st.composite
def circuits(draw):
    """Boxes of any size; each except the first is joined to one or two earlier ones."""
    count = draw(st.integers(1, 30))
    sizes = st.floats(0.1, 2)
    boxes = [Box(draw(sizes), draw(sizes), draw(sizes)) for _ in range(count)]
    wires = []
    for target in range(1, count):
        sources = draw(st.lists(st.integers(0, target - 1), min_size=0, max_size=2))
        ports = (-0.1, 0.1) if len(sources) == 2 else (0,)
        wires += [Wire(source, target, port) for source, port in zip(sources, ports, strict=False)]
    return boxes, wires


@settings(max_examples=100)
@given(circuits())
def test_no_boxes_overlap_and_wires_lead_to_the_right(circuit):
    boxes, wires = circuit
    placed = layered(boxes, wires)
    for wire in wires:
        assert placed.right[wire.source] + GAP <= placed.left[wire.target] + 1e-9
    for k in range(len(boxes)):
        assert 0 <= placed.left[k] <= placed.right[k] - boxes[k].width + 1e-9
        assert placed.right[k] <= placed.width + 1e-9
        assert placed.y[k] - boxes[k].above >= -1e-9
        assert placed.y[k] + boxes[k].below <= placed.height + 1e-9
    for layer in {placed.left[k] for k in range(len(boxes))}:
        column = sorted((k for k in range(len(boxes)) if placed.left[k] == layer), key=lambda k: placed.y[k])
        for upper, lower in pairwise(column):
            assert placed.y[upper] + boxes[upper].below + SPACE <= placed.y[lower] - boxes[lower].above + 1e-9


@settings(max_examples=100)
@given(circuits())
def test_a_wire_starts_and_ends_at_its_boxes_and_crosses_none(circuit):
    boxes, wires = circuit
    placed = layered(boxes, wires)
    for wire, line in zip(wires, placed.wires, strict=True):
        assert line[0] == (placed.right[wire.source], placed.y[wire.source])
        assert line[-1] == (placed.left[wire.target], pytest.approx(placed.y[wire.target] + wire.port))
        for k, ((x0, y0), (x1, y1)) in enumerate(pairwise(line)):
            if k % 2 == 0:
                assert x1 - x0 == pytest.approx(GAP)  # bends lie between the layers, where no box is
            else:
                assert y0 == y1
                for box in range(len(boxes)):
                    if placed.left[box] == x0:
                        assert not -boxes[box].above < y0 - placed.y[box] < boxes[box].below


def crossings(placed, wires):
    """The number of pairs of wires in a layout whose order changes between two layers."""
    bends = [
        (x0, y0, y1) for line in placed.wires for k, ((x0, y0), (_, y1)) in enumerate(pairwise(line)) if k % 2 == 0
    ]
    return sum(a[0] == b[0] and (a[1] - b[1]) * (a[2] - b[2]) < -1e-12 for i, a in enumerate(bends) for b in bends[:i])


def tree(depth):
    """A binary tree, leaves first, in an order that mixes the branches; its root is the last box."""
    levels = [list(range(2**depth))]
    wires, count = [], 2**depth
    for _ in range(depth):
        below = levels[-1]
        level = list(range(count, count + len(below) // 2))
        for k, node in enumerate(level):
            wires += [Wire(below[k], node, -0.1), Wire(below[k + len(level)], node, 0.1)]
        levels.append(level)
        count += len(level)
    return count, wires


def test_a_tree_has_no_crossing_however_its_boxes_are_numbered():
    count, wires = tree(5)
    assert crossings(layered([SMALL] * count, wires), wires) == 0


def test_the_order_of_a_layer_follows_its_neighbours():
    """A row of four, each joined to its own of four others that were numbered the other way round."""
    wires = [Wire(k, 7 - k) for k in range(4)] + [Wire(4 + k, 8, -0.15 + 0.1 * k) for k in range(4)]
    assert crossings(layered([SMALL] * 9, wires), wires) == 0


def random_circuit(seed, count):
    """Gates of two inputs, each within the eight before it."""
    random = np.random.default_rng(seed)
    wires = []
    for target in range(2, count):
        first, second = random.integers(max(0, target - 8), target, 2)
        wires += [Wire(int(first), target, -0.1), Wire(int(second), target, 0.1)]
    return wires


def test_sorting_saves_a_third_of_the_crossings(monkeypatch):
    circuits = [random_circuit(seed, 20) for seed in range(20)]
    few = sum(crossings(layered([SMALL] * 20, wires), wires) for wires in circuits)
    monkeypatch.setattr(layout, "_few_crossings", lambda layers, links: layers)
    many = sum(crossings(layered([SMALL] * 20, wires), wires) for wires in circuits)
    assert few < 0.67 * many


def test_no_swap_of_neighbours_would_save_a_crossing():
    """Eight boxes in a ring, four in each layer: three crossings are the fewest there can be."""
    wires = [Wire(0, 4), Wire(0, 7), Wire(1, 5), Wire(1, 6), Wire(2, 4), Wire(2, 6), Wire(3, 5), Wire(3, 7)]
    assert crossings(layered([SMALL] * 8, wires), wires) == 3


def test_a_chain_is_straight():
    wires = [Wire(0, 2, -0.1), Wire(1, 2, 0.1), *(Wire(k, k + 1) for k in range(2, 12))]
    placed = layered([SMALL] * 13, wires)
    assert {round(placed.y[k], 9) for k in range(2, 13)} == {round(placed.y[2], 9)}


def test_a_box_stands_just_before_its_first_use():
    wires = [Wire(0, 1), Wire(1, 2), Wire(2, 4, -0.1), Wire(3, 4, 0.1)]
    placed = layered([SMALL] * 5, wires)
    assert placed.left[3] == placed.left[2]


def test_two_wires_from_one_box_share_their_places():
    wires = [Wire(0, 1), Wire(1, 2), Wire(2, 3, 0.1), Wire(0, 3, -0.1), Wire(0, 2)]
    placed = layered([SMALL] * 4, wires)
    assert placed.wires[3][1:3] == placed.wires[4][1:3]
