"""From the text of an expression to a graph of gates. Python's parser reads it, a whitelist checks it, nothing runs it.

The language: numbers, nested lists as arrays, names, ``+ - * / @``, ``**`` with a constant exponent, unary minus,
the FUNCTIONS, and assignments separated by ``;``; the last one is the output. A name that is used several times is
one leaf, so its gradients add up.
"""

import ast
import itertools
import keyword
import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from mlp.circuits.circuit import Circuit
from mlp.circuits.source_text import Text, is_number, literal, number
from mlp.gates import (
    Absolute,
    Add,
    Array,
    Cosine,
    Divide,
    Exponential,
    Gate,
    Identity,
    Logarithm,
    Matmul,
    Max,
    Multiply,
    Negate,
    Power,
    Relu,
    Shape,
    Sigmoid,
    Sine,
    Softmax,
    Sqrt,
    Subtract,
    Sum,
    Tanh,
)
from mlp.graph import ComputationalGraph
from mlp.losses import SoftmaxLoss, SVMLoss, check_class_indices
from mlp.node import Node
from mlp.system import spelling
from mlp.system.errors import InputError

FUNCTIONS: dict[str, Gate] = {
    "exp": Exponential(),
    "log": Logarithm(),
    "sqrt": Sqrt(),
    "sin": Sine(),
    "cos": Cosine(),
    "abs": Absolute(),
    "sigmoid": Sigmoid(),
    "tanh": Tanh(),
    "relu": Relu(),
    "max": Max(),
    "add": Add(),
    "sum": Sum(),
    "softmax": Softmax(),
    "softmax_loss": SoftmaxLoss(),
    "svm_loss": SVMLoss(),
}
OPERATORS: dict[type[ast.operator], tuple[str, Gate]] = {
    ast.Add: ("+", Add()),
    ast.Sub: ("-", Subtract()),
    ast.Mult: ("*", Multiply()),
    ast.Div: ("/", Divide()),
    ast.MatMult: ("@", Matmul()),
}
LANGUAGE = (
    "numbers, lists of them, names, + - * / @, ** with a number, unary minus, "
    f"the functions {', '.join(FUNCTIONS)}, and assignments NAME = ... separated by semicolons"
)

MAX_CHARACTERS = 10_000
MAX_CURE_CHARACTERS = 60
"""A message shows the whole corrected expression if it is not longer."""
MAX_DEPTH = 200
"""Operations nested in one another."""
MAX_ELEMENTS = 10_000
"""Numbers in all arrays of a circuit together: circuits are for people to look at."""


def parse(text: str, values: Mapping[str, ArrayLike], *, stages: bool = False) -> Circuit:
    """The circuit of an expression, with these values for its names.

    ``stages`` splits each sigmoid into four gates: times -1, exp, plus 1, 1 / x. Raises InputError, with the place, if
    something is not in the language, a name has no value, a value is not used, shapes do not fit, or the expression is
    too long, too deep or too large.
    """
    source = Text.of(text, "the expression")
    statements = source.parse(MAX_CHARACTERS)
    if not statements:
        raise source.error(0, "there is nothing to compute: write an expression, as in (x + y) * z")
    return _Builder(source, statements, values, stages).circuit()


def _given(name: str) -> str:
    """The cure for a name without a value: how to give it one, or what to write instead, such as * for ×."""
    signs = spelling.table("signs")
    if sign := next((sign for sign in name if sign in signs), None):
        return f"write {signs[sign]} for {sign}"
    return f"add {name}={spelling.table('constants').get(name, 'NUMBER')}"


