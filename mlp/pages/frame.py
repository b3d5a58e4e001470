"""What all HTML pages share: each is one file that works offline.

templates/page.html is the frame of every page: the style, light and dark, a policy that makes the browser refuse every
request, and the texts that the page shows, in every language. The page stands in English; templates/language.js
shows it in the reader's language.
"""

import base64
import io
import json
import re
import zlib
from collections.abc import Mapping
from functools import cache
from html import unescape
from importlib.resources import files
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from jinja2.utils import htmlsafe_json_dumps
from markupsafe import Markup, escape
from numpy.typing import NDArray
from rcssmin import cssmin
from rjsmin import jsmin

from mlp.figures.colors import css_colors
from mlp.languages.catalogue import LANGUAGES, form, say, section, text_of, texts
from mlp.system.printable import printable, printable_lines

TEMPLATES = files("mlp.pages") / "templates"
COLORS = Markup("/* colours */")
"""Where the colours are put, when it is known which ones a page uses."""
TEXTS = Markup("/* texts */")
"""Where the texts are put that the page's elements and scripts name by their keys."""
JSON: dict[str, Any] = {"separators": (",", ":"), "ensure_ascii": False}
"""How values are written into a page."""


@cache
def _environment() -> Environment:
    """The templates. Text put into one is made printable and escaped; a missing value is an error."""
    environment = Environment(
        loader=PackageLoader("mlp.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_one_line,
    )
    environment.policies["json.dumps_kwargs"] = {"separators": (",", ":")}
    environment.globals |= {"colors": COLORS, "texts": TEXTS, "source": _source, "zip": zip}
    environment.globals |= {"say": _say, "say_in": _say_in}
    environment.filters["small"] = lambda script: Markup(jsmin(script))  # noqa: S704  written by javascript.py
    environment.filters["lines"] = lambda text: escape(printable_lines(text))  # keeps the line breaks
    return environment


def _one_line(value: object) -> object:
    """Text as one printable line, as some characters are not allowed in a page; anything else unchanged."""
    return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value


@cache
def _source(name: str) -> Markup:
    """A style sheet or a script of templates/, unescaped, without comments and needless blanks: pages are small."""
    text = (TEMPLATES / name).read_text(encoding="utf-8")
    return Markup(cssmin(text) if name.endswith(".css") else jsmin(text))  # noqa: S704  our own files


def render(template: str, **facts: Any) -> str:
    """The page: the template of this name with these values."""
    page = _environment().get_template(template).render(facts)
    return page.replace(COLORS, cssmin(css_colors(page)), 1).replace(TEXTS, texts_of(page), 1)


def texts_of(page: str) -> str:
    """The texts whose keys occur in the page, for each language by key, as JSON."""
    named = {"page.language", *re.findall(r"(?<![\w.-])[a-z_]+\.[a-z_]+(?![\w.-])", page)}
    return htmlsafe_json_dumps({language: texts(named, language) for language in LANGUAGES}, **JSON)


def _say(key: str, tag: str = "span", **values: Any) -> Markup:
    """An element that shows the text of a key; ``tag`` is its name with its attributes, as 'h2 id="curves"'."""
    shown = {name: _one_line(value) for name, value in values.items()}
    text = Markup(form(text_of(key), shown)).format(**shown)  # noqa: S704  our own text; values are escaped
    start, end = Markup(tag), Markup(tag.split()[0])  # noqa: S704  a template's
    return Markup("<{}{}>{}</{}>").format(start, _marks(key, shown), text, end)


def _marks(key: str, shown: Mapping[str, object]) -> Markup:
    """The attributes of an element by which language.js finds its text and its values."""
    values = Markup(' data-values="{}"').format(json.dumps(shown, **JSON)) if shown else ""
    return Markup(' data-say="{}"{}').format(key, values)


def _say_in(attribute: str, key: str, **values: Any) -> Markup:
    """An attribute, such as aria-label, with the text of a key; language.js lists the attributes that may have one."""
    shown: dict[str, Any] = {name: _one_line(value) for name, value in values.items()}
    text = say(key, **shown)
    return Markup('{0}="{1}" data-in-{0}="{2}"').format(attribute, text, json.dumps([key, shown], **JSON))


def say_in_figure(svg: str) -> Markup:
    """The figure, an <svg> element; each of its texts that is one of the catalogue's section ``figure`` has its key."""

    def with_key(element: re.Match[str]) -> str:
        for key, pattern in _figure_texts().items():
            if found := pattern.fullmatch(unescape(element[2])):
                return f"<text{element[1]}{_marks(key, found.groupdict())}>{element[2]}</text>"
        return element[0]

    return Markup(re.sub(r"<text([^>]*)>([^<]*)</text>", with_key, svg))  # noqa: S704  our own figure


@cache
def _figure_texts() -> dict[str, re.Pattern[str]]:
    """For each text of a figure, by its key, what matches it with any values."""
    texts = {key: text for key, text in section("en", "figure").items() if isinstance(text, str)}
    return {key: re.compile(re.sub(r"\\{(\w+)\\}", r"(?P<\1>.+)", re.escape(text))) for key, text in texts.items()}


def packed(array: NDArray[Any]) -> dict[str, Any]:
    """An array for a page's script; ``unpack`` in report/images.js turns it into a flat array of the same type."""
    return _packed(array.dtype.name, np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes())


def packed_json(value: Any) -> dict[str, Any]:
    """A value for a page's script, from which ``unpack`` makes it again."""
    return _packed("json", json.dumps(value).encode())


def _packed(kind: str, data: bytes) -> dict[str, Any]:
    return {"type": kind, "data": base64.b64encode(zlib.compress(data)).decode("ascii")}


def data_uri(pixels: NDArray[np.uint8], colors: NDArray[np.uint8] | None = None, *, within: int | None = None) -> str:
    """An image (rows, columns) as a PNG within the page: grey levels, or indices into ``colors``.

    ``colors`` has shape (up to 256, 3); index 0 is transparent. ``within`` is the maximum length of the longer side.
    """
    from PIL import Image  # slow to import

    image, options = Image.fromarray(pixels), {}
    if colors is not None:
        image.putpalette(colors.tobytes())
        options = {"transparency": 0}
    if within is not None:
        image.thumbnail((within, within))
    file = io.BytesIO()
    image.save(file, "PNG", optimize=True, **options)
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode('ascii')}"
