"""Promises of templates/stepping/drawing.js: what a number means when you point at it, and that each fits its wire."""

import math
import re

import pytest

from tests.browser.circuit_pages import write_page

SIGMOID = 1 / (1 + math.exp(-0.3))


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """A page with a number, an array of two rows, a constant, and an array that is shown by its shape."""
    text = "b = sigmoid(x); Z = b * A * 3; L = sum(Z) + sum(T)"
    values = ["x=0.3", "A=[[0.123456789, 2], [3, 1e-7]]", "T=[1, 2, 3, 4, 5]"]
    return write_page(tmp_path_factory.mktemp("drawing"), text, values)[1]


@pytest.fixture
def page(visit, path):
    return visit(path, fragment="#step=999")


def number(page, what, name, row=0):
    """A number in the drawing."""
    index = page.evaluate("(name) => chosen.graph.nodes.find((node) => node.name === name).id", name)
    return page.locator(f".chosen svg [id$='-{what}-{index}-{row}']")


def tip(page):
    """The text beside a number; None if it is hidden."""
    place = page.locator(".chosen .tip")
    return place.text_content() if place.is_visible() else None


def test_pointing_at_a_number_tells_what_it_is_with_all_its_digits(page):
    for what, name, row, expected in [
        ("value", "x", 0, ("x", [0.3], "an input")),
        ("value", "b", 0, ("b", [SIGMOID], "computed by sigmoid")),
        ("gradient", "b", 0, ("db", [3 * (5.123456789 + 1e-7)], "the derivative of L with respect to b")),
        ("value", "A", 0, ("A[0]", [0.123456789, 2], "an input")),
        ("value", "A", 1, ("A[1]", [3, 1e-7], "an input")),
        ("gradient", "A", 1, ("dA[1]", [3 * SIGMOID] * 2, "the derivative of L with respect to A[1]")),
        ("value", "T", 0, ("T", [1, 2, 3, 4, 5], "an input")),  # shown by its shape
    ]:
        place = number(page, what, name, row)
        assert tip(page) is None
        box = place.bounding_box()
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        told = tip(page)
        called, numbers, meaning = re.fullmatch("(.*?) = (.*?): (.*)", told).groups()
        assert (called, meaning) == expected[::2]
        assert [float(digits) for digits in re.findall(r"\d[-.e\d]*", numbers)] == pytest.approx(expected[1], rel=1e-14)
        assert place.get_attribute("aria-label") == told
        page.mouse.move(5, 5)
        assert tip(page) is None


def test_what_a_number_means_is_not_shown_when_it_may_have_changed(page):
    number(page, "value", "b").hover()
    assert tip(page).startswith("b = ")
    page.keyboard.press("ArrowLeft")
    assert tip(page) is None


def test_tab_reaches_one_number_and_the_arrow_keys_lead_to_the_others(page):
    page.locator(".chosen .drawing").focus()
    page.keyboard.press("Tab")
    assert tip(page) == "x = 0.3: an input"
    before = page.evaluate("chosen.step")
    page.keyboard.press("ArrowRight")
    assert re.fullmatch("dx = .*: the derivative of L with respect to x", tip(page))
    page.keyboard.press("ArrowDown")
    assert tip(page).startswith("b = ")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowUp")
    assert tip(page) == "x = 0.3: an input"
    assert page.evaluate("chosen.step") == before  # the keys do not step
    page.keyboard.press("Escape")
    assert tip(page) is None
    page.keyboard.press("ArrowRight")
    assert tip(page).startswith("dx = ")
    page.keyboard.press("Tab")  # on, past all numbers
    assert tip(page) is None
    assert page.evaluate("document.activeElement.closest('svg')") is None
    page.keyboard.press("Shift+Tab")
    assert tip(page).startswith("dx = ")  # where the reader was


def test_a_number_that_is_not_known_yet_is_not_reached(page):
    """At the first step only the inputs are."""
    page.evaluate("chosen.moveTo(0)")
    page.locator(".chosen .drawing").focus()
    page.keyboard.press("Tab")
    found = [tip(page)]
    for _ in range(9):
        page.keyboard.press("ArrowDown")
        found.append(tip(page))
    names = [text.partition(" = ")[0] for text in dict.fromkeys(found)]
    assert names == ["x", "A[0]", "A[1]", "T"]


def test_no_number_is_wider_than_its_wire_however_long_it_has_become(page):
    """And one that became short again has its natural width."""
    wide = """() => chosen.drawing.numbers.filter(({ isKnown }) => isKnown).map(({ part, node, text }) => [
        text.textContent, text.getBoundingClientRect().width,
        chosen.drawing.parts.get(`lead-${node}`).getBoundingClientRect().width, text.hasAttribute("textLength")])"""
    page.get_by_text("Inputs", exact=True).click()
    before = page.evaluate(wide)
    for name, value in {"x": "-0.0012345", "A[0, 0]": "-1.2345e-100", "A[0, 1]": "-98765432.1"}.items():
        page.get_by_role("spinbutton", name=name, exact=True).fill(value)
    found = page.evaluate(wide)
    assert "[-1.23e-100  -9.88e+07]" in [text for text, *_ in found]
    assert [text for text, number, wire, _ in found if number > wire + 1] == []
    assert sum(is_squeezed for *_, is_squeezed in found) > 2
    page.get_by_role("button", name="Original numbers").click()
    assert page.evaluate(wide) == before
    assert not any(is_squeezed for *_, is_squeezed in before)