class _Builder:
    """Builds the nodes, statement by statement."""

    def __init__(self, source: Text, statements: list[ast.stmt], values: Mapping[str, ArrayLike], stages: bool):
        self.source, self.values, self.stages = source, values, stages
        self.statements = [self._statement(statement) for statement in statements]
        self.graph = ComputationalGraph()
        self.places: dict[Node, int] = {}
        self.shapes: dict[Node, Shape] = {}
        self.given: dict[Node, Array] = {}
        """The values of the leaves."""
        self.constants: dict[str, Node] = {}
        self.numbers: set[Node] = set()
        self.class_indices: set[Node] = set()
        """The nodes used as numbers and as class indices: none is both, because a class index has no derivative."""
        self.bound: dict[str, Node] = {}
        """The node of each name so far."""
        self.taken = self._names()
        self.elements = 0

    def circuit(self) -> Circuit:
        """The whole circuit; the last statement is its output."""
        *_, (_, last) = self.statements
        later = [target.id for target, _ in self.statements if target is not None]
        for target, tree in self.statements:
            if target is None:
                if tree is not last:
                    raise self._error(tree, "this value is not used: give it a name, as in q = x + y; q * z")
                node = self._node(tree, self._free("f"))
            else:
                later.remove(target.id)  # a name that is assigned again belongs to the last value, as in Python
                node = self._assigned(tree, self._free() if target.id in later else target.id)
                self.bound[target.id] = node
        if node in self.class_indices:
            raise self._error(last, f"{node.name} is a class index: it cannot be the output too")
        for name in self.values:
            if name not in self.bound:
                names = ", ".join(self.bound) or "none"
                raise InputError(f"{name} has a value but is not in the expression: its names are {names}")
        return Circuit(self.graph, node, self.source, self.places)

    def _statement(self, statement: ast.stmt) -> tuple[ast.Name | None, ast.expr]:
        """The name that the statement assigns to, if any, and the expression."""
        if isinstance(statement, ast.Expr):
            return None, statement.value
        if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
            target = statement.targets[0]
            if isinstance(target, ast.Name):
                return target, statement.value
        raise self._error(statement, f"not an expression or NAME = EXPRESSION: write {LANGUAGE}")

    def _names(self) -> set[str]:
        """All names in the text or with a value. Raises InputError if the listing cannot use a name."""
        places: dict[str, ast.AST | None] = dict.fromkeys(self.values)
        for target, tree in self.statements:
            calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
            called = {id(node) for call in calls for node in ast.walk(call.func)}
            names = [node for node in ast.walk(tree) if isinstance(node, ast.Name) and id(node) not in called]
            for node in [*names, *([target] if target else [])]:
                places[node.id] = node
        for target, _ in self.statements:
            if target is not None and target.id in self.values:
                raise self._error(
                    target, f"{target.id} already has a value, given as {target.id}=...: use another name here"
                )
        for name, place in places.items():
            if name in FUNCTIONS:
                raise self._error(place, f"{name} is a function: call it, as in {name}(...), or use another name")
            if name == "np" or keyword.iskeyword(name) or (name[:2] == name[-2:] == "__"):
                raise self._error(place, f"{name} has a meaning in Python: use another name")
            if name[0] == "d" and name[1:] in places:
                raise self._error(place, f"{name} is the gradient of {name[1:]} in the listing: use another name")
        return set(places)

    def _free(self, first: str | None = None) -> str:
        """A free name: ``first``, or else the next of t1, t2, ...; the name of its gradient is free, too."""
        choices = itertools.chain([first] if first else [], (f"t{number}" for number in itertools.count(1)))
        name = next(name for name in choices if name not in self.taken and f"d{name}" not in self.taken)
        self.taken.add(name)
        return name

    def _assigned(self, tree: ast.expr, name: str) -> Node:
        """The node of an assignment; ``a = b`` makes a new node, by the identity gate."""
        if isinstance(tree, ast.Name):
            return self._apply(Identity(), tree, self._node(tree), name=name)
        return self._node(tree, name)

    def _node(self, tree: ast.expr, name: str | None = None, depth: int = 0) -> Node:
        """The node of an expression; a gate without a name gets the next free one."""
        if depth > MAX_DEPTH:
            raise self._error(tree, f"more than {MAX_DEPTH} operations nested in one another: give parts of them names")
        if isinstance(tree, ast.Name):
            return self._of_name(tree)
        if isinstance(tree, ast.BinOp) and isinstance(tree.op, ast.Pow):
            if not is_number(tree.right):
                message = "the exponent must be a number: write exp(b) for e ** b, exp(b * log(a)) for a ** b"
                raise self._error(tree.right, message)
            return self._apply(
                Power(number(self.source, tree.right)), tree, self._node(tree.left, depth=depth + 1), name=name
            )
        if isinstance(tree, ast.BinOp) and type(tree.op) in OPERATORS:
            symbol, gate = OPERATORS[type(tree.op)]
            inputs = self._node(tree.left, depth=depth + 1), self._node(tree.right, depth=depth + 1)
            return self._apply(gate, tree, *inputs, name=name, place=self._operator(tree, symbol))
        if isinstance(tree, ast.Call):
            return self._call(tree, name, depth)
        if is_number(tree) or isinstance(tree, ast.List):
            return self._constant(tree, name)
        if isinstance(tree, ast.UnaryOp) and isinstance(tree.op, ast.USub):
            return self._apply(Negate(), tree, self._node(tree.operand, depth=depth + 1), name=name)
        if isinstance(tree, ast.BinOp) and isinstance(tree.op, ast.BitXor):
            raise self.source.error(self._operator(tree, "^"), f"^ is not a power here: write {self._with_powers()}")
        raise self._error(tree, f"not in the language: write {LANGUAGE}")

    def _call(self, tree: ast.Call, name: str | None, depth: int) -> Node:
        if not (isinstance(tree.func, ast.Name) and tree.func.id in FUNCTIONS):
            raise self._error(tree.func, self._not_called(tree.func))
        function = tree.func.id
        gate = FUNCTIONS[function]
        try:
            gate.check_count("an argument by name" if tree.keywords else len(tree.args), function, "argument")
        except ValueError as error:
            raise self._error(tree, str(error)) from None
        inputs = [self._node(argument, depth=depth + 1) for argument in tree.args]
        if self.stages and function == "sigmoid":
            return self._stages_of_sigmoid(tree, inputs[0], name)
        node = self._apply(gate, tree, *inputs, name=name)
        for position in gate.indices:
            self._use_as_class_index(inputs[position], tree.args[position], classes=self.shapes[inputs[0]][-1])
        return node

    def _not_called(self, tree: ast.expr) -> str:
        """The message for a call of something that is not a function, with the cure."""
        name = tree.attr if isinstance(tree, ast.Attribute) else getattr(tree, "id", None)  # np.exp is an Attribute
        if name is None or name in self.values or name in self.bound:
            return f"only the functions {', '.join(FUNCTIONS)} can be called: to multiply write *, as in 2*(x + y)"
        known = name if name in FUNCTIONS else spelling.near(name, FUNCTIONS)
        if instead := _function_meant(name):
            cure = f"write {instead}"
        elif known:
            cure = f"did you mean {known}?"
        else:
            cure = f"the functions are {', '.join(FUNCTIONS)}"
        return f"unknown function {ast.unparse(tree)}: {cure}"

    def _with_powers(self) -> str:
        """The text with ** for ^ or, if it is long, an example."""
        text = self.source.text.replace("^", "**")
        return text if len(text) <= MAX_CURE_CHARACTERS and "\n" not in text else "x**2"

    def _stages_of_sigmoid(self, tree: ast.expr, z: Node, name: str | None) -> Node:
        """1 / (1 + exp(-1 z)) gate by gate, as in the lecture notes: *-1, exp, +1, 1/x."""
        minus_one, one = self._number_leaf("(-1)", -1, tree), self._number_leaf("1", 1, tree)
        z = self._apply(Multiply(), tree, z, minus_one)
        z = self._apply(Exponential(), tree, z)
        z = self._apply(Add(), tree, z, one)
        return self._apply(Divide(), tree, one, z, name=name)

    def _of_name(self, tree: ast.Name) -> Node:
        """The node of a name: a value computed earlier, or a leaf, which is made at the first use."""
        name = tree.id
        if name not in self.bound:
            if name not in self.values:
                raise self._error(tree, f"{name} has no value: {_given(name)}")
            self.bound[name] = self._leaf(name, self.values[name], tree)
        return self.bound[name]

    def _constant(self, tree: ast.expr, name: str | None) -> Node:
        """A leaf for a literal: with this name, or else a constant named by its text."""
        value = literal(self.source, tree)
        if name is not None:
            return self._leaf(name, value, tree)
        text = f"({value!r})" if isinstance(value, int | float) and value < 0 else repr(value)
        return self._number_leaf(text, value, tree)

    def _number_leaf(self, text: str, value: ArrayLike, tree: ast.expr) -> Node:
        """The constant of this text, the same one at each use."""
        if text not in self.constants:
            self.constants[text] = self._leaf(text, value, tree, constant=True)
        return self.constants[text]

    def _apply(
        self, gate: Gate, tree: ast.expr, *inputs: Node, name: str | None = None, place: int | None = None
    ) -> Node:
        """A node for the gate's output. Shapes are checked here because the place in the text is known."""
        place = self.source.start(tree) if place is None else place
        try:
            shape = self.graph.formulas.of(gate, *(self.shapes[node] for node in inputs)).value.shape
            for node in [node for position, node in enumerate(inputs) if position not in gate.indices]:
                if node in self.class_indices:
                    raise ValueError(f"{node.name} is a class index: it cannot be used as a number too")
                if not node.constant:
                    self.numbers.add(node)
        except ValueError as error:
            raise self.source.error(place, str(error)) from None
        return self._add(self.graph.apply(gate, *inputs, name=name or self._free(), needs_gradient=True), shape, place)

    def _use_as_class_index(self, node: Node, tree: ast.expr, classes: int) -> None:
        """Record that the node is a class index. Raises InputError if its values do not fit, or it is also a number."""
        if node not in self.given:
            raise self._error(tree, "a class index must be a given value: it cannot be computed")
        if node in self.numbers:
            raise self._error(tree, f"{node.name} is used as a number: it cannot be a class index too")
        try:
            check_class_indices(self.given[node], classes)
        except ValueError as error:
            raise self._error(tree, str(error)) from None
        if not node.constant:
            self.class_indices.add(node)

    def _leaf(self, name: str, value: ArrayLike, tree: ast.expr, *, constant: bool = False) -> Node:
        """A leaf that holds a copy of the value."""
        array = np.array(value, float)
        node = self.graph.constant(name, array) if constant else self.graph.leaf(name, array)
        self.given[node] = array
        return self._add(node, array.shape, self.source.start(tree))

    def _add(self, node: Node, shape: Shape, place: int) -> Node:
        """Record a node's place and shape."""
        self.shapes[node], self.places[node] = shape, place
        self.elements += math.prod(shape)
        if self.elements > MAX_ELEMENTS:
            message = f"more than {MAX_ELEMENTS:,} numbers in all values together: use smaller arrays"
            raise self.source.error(place, message)
        return node

    def _operator(self, tree: ast.BinOp, symbol: str) -> int:
        """The operator's place: only parentheses and spaces stand between it and its left operand."""
        return self.source.text.index(symbol, self.source.end(tree.left))

    def _error(self, tree: ast.AST | None, message: str) -> InputError:
        """An error at a part of the text, or about a name that is not in it."""
        return InputError(message) if tree is None else self.source.error(self.source.start(tree), message)


def _function_meant(name: str) -> str | None:
    """Our text for a function that other tools call by this name."""
    return next((ours for ours, names in spelling.table("functions").items() if name in names.split()), None)
