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

from matplotlib import rc_context
from matplotlib.font_manager import findSystemFonts, fontManager, get_font

from mlp.languages.catalogue import Say, catalogue, say

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
    settings: dict[Any, Any] = {} if font is None else {"font.family": ["DejaVu Sans", font]}
    with rc_context(settings):
        yield partial(say, language="en" if font is None else language)


@cache
def font_for(language: str) -> str | None:
    """The name of the first of ``FONTS`` here that has all characters of the texts; None for English, too.

    It is searched on the disk: matplotlib's own list does not have fonts that were installed after it was made.
    """
    characters = {ord(c) for text in catalogue(language).values() for c in str(text) if c.isprintable()}
    files = {Path(file).stem.lower(): file for file in findSystemFonts()} if language == "zh" else {}
    for file in (files[name.lower()] for name in FONTS if name.lower() in files):
        font = get_font(file)
        if all(map(font.get_char_index, characters)):
            fontManager.addfont(file)
            return font.family_name
    return None
