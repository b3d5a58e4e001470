"""A page in Chinese (NAME.zh.md) has all that the English page (NAME.md) has, and each leads to the other."""

import re
from collections import Counter

import pytest

from tests.conftest import ROOT
from tests.markdown import anchors, links, without_blocks

CHINESE = sorted([*ROOT.glob("*.zh.md"), *ROOT.glob("docs/*.zh.md")])
EACH_PAGE = pytest.mark.parametrize("chinese", CHINESE, ids=lambda page: page.name)


def english_of(chinese):
    return chinese.with_name(chinese.name.replace(".zh.md", ".md"))


def read(page):
    """The line that leads to the other language, and what is below."""
    _, languages, body = page.read_text(encoding="utf-8").split("\n\n", 2)
    return languages, body


@EACH_PAGE
def test_each_language_leads_to_the_other(chinese):
    english = english_of(chinese)
    assert links(read(chinese)[0]) == [english.name]
    assert links(read(english)[0]) == [chinese.name]


def prose(text):
    return without_blocks(text).replace("`", "")


@EACH_PAGE
def test_both_languages_have_the_same_blocks_pictures_tables_names_and_figures(chinese):
    """What stands in the one and not in the other is what one of them lost."""
    shared = {
        "blocks": lambda text: re.findall(r"```.*?```", text, re.DOTALL),
        "code": lambda text: Counter(re.findall(r"`[^`\n]+`", without_blocks(text))),
        "pictures": lambda text: re.findall(r"!\[[^]]+\]\(([^)]+)\)", text),
        "headings": lambda text: re.findall(r"^#+ ", without_blocks(text), re.MULTILINE),
        "tables": lambda text: [line.count("|") for line in without_blocks(text).splitlines() if line.startswith("|")],
        "figures": lambda text: Counter(re.findall(r"\d+[.,]\d+|\d{3,}", prose(text))),
        "numbers": lambda text: set(re.findall(r"\d+(?:[.,]\d+)*", prose(text))),  # "the ones" are 数字 1
    }
    for what, of in shared.items():
        assert of(read(english_of(chinese))[1]) == of(read(chinese)[1]), what


@EACH_PAGE
def test_links_of_a_chinese_page_lead_to_the_same_places_in_chinese_where_there_are(chinese):
    english = english_of(chinese)
    assert set(links(read(english)[1])) == {in_english(target, chinese) for target in links(read(chinese)[1])}


def in_english(target, page):
    """A link of a Chinese page, as the English page has it; fails if it leads to English what is there in Chinese."""
    path, _, heading = target.partition("#")
    file = page.parent / path if path else page
    assert path.startswith("https://") or not file.with_suffix(".zh.md").exists(), target
    if not file.name.endswith(".zh.md"):
        return target
    path = path.replace(".zh.md", ".md")
    return f"{path}#{same_heading(heading, file)}" if heading else path


def same_heading(heading, chinese):
    """The anchor of the English page at the place that this one has in the Chinese page."""
    there, here = (anchors(page.read_text(encoding="utf-8")) for page in (english_of(chinese), chinese))
    return there[here.index(heading)]
