"""Promises of mlp.pages.frame, seen in a browser: what is put into a page stays text, and it asks for nothing."""

import jinja2
import pytest

from mlp.circuits import expression
from mlp.pages import frame

PAGE = """
{% extends "page.html" %}
{% block title %}<title>{{ title }}</title>{% endblock %}
{% block body %}<main><h1>{{ title }}</h1>{{ drawing }}<img alt="far away" src="{{ address }}"></main>{% endblock %}
"""


@pytest.fixture
def page(tmp_path, monkeypatch):
    """A page with a title that would be a script and an image that lies elsewhere, written to a file."""
    from markupsafe import Markup

    from mlp.circuits.drawing.picture import picture
    from mlp.circuits.source_text import parse_values
    from mlp.figures import style

    circuit = expression.parse("x * y", parse_values(["x=2", "y=3"]))
    circuit.run()
    own = jinja2.ChoiceLoader([jinja2.DictLoader({"own.html": PAGE}), frame._environment().loader])
    monkeypatch.setattr(frame._environment(), "loader", own)
    path = tmp_path / "page.html"

    def make(address):
        svg = Markup(style.inline(picture(circuit), "product"))  # noqa: S704
        path.write_text(frame.render("own.html", title="<script>alert(1)</script>", drawing=svg, address=address))
        return path

    return make


def test_a_page_shows_text_as_text_and_everyone_can_use_it(page, visit, look, accessible):
    opened = visit(page("data:,"), **look)
    assert opened.inner_text("h1") == opened.title() == "<script>alert(1)</script>"
    accessible(opened)
    box = opened.locator("svg").bounding_box()
    assert 100 < box["width"] <= look["width"]
    paper = opened.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (paper == "rgb(255, 255, 255)") == (not look["dark"])


def test_the_black_text_of_a_figure_is_light_on_a_dark_page(page, visit):
    from matplotlib.figure import Figure

    from mlp.figures import style

    figure = Figure()
    figure.text(0.5, 0.5, "words")
    path = page("data:,")
    path.write_text(path.read_text().replace("</main>", f"{style.inline(figure, 'words')}</main>"))
    text = visit(path, dark=True).get_by_text("words")
    assert text.evaluate("element => getComputedStyle(element).fill") == "rgb(232, 234, 237)"


def test_paper_is_light_whatever_the_screen_is(page, visit):
    opened = visit(page("data:,"), dark=True)
    opened.emulate_media(media="print")
    assert opened.evaluate("getComputedStyle(document.body).color") == "rgb(31, 31, 31)"


def test_a_browser_refuses_what_a_page_would_ask_for(page, chromium, tmp_path):
    (tmp_path / "beside.png").write_bytes(b"")
    tab, said = chromium.new_page(), []
    tab.on("console", lambda message: said.append(message.text))
    tab.goto(page((tmp_path / "beside.png").as_uri()).as_uri())
    tab.close()
    assert any("Content Security Policy" in word for word in said)
