"""Labels are in the reader's language if a font here has its characters, in English otherwise, and never boxes."""

import numpy as np
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from matplotlib.figure import Figure

from mlp.circuits.drawing.picture import picture
from mlp.circuits.expression import parse
from mlp.figures import curves
from mlp.figures.fonts import labels
from mlp.figures.samples import class_samples
from mlp.system.errors import InputError
from tests.figures.test_curves import history
from tests.languages.catalogue import catalogue


def characters(language):
    return {ord(c) for key, text in catalogue(language).items() if key.startswith("figure.") for c in str(text)}


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
    builder.setupNameTable({"familyName": f"Made {path.stem}", "styleName": "Regular"})
    builder.setupOS2()
    builder.setupPost()
    builder.save(path)
    return str(path)


@pytest.fixture
def fonts(monkeypatch):
    """The fonts that this machine has."""
    here = []
    monkeypatch.setattr(labels, "findSystemFonts", lambda: here)
    labels.font_with.cache_clear()
    yield here
    labels.font_with.cache_clear()


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
    labels.font_with.cache_clear()
    assert drawn(tmp_path / "curve.png", "zh") == english


def test_the_name_of_a_class_is_in_such_a_font_or_has_signs_in_the_place_of_letters(fonts, tmp_path):
    assert labels.drawable("猫 cat")[0] == "\N{REPLACEMENT CHARACTER} cat"
    fonts.append(font(tmp_path / "simsun.ttf", map(ord, "猫")))
    fonts.append(font(tmp_path / "wqy-microhei.ttf", map(ord, "猫")))
    labels.font_with.cache_clear()
    assert labels.drawable("猫 cat") == ("猫 cat", ["DejaVu Sans", "Made wqy-microhei"])
    class_samples(tmp_path / "samples.png", np.zeros((1, 4, 4), np.uint8), np.array([7], np.uint8), {7: "猫 cat"})


def test_a_circuit_s_names_may_have_letters_of_such_a_font_and_have_room(fonts, tmp_path):
    fonts.append(font(tmp_path / "msyh.ttf", map(ord, "权重")))  # of another name: matplotlib keeps the first one
    circuit = parse("权重 * x", {"权重": 2, "x": 3})
    circuit.run()
    figure = picture(circuit)
    curves.save(figure, tmp_path / "circuit.png")  # a missing character would warn
    (name,) = [text for text in figure.axes[0].texts if text.get_text() == "权重"]
    assert name.get_window_extent().x0 >= 0


def test_a_circuit_s_caption_is_in_chinese_if_a_font_has_all_its_characters(fonts, tmp_path):
    circuit = parse("sum(x)", {"x": [2, 3]})
    circuit.run()
    english = picture(circuit, local=True).axes[0].texts[-1].get_text()
    assert picture(circuit, local=True, language="zh").axes[0].texts[-1].get_text() == english
    fonts.append(font(tmp_path / "wqy-zenhei.ttf", {ord(c) for text in catalogue("zh").values() for c in str(text)}))
    labels.font_with.cache_clear()
    figure = picture(circuit, local=True, language="zh")
    assert figure.axes[0].texts[-1].get_text().startswith("绿色，连线上方：值；红色，")
    curves.save(figure, tmp_path / "circuit.png")  # a missing character would warn


def test_a_name_without_a_font_is_refused(fonts):
    circuit = parse("日本 * 2", {"日本": 1})
    circuit.run()
    with pytest.raises(InputError, match="the font of drawings, DejaVu Sans, has no 日 本: choose another name"):
        picture(circuit)
