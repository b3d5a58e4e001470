"""Show every value and gradient of an expression, such as (x + y) * z.

    mlp circuit "(x + y) * z" x=-2 y=5 z=-4
    mlp circuit --example sigmoid-neuron --stages --draw neuron.svg
    mlp circuit "q = x + y; f = q * z" x=-2 y=5 z=-4 --nudge x=0.001
    mlp circuit --example staged --draw staged.html
    mlp circuit --network outputs/0001 --digit 7 --draw digit.png

--help describes the language. At a tie max gives its whole gradient to its first input.
"""

import json
import re
import unicodedata
from argparse import Namespace
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from mlp.circuits import expression, listing
from mlp.circuits.circuit import Circuit
from mlp.circuits.examples import EXAMPLES, shows
from mlp.circuits.facts import describe_jacobian, jacobian_facts, node_facts
from mlp.circuits.nudge import describe_nudge, nudge_facts, parse_steps
from mlp.circuits.source_text import parse_value, parse_values
from mlp.languages.catalogue import say
from mlp.languages.choice import add_language
from mlp.system import command_line
from mlp.system.command_line import PICTURE_ENDINGS, display_path
from mlp.system.errors import InputError

NEWEST = object()
"""The value of --network without a run: the newest one."""
PAGE = ".html"


def main(arguments: Sequence[str]) -> None:
    options = parse(arguments)
    if options.list_examples:
        print(list_of_examples(options.lang))
    elif options.gallery:
        show_gallery(options.gallery)
    elif options.network is not None:
        from mlp.commands.backpropagation import show_network  # imported late: it doubles the time to start

        run = None if options.network is NEWEST else options.network
        show_network.show(Namespace(run=run, digit=options.digit, draw=options.draw))
    else:
        show_circuit(options)


def parse(arguments: Sequence[str]) -> Namespace:
    """The options. Raises InputError if some do not go together."""
    parser = command_line.Parser(
        description="Run an expression forward and backward, on the gates of the network.",
        epilog=f"EXPRESSION consists of {expression.LANGUAGE}. At a tie max gives all its gradient to its first input.",
    )
    parser.add_argument(
        "words",
        nargs="*",
        metavar="EXPRESSION NAME=VALUE",
        help='such as "(x + y) * z" x=-2 y=5 z=-4, or "sum((W @ x) ** 2)" "W=[[1, 2], [3, 4]]" "x=[5, 6]"',
    )
    parser.add_argument("--upstream", metavar="VALUE", help="the gradient of the output (default: all ones)")
    parser.add_argument("--stages", action="store_true", help="split each sigmoid into *-1, exp, +1, 1/x")
    parser.add_argument("--json", action="store_true", help="print the nodes as JSON")
    parser.add_argument("--code", action="store_true", help="print both passes as a Python program")
    parser.add_argument(
        "--draw", type=path, metavar="FILE", help="a picture (.svg, .png or .pdf), or a page to step through (.html)"
    )
    parser.add_argument("--local", action="store_true", help="with --draw and a picture: the local gradients, in blue")
    parser.add_argument(
        "--nudge",
        action="append",
        metavar="NAME=STEP",
        help="print how much this step in a given value changes every other value, and what its gradient predicts for "
        "the output; may be repeated",
    )
    parser.add_argument("--jacobian", metavar="OUTS", help="print the Jacobian of these names, separated by commas")
    parser.add_argument("--wrt", metavar="INS", help="with --jacobian: the names to differentiate with respect to")
    parser.add_argument("--list-examples", action="store_true", help="list the expressions of the lecture notes")
    parser.add_argument("--gallery", type=path, metavar="FILE.html", help="write one page with all these examples")
    parser.add_argument("--example", metavar="NAME", help="run this example; NAME=VALUE changes one of its values")
    parser.add_argument(
        "--network",
        nargs="?",
        type=path,
        const=NEWEST,
        metavar="RUN",
        help="show both passes of a trained network instead, as show-network does (default: the newest run)",
    )
    parser.add_argument("--digit", type=int, metavar="INDEX", help="with --network and --draw: the test image to draw")
    add_language(parser)
    options = parser.parse_intermixed_args(escaped(arguments))
    for name, value in vars(options).items():
        if isinstance(value, str | list):
            setattr(options, name, [unescaped(word) for word in value] if isinstance(value, list) else unescaped(value))
    check(options)
    return options


def escaped(words: Sequence[str]) -> list[str]:
    """The words for argparse, with a blank before those that begin with a dash but are not options.

    These are expressions, numbers, paths, and every word after ``--``.
    """
    options = words[: words.index("--")] if "--" in words else words
    taken = [re.fullmatch(r"-h|--[a-z][a-z-]*(=.*)?", word, re.DOTALL) for word in options]
    taken += [None] * (len(words) - len(options))
    marked = [
        f" {word}" if word.startswith("-") and not option else word for word, option in zip(words, taken, strict=True)
    ]
    return marked[: len(options)] + marked[len(options) + 1 :]


def unescaped(word: str) -> str:
    """The word as it was typed."""
    return word[1:] if word.startswith(" -") else word


def path(text: str) -> Path:
    """A path as it was typed."""
    return command_line.path(unescaped(text))


