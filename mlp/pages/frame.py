"""Pages that a browser opens from the disk: one file each, which asks nothing of the network.

A template in templates/ says what a page has, page.html what they all have: the style, light and dark, and a policy
by which a browser refuses every request.
"""

import base64
import io
import zlib
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape
from numpy.typing import NDArray

from mlp.system.printable import printable, printable_lines

TEMPLATES = files("mlp.pages") / "templates"


@cache
def _environment() -> Environment:
    """The templates; every text put into one is printable and escaped, and one that is missing is an error."""
    environment = Environment(
        loader=PackageLoader("mlp.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    environment.globals |= {"source": _source, "zip": zip}
    environment.filters["lines"] = _lines
    return environment


def _shown(value: object) -> object:
    """What a template is given, in one printable line if it is text: some characters no page may have."""
    return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _lines(text: str) -> Markup:
    """Text of several lines, for a template."""
    return escape(printable_lines(text))


def _source(name: str) -> Markup:
    """A style sheet or a script of templates/ as it stands."""
    return Markup((TEMPLATES / name).read_text(encoding="utf-8"))  # noqa: S704  our own files


def render(template: str, **facts: Any) -> str:
    """The page that the template of this name makes of the facts."""
    return _environment().get_template(template).render(facts)


def packed(array: NDArray[Any]) -> dict[str, Any]:
    """An array for a page's script, whose ``unpack`` makes it an array of the same type again, in one dimension."""
    data = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
    return {
        "type": array.dtype.name,
        "data": base64.b64encode(zlib.compress(data.tobytes())).decode("ascii"),
    }


def data_uri(pixels: NDArray[np.uint8], colors: NDArray[np.uint8] | None = None, *, within: int | None = None) -> str:
    """An image that lies in the page itself, as a PNG: (rows, columns) of grey, or of places in a list of colours.

    ``colors`` is that list, (up to 256, 3), the first of which is not drawn; ``within`` the longest side to be shown.
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
