"""Promises of circuits in a notebook's page: each steps by itself, and the notebook is left alone."""

import re

import pytest

import mlp

NOTEBOOK = """<!DOCTYPE html>
<html lang="en"><head><title>notebook</title></head><body{}>
<main><h1>a notebook</h1><div class="output">{}</div><p style="height: 2000px">text</p><div class="output">{}</div>
</main></body></html>"""
FITS = "document.body.offsetHeight <= innerHeight && innerHeight < document.body.offsetHeight + 2"
"""Whether a frame is as high as its page."""


@pytest.fixture
def notebook(visit, tmp_path):
    """A page with the same circuit twice, as in the HTML of a notebook; and the frames of the two."""

    def notebook(background=None, **options):
        circuit = mlp.circuit("q = x + y; f = q * z", x=-2, y=5, z=-4)
        path = tmp_path / "notebook.html"
        style = f' style="background: {background}"' if background else ""
        path.write_text(NOTEBOOK.format(style, circuit._repr_html_(), circuit._repr_html_()), encoding="utf-8")
        page = visit(path, **options)
        frames = page.frames[1:]
        for frame in frames:
            frame.wait_for_function(FITS)
        return page, *frames

    return notebook


def counters(*frames):
    return [frame.locator(".counter").inner_text() for frame in frames]


def test_two_circuits_step_by_themselves_and_the_page_stays_where_it_is(notebook):
    """``visit`` asserts that there is no request and nothing on the console."""
    page, first, second = notebook()
    assert page.locator("img").count() == 0  # there are frames, so no picture
    second.get_by_role("button", name="Last step").click()
    assert counters(first, second) == ["step 0 of 7", "step 7 of 7"]
    before = page.evaluate("[scrollY, document.body.scrollHeight, history.length, location.href]")
    for key in ("ArrowLeft", "ArrowLeft", "ArrowRight"):
        page.keyboard.press(key)
    assert counters(first, second) == ["step 0 of 7", "step 6 of 7"]
    assert page.evaluate("[scrollY, document.body.scrollHeight, history.length, location.href]") == before
    page.locator("h1").click()
    page.keyboard.press("ArrowRight")
    assert counters(first, second) == ["step 0 of 7", "step 6 of 7"]
    assert page.evaluate("[getComputedStyle(document.body).fontSize, document.querySelectorAll('[id]').length]") == [
        "16px",
        0,
    ]


def test_the_language_of_a_circuit_changes_in_its_frame_alone_and_nothing_is_cut_off(notebook):
    page, first, second = notebook(locale="zh-CN", width=390)
    before = page.evaluate("[scrollY, history.length, location.href]")
    switch = first.get_by_role("button", name="English")
    button, expression = switch.bounding_box(), first.locator(".expression code").bounding_box()
    assert expression["x"] + expression["width"] <= button["x"]
    switch.click()
    assert counters(first, second) == ["step 0 of 7", "第 0 步，共 7 步"]
    first.wait_for_function("document.body.offsetHeight <= innerHeight")
    assert page.evaluate("[scrollY, history.length, location.href]") == before


def test_a_circuit_in_a_notebook_is_accessible(notebook, accessible):
    page, frame, _ = notebook(width=390, dark=True)
    frame.get_by_role("button", name="Last step").click()
    accessible(frame)
    assert page.locator("iframe").first.get_attribute("title") == "q = x + y; f = q * z, step by step"


@pytest.mark.parametrize(
    ("background", "system_is_dark", "is_dark"),
    [("#fff", True, False), ("#111", False, True), (None, True, True)],
)
def test_a_circuit_is_dark_in_a_dark_notebook(notebook, background, system_is_dark, is_dark):
    """The notebook's theme counts, and not the system's; without a background of its own it is as the system."""
    _, frame, _ = notebook(background, dark=system_is_dark)
    paper, ink = frame.evaluate(
        "[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]"
    )
    assert [sum(map(int, re.findall(r"\d+", color))) < 384 for color in (paper, ink)] == [is_dark, not is_dark]