def check(options: Namespace) -> None:
    """Raises InputError if the options do not go together."""
    given = {name for name, value in vars(options).items() if value is not None and value is not False and value != []}
    given.discard("lang")
    of_circuits = given - {"network", "digit", "draw"}
    if "network" in given and of_circuits:
        raise InputError(f"--network goes with --digit and --draw only: leave out {flags(of_circuits)}")
    if "digit" in given and "network" not in given:
        raise InputError("--digit goes with --network only: it names the test image to draw")
    for alone in ({"list_examples"}, {"gallery"}):
        if given > alone:
            raise InputError(f"{flags(alone)} goes with no other option")
    if ("jacobian" in given) != ("wrt" in given):
        raise InputError("--jacobian OUTS and --wrt INS go together: give both")
    if "local" in given and (options.draw is None or options.draw.suffix.lower() == PAGE):
        cure = "with --draw and a picture (.svg, .png, .pdf): the steps of a page show them without it"
        raise InputError(f"--local draws local gradients: give it {cure}")
    if "code" in given and (others := given & {"json", "jacobian", "nudge"}):
        raise InputError(f"--code prints only code: leave out {flags(others)}")
    if not given & {"words", "example", "network", "list_examples", "gallery"}:
        raise InputError('give an expression, as in "(x + y) * z" x=-2 y=5 z=-4, or --list-examples')
    for name, allowed in {"gallery": [PAGE], "draw": [*PICTURE_ENDINGS, PAGE]}.items():
        file = getattr(options, name)
        if file and file.suffix.lower() not in allowed:
            raise InputError(f"--{name} {file}: must end in {', '.join(allowed)}")


def flags(names: set[str]) -> str:
    """The options as you type them."""
    return ", ".join("EXPRESSION" if name == "words" else f"--{name.replace('_', '-')}" for name in sorted(names))


def list_of_examples(language: str) -> str:
    width = max(map(len, EXAMPLES))
    return "\n".join(
        f"{name:{width}}  {shows(name, language)}\n{'':{width}}  {example.expression}"
        for name, example in EXAMPLES.items()
    )


def show_circuit(options: Namespace) -> None:
    """Run the expression; print and draw what the options ask for."""
    text, arguments, jacobian = chosen(options)
    circuit = expression.parse(text, parse_values(arguments), stages=options.stages)
    upstream = np.ones(()) if options.upstream is None else parse_value("--upstream", options.upstream)
    circuit.run(upstream)
    nudge = nudge_facts(circuit, parse_steps(options.nudge)) if options.nudge else None
    if options.draw:
        draw_circuit(circuit, text, options.draw, local=options.local, language=options.lang)
    if options.code:
        print(listing.staged(circuit.graph, circuit.output))
        return
    nodes = [node_facts(circuit, node) for node in circuit.nodes]
    facts: dict[str, Any] = {"output": circuit.output.name, "nodes": nodes}
    in_words = partial(say, language=options.lang)
    report = [] if options.json else [circuit.table(in_words)]
    if nudge is not None:
        facts["nudge"] = nudge
        report.append(describe_nudge(nudge, in_words))
    if jacobian is not None:
        outs, ins = names("--jacobian", jacobian[0]), names("--wrt", jacobian[1])
        facts["jacobian"] = jacobian_facts(circuit, outs, ins, upstream)
        report.append(describe_jacobian(facts["jacobian"], in_words))
    if options.draw:
        report.append(in_words("table.drawing", file=display_path(options.draw)))
    print(json.dumps(facts, allow_nan=False) if options.json else "\n\n".join(report))


def draw_circuit(circuit: Circuit, text: str, file: Path, *, local: bool, language: str) -> None:
    """Write the circuit of this text as a picture or as a page, depending on the file's ending.

    ``local``: whether a picture shows local gradients; ``language``: that of its caption.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    if file.suffix.lower() == PAGE:
        from mlp.pages import circuit as circuit_page  # matplotlib is slow to import

        circuit_page.write(circuit, text, file)
    else:
        from mlp.circuits.drawing.picture import picture
        from mlp.figures.style import save

        save(picture(circuit, local=local, language=language), file)


def show_gallery(file: Path) -> None:
    """Write a page with all examples."""
    from mlp.pages import circuit as circuit_page

    file.parent.mkdir(parents=True, exist_ok=True)
    circuit_page.write_gallery(file)
    print(f"gallery: {display_path(file)}")


def chosen(options: Namespace) -> tuple[str, list[str], tuple[str, str] | None]:
    """The expression, its NAME=VALUE arguments, and OUTS and INS of its Jacobian, if any."""
    jacobian = (options.jacobian, options.wrt) if options.jacobian is not None else None
    if options.example is None:
        text, *arguments = options.words
        return text, arguments, jacobian
    if options.example not in EXAMPLES:
        raise InputError(f"--example {options.example}: no such example: there are {', '.join(EXAMPLES)}")
    example = EXAMPLES[options.example]
    changed = {word.partition("=")[0].strip() for word in options.words}
    return (
        example.expression,
        example.arguments(without=changed) + options.words,
        jacobian or (None if options.code else example.jacobian),
    )


def names(option: str, text: str) -> list[str]:
    """The names in OUTS or INS."""
    found = [unicodedata.normalize("NFKC", name.strip()) for name in text.split(",")]
    if "" in found or len(set(found)) < len(found):
        raise InputError(f"{option} {text}: must be names separated by commas, each once")
    return found
