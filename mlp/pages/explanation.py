"""What a page says about a gate: its passes as text, with places for names and numbers, and its local gradients.

In the text {0}, {1}, ... are the inputs, then come the output and its gradient. The page's script puts the gate's own
symbols there for the rule, names for the equation, and numbers. A form that people read comes first; the exact one
follows if it differs. The script shows the exact one where the numbers differ.
"""

import re
from typing import Any

from mlp.circuits.formula_text import SUM, Rule, plain
from mlp.circuits.local_gradient import PRODUCTS, local_gradient
from mlp.gates import Elementwise, Gate, Max
from mlp.languages.catalogue import section
from mlp.trace import Formula, Term


def explain(gate: Gate, formula: Formula) -> dict[str, Any]:
    """The texts, ready for JSON; null for the gradient of a class index."""
    kinds = {"copies": isinstance(gate, Elementwise), "routes": isinstance(gate, Max)}
    return {
        "gate": str(gate),
        **about(gate),
        "symbols": [symbol.symbol for symbol in (*formula.inputs, formula.output, formula.upstream)],
        **{kind: True for kind, is_it in kinds.items() if is_it},
        "forward": _forms(formula, formula.value),
        "backward": [None if term is None else _backward(gate, formula, term) for term in formula.gradients],
    }


def about(gate: Gate) -> dict[str, str]:
    """What a page says about a gate: ``says``, the key of a text, or ``about``, the text itself.

    A gate of this library has a text in each language. Another gate's is the first paragraph of its docstring.
    """
    key = f"gates.{re.sub(r'[^a-z]', '_', gate.name)}"
    if type(gate).__module__.startswith("mlp.") and key in section("en", "gates"):
        return {"says": key}
    return {"about": " ".join((gate.__doc__ or "").partition("\n\n")[0].split())}


def _backward(gate: Gate, formula: Formula, gradient: Term) -> dict[str, Any]:
    """The gradient of one input, and its local gradient, which is null if it is a Jacobian."""
    local = local_gradient(gate, formula, gradient)
    return {
        "forms": _forms(formula, gradient),
        "local": None if local is None else Rule(_places(formula)).write(plain(formula, local), SUM),
    } | ({"product": True} if gradient.function in PRODUCTS else {})


def _forms(formula: Formula, term: Term) -> list[str]:
    rule, written = Rule(_places(formula)), plain(formula, term)
    return [rule.write(one) for one in ([term] if written is term else [written, term])]


def _places(formula: Formula) -> dict[Term, str]:
    symbols = (*formula.inputs, formula.output, formula.upstream)
    return {symbol: f"{{{place}}}" for place, symbol in enumerate(symbols)}
