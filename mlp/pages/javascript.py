"""Both passes of graphs as JavaScript, written from the gates' formulas, for pages that compute.

A gate is a function forward and, directly under it, a function for the gradient of each input. They need
templates/passes/ndarray.js, which has NumPy's arrays in float64; a scalar is a plain number, with JavaScript's own
operators. templates/passes/graph.js runs the gates of a graph in their order.
"""

import json
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, count
from typing import Any, ClassVar, cast

import numpy as np
from markupsafe import Markup

from mlp.circuits import local_gradient as local_gradients
from mlp.circuits.formula_text import ATOM, FORMS, LOGICAL, LOWEST, NEGATIVE, OPERATORS, REDUCTIONS, Code, Form, plain
from mlp.gates import Array, Elementwise, Gate, Shape
from mlp.graph import ComputationalGraph
from mlp.losses import onehot, right_score, softmax
from mlp.pages.explanation import explain
from mlp.system.errors import InputError
from mlp.trace import Formula, Term, count_uses, parts, reshape, trace_function

SIGNS: dict[Any, str] = {np.power: "**"} | {
    function: sign for sign, function in OPERATORS.items() if sign not in LOGICAL and function is not np.matmul
}
"""The operators that Python and JavaScript have for numbers."""
IN_MATH = (
    *("exp", "expm1", "log", "log1p", "log2", "log10", "sqrt", "cbrt", "hypot", "sign", "floor", "ceil", "trunc"),
    *("sin", "cos", "tan", "sinh", "cosh", "tanh"),
)
ELEMENTWISE: dict[Any, str] = {
    **{function: f"(a, b) => a {sign} b" for function, sign in SIGNS.items()},
    **{getattr(np, name): f"Math.{name}" for name in IN_MATH},
    **{getattr(np, f"arc{name}"): f"Math.a{name}" for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh", "tan2")},
    **{np.absolute: "Math.abs", np.maximum: "Math.max", np.minimum: "Math.min"},
    **{np.negative: "(a) => -a", np.positive: "(a) => a", np.reciprocal: "(a) => 1 / a", np.square: "(a) => a * a"},
    **{np.logical_and: "(a, b) => a != 0 && b != 0", np.logical_or: "(a, b) => a != 0 || b != 0"},
    **{np.logical_xor: "(a, b) => (a != 0) != (b != 0)", np.logical_not: "(a) => a == 0"},
    np.where: "(is, a, b) => (is != 0 ? a : b)",
}
"""NumPy's elementwise functions as JavaScript's functions of numbers. In NumPy nan is true, in JavaScript false."""
OF_SCALARS: dict[Any, Form] = {function: FORMS[function] for function in [*SIGNS, np.reciprocal]} | {
    np.negative: ("-{}", NEGATIVE, (ATOM,)),  # -a ** b is an error in JavaScript
}


Kind = tuple[type[Gate], str]
"""A gate's class, and its name with its options, such as power 2."""


def times_transposed(A: Array, B: Array) -> Array:
    """A B' as one function, which does not copy B."""
    return A @ B.T


def transposed_times(A: Array, B: Array) -> Array:
    """A' B as one function, which does not copy A."""
    return A.T @ B


PRODUCTS: dict[Any, str] = {
    **{np.matmul: "dot", times_transposed: "timesTransposed", transposed_times: "transposedTimes"},
    **{np.outer: "outer", np.transpose: "transpose"},
}
CLASSES: dict[Any, str] = {onehot: "onehot", right_score: "rightScore", softmax: "softmax"}
COPIES: dict[Any, str] = {reshape: "reshape", np.broadcast_to: "full"}
OTHERS: dict[Any, tuple[str, str]] = {
    function: (script, name)
    for script, names in {"products": PRODUCTS, "classes": CLASSES, "ndarray": COPIES}.items()
    for function, name in names.items()
}
"""The functions that do not work element by element: the script of templates/passes/ that has them, and their names."""


@dataclass(frozen=True)
class JavaScript(Code):
    """Writes terms as JavaScript: scalars with operators, arrays with the functions of ``np``."""

    used: dict[str, str] = field(default_factory=dict)
    """The definitions of the elementwise functions and reductions used so far, by name."""
    scripts: set[str] = field(default_factory=set)
    """The scripts of templates/passes/ that have the other functions used so far."""
    gate: str = ""
    """The gate's name, for errors."""
    forms: ClassVar = OF_SCALARS

    def _text(self, term: Term) -> tuple[str, int]:
        if term in self.texts:
            return self.texts[term], ATOM
        if term.function is np.matmul:
            term = _without_copies(term)
        if term.symbol or term.function:
            return super()._text(term)
        number = json.dumps(term.number)
        return number, NEGATIVE if number.startswith("-") else ATOM

    def _form(self, term: Term) -> Form:
        function, options = cast(Any, term.function), dict(term.options)
        are_scalars = not term.shape and not any(argument.shape for argument in term.arguments)
        if are_scalars and function in self.forms:
            return self.forms[function]
        more: list[Any] = []
        if function in ELEMENTWISE:
            name = function.__name__
            self.used[name] = f"elementwise({ELEMENTWISE[function]})"
        elif "axis" in options and function.__self__ in ELEMENTWISE:
            name = REDUCTIONS.get(function, f"{function.__self__.__name__}_reduce")
            self.scripts.add("reductions")
            start = json.dumps(function.__self__.identity)
            self.used[name] = f"reduction({ELEMENTWISE[function.__self__]}, {start})"
            keep = options.get("keepdims", False)
            axes = None if options["axis"] is None else np.atleast_1d(options["axis"]).tolist()
            more = [axes, keep] if keep else [axes] if axes else []
        elif function in OTHERS:
            script, name = OTHERS[function]
            self.scripts.update({script, "reductions"} if function is softmax else {script})
            more = list(options.values())
            if function is reshape:
                more = [_of_any_length(options["shape"])]
        else:
            what = f"{function.__self__.__name__}.reduce" if "axis" in options else function.__name__
            raise InputError(
                f"the {self.gate} gate: a page has no JavaScript for np.{what}: write the gate with other functions"
            )
        arguments = ["{}"] * len(term.arguments) + list(map(json.dumps, more))
        return f"np.{name}({', '.join(arguments)})", ATOM, (LOWEST,) * len(term.arguments)

    def function(self, symbols: Sequence[Term], *terms: Term) -> str:
        """The term as an arrow function of these symbols; several terms as a function that returns an array of them.

        What occurs twice in them is computed once.
        """
        uses = count_uses(*terms)
        shared = sorted(
            (part for part in parts(*terms) if part.arguments and uses[part] > 1), key=lambda part: part.depth
        )
        lines: list[str] = []
        texts = {symbol: parameter(symbol) for symbol in symbols}
        for part in shared:
            code = replace(self, texts=texts).write(part)
            texts[part] = f"${len(lines) + 1}"
            lines.append(f"const {texts[part]} = {code};")
        head = f"({', '.join(map(parameter, symbols))}) =>"
        write = replace(self, texts=texts).write
        codes = [f"Number({write(term)})" if term.is_bool and not term.shape else write(term) for term in terms]
        code = codes[0] if len(codes) == 1 else f"[{', '.join(codes)}]"
        return f"{head} {{ {' '.join(lines)} return {code}; }}" if lines else f"{head} {code}"


def _of_any_length(shape: Shape) -> list[int]:
    """A new shape as ``reshape`` takes it: -1 for an axis that gets all numbers, which fits batches of any size."""
    return [-1 if length > 1 and math.prod(shape) == length else length for length in shape]


def _without_copies(product: Term) -> Term:
    """A matrix product as one function, if a factor is transposed: transposing copies it."""
    A, B = product.arguments
    if B.function is np.transpose:
        return replace(product, function=times_transposed, arguments=(A, *B.arguments))
    if A.function is np.transpose and len(B.shape) == 2:
        return replace(product, function=transposed_times, arguments=(*A.arguments, B))
    return product


def parameter(symbol: Term) -> str:
    """A symbol's name as a parameter: JavaScript's own words are of small letters, such as new."""
    name = symbol.symbol
    return f"${name}" if name.islower() and len(name) > 1 else name


class Script:
    """The JavaScript of a page: each gate once for its shapes, however many graphs and nodes use it."""

    def __init__(self, *, explained: bool = False):
        self.explained = explained
        """Whether gates have local gradients, plain forms and texts, too, with which a page explains each step."""
        self.explanations: dict[str, dict[str, Any]] = {}
        """What a page says about each gate, by the gate's name in the script."""
        self._code = JavaScript({})
        self._texts: dict[tuple[Kind, Formula], str] = {}
        """The text of each formula: equal gates of a graph have one."""
        self._names: dict[tuple[Kind, str], str] = {}
        """The name of each gate, by its text: gates of two kinds can have one, as the sum of a scalar and f = x."""
        self._functions: dict[str, str] = {}

    def __repr__(self) -> str:
        return f"<Script: {', '.join(self._names.values()) or 'no gates'}>"

    def nodes(self, graph: ComputationalGraph) -> list[dict[str, Any]]:
        """The graph's nodes, ready for JSON; the gates of its latest forward pass are added to the script.

        Raises InputError if a gate uses a function that pages do not have.
        """
        nodes, indices = graph.latest_plan.values, graph.class_indices
        places = {node: place for place, node in enumerate(nodes)}
        found = []
        for node in nodes:
            facts: dict[str, Any] = {"name": node.name}
            if nodes[node].ndim:
                facts["shape"] = nodes[node].shape
            if node.gate is not None:
                facts["gate"] = self.gate(node.gate, graph.formula(node))
                facts["inputs"] = [places[source] for source in node.inputs]
            flags = {"constant": node.constant, "needs": node.needs_gradient and node not in indices}
            found.append(facts | {name: True for name, is_set in flags.items() if is_set})
        return found

    def add_function(self, name: str, function: Callable[..., Sequence[Any]], arguments: Sequence[str]) -> None:
        """Add a function of numbers to the script, such as an optimizer's update; it returns an array of its results.

        Raises InputError as ``nodes``.
        """
        symbols, terms = trace_function(function, dict.fromkeys(arguments, ()), np.dtype(np.float64))
        self._functions[name] = replace(self._code, gate=name).function(symbols, *terms)

    def gate(self, gate: Gate, formula: Formula) -> str:
        """The gate's name in the script."""
        kind = type(gate), str(gate)
        if (kind, formula) not in self._texts:
            self._texts[kind, formula] = self._text(gate, formula)
        if (text := (kind, self._texts[kind, formula])) not in self._names:
            name, taken = re.sub(r"\W", "_", gate.name), set(self._names.values())
            names = chain([name], (f"{name}_{k}" for k in count(2)))
            self._names[text] = next(one for one in names if one not in taken)
            if self.explained:
                self.explanations[self._names[text]] = explain(gate, formula)
        return self._names[text]

    def _text(self, gate: Gate, formula: Formula) -> str:
        """The gate's passes; ``null`` is the gradient of a class index."""
        code = replace(self._code, gate=str(gate))
        inputs, everything = list(formula.inputs), [formula.upstream, formula.output, *formula.inputs]
        backward = [None if term is None else code.function(everything, term) for term in formula.gradients]
        passes: dict[str, Any] = {"forward": code.function(inputs, formula.value), "backward": backward}
        if self.explained:
            local = [term and _own_local(gate, formula, term) for term in formula.gradients]
            if any(local):
                passes["local"] = [term and code.function(everything, term) for term in local]
            passes |= _plain(code, formula, inputs, everything)
        return "".join(f"    {name}: {_listed(text)},\n" for name, text in passes.items())

    @property
    def extra_scripts(self) -> list[str]:
        """The scripts of templates/stepping/ that only some gates need."""
        gates = self.explanations.values()
        gradients = [one for gate in gates for one in gate["backward"] if one is not None]
        forms = [gate["forward"] for gate in gates] + [one["forms"] for one in gradients]
        needed = {
            "ties": any("routes" in gate for gate in gates),
            "jacobian": any(one["local"] is None for one in gradients),
            "forms": any(len(both) > 1 for both in forms),
        }
        return [name for name, is_needed in needed.items() if is_needed]

    @property
    def array_scripts(self) -> list[str]:
        """The scripts that have the functions of ``np`` which the gates use, in their order."""
        return ["passes/ndarray.js", *(f"passes/{name}.js" for name in sorted(self._code.scripts - {"ndarray"}))]

    def source(self) -> Markup:
        """The script: the functions of ``np`` that it needs, ``GATES``, and the added ``FUNCTIONS``.

        A gate's name is reduced to letters, digits and _, so it cannot end the script.
        """
        functions = "".join(f"  {name}: {code},\n" for name, code in sorted(self._code.used.items()))
        gates = "".join(f"  {json.dumps(name)}: {{\n{text}  }},\n" for (_, text), name in self._names.items())
        more = f"Object.assign(np, {{\n{functions}}});\n\n" if functions else ""
        others = "".join(f"  {name}: {code},\n" for name, code in self._functions.items())
        last = f"\n\nconst FUNCTIONS = {{\n{others}}};" if others else ""
        return Markup(f"{more}const GATES = {{\n{gates}}};{last}")  # noqa: S704


def _own_local(gate: Gate, formula: Formula, gradient: Term) -> Term | None:
    """The local gradient if a page cannot compute it as the gradient for an upstream gradient of 1.

    These are gradients that are sums over copies, matrix products, or copies themselves.
    """
    is_sum = isinstance(gate, Elementwise) and gradient.shape != formula.value.shape
    has_own = is_sum or gradient.function in (*local_gradients.PRODUCTS, np.broadcast_to)
    return local_gradients.local_gradient(gate, formula, gradient) if has_own else None


def _plain(code: JavaScript, formula: Formula, inputs: list[Term], everything: list[Term]) -> dict[str, Any]:
    """The passes in their plain forms, where these differ: ``null`` if they are the same."""

    def text(term: Term | None, symbols: list[Term]) -> str | None:
        written = None if term is None else plain(formula, term)
        return None if written is None or written is term else code.function(symbols, written)

    forward = text(formula.value, inputs)
    backward = [text(term, everything) for term in formula.gradients]
    found: dict[str, Any] = {"plainForward": forward} if forward else {}
    return found | ({"plainBackward": backward} if any(backward) else {})


def _listed(code: str | list[str | None]) -> str:
    """A function, or a list of functions, a line each."""
    if isinstance(code, str):
        return code
    lines = "".join(f"      {one or 'null'},\n" for one in code)
    return f"[\n{lines}    ]"
