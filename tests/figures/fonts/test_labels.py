"""Labels are in the reader's language if a font here has its characters, in English otherwise, and never boxes."""

import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from matplotlib.figure import Figure

from mlp.circuits.drawing.picture import picture
from mlp.circuits.expression import parse
from mlp.figures import curves
from mlp.figures.fonts import labels
from mlp.languages.catalogue import catalogue
from tests.figures.test_curves import history


def characters(language):
    return {ord(character) for text in catalogue(language).values() for character in str(text)}


def font(path, codes):
    """A font in which each of these characters is a square."""
    pen = TTGlyphPen(None)
    pen.moveTo((0, 0))
    for corner in ((0, 900), (900, 900), (900, 0)):
        pen.lineTo(corner)
    pen.closePath()
    names = [".notdef", "square"]
    builder = FontBuilder(1000)
    builder.setupGlyphOrder(names)
    builder.setupCharacterMap(dict.fromkeys(codes, "square"))
    builder.setupGlyf(dict.fromkeys(names, pen.glyph()))
    builder.setupHorizontalMetrics(dict.fromkeys(names, (1000, 0)))
    builder.setupHorizontalHeader(ascent=900, descent=-100)
    builder.setupNameTable({"familyName": f"Made for {path.parent.name}", "styleName": "Regular"})
    builder.setupOS2()
    builder.setupPost()
    builder.save(path)
    return str(path)


@pytest.fixture
def fonts(monkeypatch):
    """The fonts that this machine has."""
    here = []
    monkeypatch.setattr(labels, "findSystemFonts", lambda: here)
    labels.font_for.cache_clear()
    yield here
    labels.font_for.cache_clear()


def texts(figure):
    return {text.get_text() for text in figure.findobj(lambda artist: hasattr(artist, "get_text"))}


def drawn(path, language):
    """The texts of a loss curve, which is also written: a missing character would warn."""
    figure = curves.loss_figure(history(3), 2, "euclidean", language)
    assert isinstance(figure, Figure)
    curves.save(figure, path)
    return texts(figure)


def test_a_figure_is_in_chinese_if_a_font_has_all_characters(fonts, tmp_path):
    fonts.append(font(tmp_path / "simhei.ttf", characters("zh")))
    assert {"训练", "验证", "准确率", "轮次", "保留第 2 轮"} <= drawn(tmp_path / "curve.png", "zh")
    assert {"training", "validation", "epoch"} <= drawn(tmp_path / "curve.png", "en")


def test_it_is_in_english_without_such_a_font(fonts, tmp_path):
    fonts.append(font(tmp_path / "simhei.ttf", characters("zh") - {ord("轮")}))
    english = drawn(tmp_path / "curve.png", "en")
    assert drawn(tmp_path / "curve.png", "zh") == english
    fonts.clear()
    labels.font_for.cache_clear()
    assert drawn(tmp_path / "curve.png", "zh") == english


def test_the_caption_of_a_circuit_follows(fonts, tmp_path):
    circuit = parse("x * y", {"x": 2, "y": 3})
    circuit.run()
    english = "green, above a wire: its value; red, below: the derivative of f with respect to it"
    assert english in texts(picture(circuit, language="zh"))
    fonts.append(font(tmp_path / "simhei.ttf", characters("zh")))
    labels.font_for.cache_clear()
    figure = picture(circuit, language="zh", local=True)
    curves.save(figure, tmp_path / "circuit.png")
    (text,) = (text for text in texts(figure) if "绿色" in text)
    assert text.splitlines() == [
        "绿色，连线上方：值；红色，连线下方：f 对这个值的导数",
        "蓝色，连线进入门的地方：门的局部梯度",
    ]
