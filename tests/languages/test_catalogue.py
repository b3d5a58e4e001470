"""Every text is there in every language, with the same places for values, and is shown somewhere."""

import re
from string import Formatter

import pytest

from mlp.languages.catalogue import LANGUAGES, say, texts
from tests.conftest import ROOT
from tests.languages.catalogue import catalogue

SOURCES = "\n".join(
    path.read_text(encoding="utf-8") for ending in ("py", "html", "js") for path in (ROOT / "mlp").rglob(f"*.{ending}")
)
QUOTED = set(re.findall(r"(?<=[\"'])[\w.-]+(?=[\"'])", SOURCES))
BY_NAME = "examples.", "gates."
"""Sections whose keys are names; tests of examples and gates hold them complete."""
OTHERS = [language for language in LANGUAGES if language != "en"]


def places(text):
    """The places for values in a text, or in any of its forms."""
    forms = [text] if isinstance(text, str) else text.values()
    return {name for form in forms for _, name, _, _ in Formatter().parse(form) if name is not None}


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_texts_are_those_of_the_file(language):
    wanted = {*catalogue(language), "no.text", "page.nothing"}
    assert list(texts(wanted, language).items()) == list(catalogue(language).items())


@pytest.mark.parametrize("language", OTHERS)
def test_every_language_has_the_same_texts_with_the_same_places(language):
    english, other = catalogue("en"), catalogue(language)
    assert sorted(other) == sorted(english)
    assert {key: places(text) for key, text in other.items()} == {key: places(text) for key, text in english.items()}


def test_every_text_is_used_and_every_key_in_use_has_its_text():
    keys = set(catalogue("en"))
    assert {key for key in keys - QUOTED if not key.startswith(BY_NAME)} == set()
    assert set(re.findall(r'\bsay\(\s*"([a-z_.]+)"', SOURCES)) <= keys
    assert set(re.findall(r'\bsay_in\("[a-z-]+", "([a-z_.]+)"', SOURCES)) <= keys


@pytest.mark.parametrize("language", OTHERS)
def test_no_text_is_forgotten(language):
    same = {key for key, text in catalogue(language).items() if text == catalogue("en")[key]}
    assert same == set()


def test_a_text_takes_the_form_of_its_count(monkeypatch):
    forms = {"t.errors": {"one": "{count} error", "other": "{count} errors"}, "t.name": "run {name}"}
    monkeypatch.setattr("mlp.languages.catalogue.section", lambda *_: forms)
    assert [say("t.errors", count=count) for count in (0, 1, "1", "1,000")] == [
        "0 errors",
        "1 error",
        "1 error",
        "1,000 errors",
    ]
    assert say("t.name", name="{x}") == "run {x}"


@pytest.mark.parametrize(
    ("digit", "article"), [(0, "a"), (8, "an"), ("8", "an"), (1, "a"), (11, "an"), (18, "an"), (81, "an"), (181, "a")]
)
def test_an_english_article_goes_with_its_number(monkeypatch, digit, article):
    made = {"t.answer": "neither a {digit} nor a 5", "t.heading": "A {digit} is data {digit}"}
    monkeypatch.setattr("mlp.languages.catalogue.section", lambda *_: made)
    assert say("t.answer", digit=digit) == f"neither {article} {digit} nor a 5"
    assert say("t.heading", digit=digit) == f"{article.capitalize()} {digit} is data {digit}"
