"""A figure's labels in the reader's language: in English if no font on this machine has the characters of the language.

matplotlib brings DejaVu Sans, which has no Chinese.
"""

from mlp.figures import style  # noqa: F401  must come before matplotlib

# isort: split
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from typing import Any

from matplotlib import rc_context, rcParams
from matplotlib.font_manager import findfont, findSystemFonts, fontManager, get_font

from mlp.languages.catalogue import Say, say, section
from mlp.system.printable import printable

FONTS = (
    "NotoSansCJKsc-Regular",
    "NotoSansSC-Regular",
    "NotoSansCJK-Regular",
    "SourceHanSansSC-Regular",
    "SourceHanSansCN-Regular",
    "PingFang",
    "Hiragino Sans GB",
    "STHeiti Medium",
    "msyh",
    "simhei",
    "wqy-microhei",
    "wqy-zenhei",
    "DroidSansFallbackFull",
    "DroidSansFallback",
    "Arial Unicode",
)
"""The files, without their endings, of sans-serif fonts for Chinese on Linux, macOS and Windows; the best is first."""


@contextmanager
def labels_in(language: str) -> Iterator[Say]:
    """A block in which a figure is made with labels in this language, by the ``say`` that the block gets.

    It must lie within ``style.own_settings``. DejaVu Sans stays the first font: its characters look the same.
    """
    font = font_for(language)
    with also(font):
        yield partial(say, language="en" if font is None else language)


@contextmanager
def also(font: str | None) -> Iterator[None]:
    """Within this block texts are in DejaVu Sans, and what it lacks in this other font."""
    settings: dict[Any, Any] = {} if font is None else {"font.family": ["DejaVu Sans", font]}
    with rc_context(settings):
        yield


def lacking(text: str) -> frozenset[str]:
    """The characters of a text that matplotlib's own font, DejaVu Sans, lacks, except for line breaks."""
    own = get_font(findfont("DejaVu Sans"))
    return frozenset(character for character in text if character != "\n" and not own.get_char_index(ord(character)))


def drawable(text: str) -> tuple[str, list[str]]:
    """A text in one printable line, and the families of the fonts to draw it in.

    A replacement sign stands for each character that no font here has.
    """
    line = printable(text)
    if not (letters := lacking(line)):
        return line, list(rcParams["font.family"])
    if font := font_with(letters):
        return line, ["DejaVu Sans", font]
    return "".join("\N{REPLACEMENT CHARACTER}" if c in letters else c for c in line), list(rcParams["font.family"])


def font_for(language: str) -> str | None:
    """The name of the first of ``FONTS`` here that has all characters of the labels; None for English, too."""
    texts = section(language, "figure").values() if language == "zh" else ()
    return font_with(frozenset("".join(map(str, texts))))


@cache
def font_with(characters: frozenset[str]) -> str | None:
    """The name of the first of ``FONTS`` here that has all these characters; None if none has, or for no characters.

    It is searched on the disk: matplotlib's own list does not have fonts that were installed after it was made.
    """
    files = {Path(file).stem.lower(): file for file in findSystemFonts()} if characters else {}
    for file in (files[name.lower()] for name in FONTS if name.lower() in files):
        font = get_font(file)
        if all(font.get_char_index(ord(character)) for character in characters):
            fontManager.addfont(file)
            return font.family_name
    return None
