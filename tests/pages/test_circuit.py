"""Promises of mlp.pages.circuit: all a reader without scripts needs; no text gets out. More in tests/browser."""

import json
import re
from html import unescape

from mlp.circuits import listing
from mlp.circuits.drawing.picture import picture
from mlp.circuits.examples import EXAMPLES, shows
from mlp.circuits.expression import parse
from mlp.circuits.listing import staged
from mlp.circuits.source_text import parse_values
from mlp.pages import circuit as circuit_page


def run(text, *values):
    circuit = parse(text, parse_values(values))
    circuit.run()
    return circuit


def example(name):
    return run(EXAMPLES[name].expression, *EXAMPLES[name].arguments())


def listing_in(section):
    """The text of a page's listing."""
    return unescape(re.search(r'aria-label="listing"[^>]*><code>(.*?)</code>', section, re.DOTALL)[1])


def near(text):
    """A listing whose comments follow the code at once, as in a page."""
    return re.sub(" +# ", "  # ", text)


def test_a_page_s_listing_is_the_command_s(gallery):
    sections = gallery.read_text(encoding="utf-8").split('<section class="circuit"')[1:]
    found = {re.search(r'data-name="([^"]+)"', section)[1]: listing_in(section) for section in sections}
    for name in EXAMPLES:
        circuit = example(name)
        assert found[name] == near(staged(circuit.graph, circuit.output))


def test_a_page_builds_its_listing_once_in_each_form_and_a_picture_none(monkeypatch, tmp_path):
    """As it stands, plain and exact. However its builder is imported: it calls ``_backward`` once."""
    built = []
    build = listing._backward
    monkeypatch.setattr(listing, "_backward", lambda *arguments: built.append(1) or build(*arguments))
    circuit = example("staged")
    circuit_page.write(circuit, "staged", tmp_path / "page.html")
    assert len(built) == 3
    picture(circuit)
    assert len(built) == 3


def test_the_only_circuit_of_a_page_has_a_name_that_can_be_read_out():
    assert ' aria-label="circuit" ' in circuit_page.page(example("add"), "f = x + y")


HOSTILE = "</script><img src=x onerror=alert(1)>'\"&{{ 7 * 7 }}"


def test_no_text_gets_out_of_its_place(tmp_path):
    circuit = run("ñandú * π", "ñandú=2", "π=3")
    circuit_page.write(circuit, HOSTILE, tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert HOSTILE not in page
    assert "<img" not in page
    assert HOSTILE in unescape(page)
    assert page.count("</script>") == 3
    data = json.loads(re.search(r'<script type="application/json">(.*?)</script>', page, re.DOTALL)[1])
    assert [node["name"] for node in data["nodes"]] == ["ñandú", "π", "f"]


def test_in_a_pages_data_no_sign_opens_a_tag(tmp_path):
    circuit_page.write(run("max(x, y)", "x=1", "y=2"), "max(x, y)", tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    data = re.search(r'<script type="application/json">(.*?)</script>', page, re.DOTALL)[1]
    told = re.search("const TEXTS = (.*);", page)[1]
    assert "<" not in data + told
    assert json.loads(told)["max"]["backward"][1]["local"] == "({0} < {1})"


def test_without_a_script_a_page_has_all_numbers_and_the_listing(tmp_path):
    circuit = example("sum-times")
    circuit_page.write(circuit, "q = x + y; f = q * z", tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    texts = re.findall(r"<text[^>]*>([^<]*)</text>", page)
    assert sorted(texts) == sorted(["x", "y", "z", "q", "f", "+", "×", "-2", "5", "3", "-12", "1", "3", *["-4"] * 4])
    assert listing_in(page) == near(staged(circuit.graph, circuit.output))
    assert "<title>q = x + y; f = q * z</title>" in page  # what a tab and a bookmark are called


def test_the_gallery_has_every_example_in_its_order_and_is_quick_to_open(gallery):
    page = gallery.read_text(encoding="utf-8")
    names = re.findall(r'<section class="circuit" id="[^"]+" data-name="([^"]+)"', page)
    assert [name for name in names if name != "sigmoid-stages"] == list(EXAMPLES)
    assert names[names.index("sigmoid-neuron") + 1] == "sigmoid-stages"
    for name, one in EXAMPLES.items():
        assert one.expression in unescape(page)
        assert f">{shows(name)}</p>" in unescape(page)
    assert "the Jacobian J of (x1, x2, x3, x4) with respect to (z1, z2)" in page
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert len(page) < 500_000
