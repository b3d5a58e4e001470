"""An expression as a circuit, from Python and in a notebook."""

from __future__ import annotations  # so that help() shows ArrayLike by its name, and not what it stands for

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from mlp.circuits.circuit import Circuit
from mlp.circuits.expression import parse
from mlp.circuits.source_text import parse_value
from mlp.gates import Array
from mlp.system.errors import InputError

NOTHING: Mapping[str, Any] = {}


def circuit(
    text: str,
    given: Mapping[str, ArrayLike | str] = NOTHING,
    /,
    *,
    stages: bool = False,
    upstream: ArrayLike = 1.0,
    **values: ArrayLike | str,
) -> Circuit:
    """The circuit of an expression, after both passes: ``circuit("(x + y) * z", x=-2, y=5, z=-4)``.

    values: for each name in the expression a number, nested lists of numbers, an array, or the text of one of these as
    on the command line. ``given`` has more of them, by name, also those that are named like an option. stages: split
    each sigmoid into four gates. upstream: the gradient of the output, which broadcasts to its shape.

    Raises InputError as the command does, with the place in the text: if something is not in the language, a name has
    no value, a value is not used, shapes do not fit, or a number overflows or is not defined.
    """
    try:
        arrays = {name: as_array(name, value) for name, value in {**given, **values}.items()}
        found = parse(text, arrays, stages=stages)
        found.run(upstream)
    except InputError as error:
        raise error.with_traceback(None) from None  # its message is enough, as in mlp.train
    return found


def as_array(name: str, value: ArrayLike | str) -> Array:
    """A value as an array of float64. Raises InputError if it is not made of real numbers."""
    if isinstance(value, str):
        return parse_value(name, value)
    try:
        array = np.asarray(value)
    except ValueError:  # lists of different lengths
        raise InputError(f"the value of {name}: the items of an array must have the same shape") from None
    if array.dtype.kind not in "biuf":
        raise InputError(f"the value of {name}: must be a number, or an array of numbers, not {value!r:.60}")
    if not array.size:
        raise InputError(f"the value of {name}: an array must not be empty")
    return array.astype(float)
