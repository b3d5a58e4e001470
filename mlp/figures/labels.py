"""A figure's labels in the reader's language: in English if no font on this machine has the characters of the language.

matplotlib brings DejaVu Sans, which has no Chinese.
"""

from mlp.figures import style  # noqa: F401  must come before matplotlib

# isort: split
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, partial
from typing import Any

from matplotlib import rc_context
from matplotlib.font_manager import fontManager, get_font

from mlp.languages.catalogue import Say, catalogue, say

FONTS = (
    "Noto Sans CJK SC",
    "Noto Sans SC",
    "Source Han Sans SC",
    "Source Han Sans CN",
    "PingFang SC",
    "Hiragino Sans GB",
    "Heiti SC",
    "Microsoft YaHei",
    "SimHei",
    "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei",
    "Droid Sans Fallback",
    "Noto Sans CJK JP",  # the first face of a collection of all, and the only one that matplotlib lists
    "Arial Unicode MS",
)
"""Sans-serif fonts for Chinese on Linux, macOS and Windows, the most wanted first."""


@contextmanager
def labels(language: str) -> Iterator[Say]:
    """Within this block, and within ``style.own_settings``, a figure's labels are those of the function that it gives.

    Letters that DejaVu Sans has look as always.
    """
    font = font_for(language)
    settings: dict[Any, Any] = {} if font is None else {"font.family": ["DejaVu Sans", font]}
    with rc_context(settings):
        yield partial(say, language="en" if font is None else language)


@cache
def font_for(language: str) -> str | None:
    """The first of ``FONTS`` on this machine with all characters of the language's labels; None for English, too."""
    texts = "".join(str(text) for key, text in catalogue(language).items() if key.startswith("figure."))
    files = {font.name: font.fname for font in reversed(fontManager.ttflist) if font.weight in (400, "normal")}
    for name in FONTS if language == "zh" else ():
        if name in files and all(get_font(files[name]).get_char_index(ord(character)) for character in set(texts)):
            return name
    return None
