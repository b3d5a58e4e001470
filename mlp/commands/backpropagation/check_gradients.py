"""Check every element of every hand-written gradient, and show what it costs.

    mlp check-gradients [--config FILE] [--draw FILE]

It checks each gate by itself, on scalars, arrays and broadcast shapes, and the network of the config on a few
training images, in float64 against centred differences. A network with very many weights is checked along random
directions, as before training. The exit code is 1 if a gradient is wrong.

At the end it prints how long the gradient takes analytically and numerically, for the config's network and narrower
ones; --draw makes a picture of these times.
"""

import itertools
from argparse import Namespace
from collections.abc import Iterable, Iterator, Sequence

from mlp.commands import gradient_cost
from mlp.commands.arguments import Parser, config_of
from mlp.commands.gradient_cost import GradientCost
from mlp.config import Config
from mlp.gates import Array
from mlp.gradient_check import TOLERANCE, ArrayCheck, all_gates, check_elements, check_gate
from mlp.network import MLP
from mlp.system import blas_threads, command_line, text_table
from mlp.system.command_line import PICTURE_ENDINGS, display_path
from mlp.system.errors import CheckFailed, InputError
from mlp.training import from_config
from mlp.training.gradient_precheck import affordable_part, check_network, examples
from mlp.training.random_streams import Stream, generator

MAX_ELEMENTS = 100_000
"""Each element takes two passes, a network of this size half a minute; larger networks are checked along directions."""
WIDTH = 44
"""Of the first column, in characters."""


def main(arguments: Sequence[str]) -> None:
    options = parse(arguments)
    settings = config_of(options)
    with blas_threads.threads(settings.training.threads):
        network, X, Y = network_and_batch(settings)
        check(itertools.chain(gate_checks(settings), network_checks(settings, network, X, Y)))
        random = generator(settings.training.seed, Stream.CHECK)
        narrower = gradient_cost.narrower_networks(network, random)
        costs = [gradient_cost.measure(one, X, Y, gradient_cost.SECONDS) for one in narrower]
    print(cost_table(costs, len(X)))
    if options.draw:
        from mlp.figures.gradient_cost import cost_curves  # matplotlib is slow to import

        options.draw.parent.mkdir(parents=True, exist_ok=True)
        times = ([cost.analytic for cost in costs], [cost.numeric for cost in costs])
        cost_curves(options.draw, [cost.parameters for cost in costs], *times)
        print(f"drawing: {display_path(options.draw)}")


def parse(arguments: Sequence[str]) -> Namespace:
    """The options. Raises InputError if --draw names no picture."""
    parser = Parser(description="Check every gate and the configured network against numeric gradients.")
    parser.add_config()
    parser.add_argument(
        "--draw", type=command_line.path, metavar="FILE", help="a picture of the times (.svg, .png or .pdf)"
    )
    options = parser.parse_args(arguments)
    if options.draw and options.draw.suffix.lower() not in PICTURE_ENDINGS:
        raise InputError(f"--draw {options.draw}: must end in {', '.join(PICTURE_ENDINGS)}")
    return options


def check(checks: Iterable[tuple[str, ArrayCheck]]) -> None:
    """Print each check as it is made. Raises CheckFailed at the end if gradients are wrong."""
    failed = []
    print(f"{'graph':{WIDTH}} {'array':6} {'largest relative error':24} where")
    for graph, check in checks:
        verdict = "" if check.passed else "   WRONG"
        print(f"{graph:{WIDTH}} {check.name:6} {check.error:<24.1e} {check.where}{verdict}")
        if not check.passed:
            failed.append(f"{graph}: {check}")
    if failed:
        raise CheckFailed(f"{len(failed)} arrays have wrong gradients:", *failed)
    print(f"all relative errors are below {TOLERANCE:.0e}")


def gate_checks(settings: Config) -> Iterator[tuple[str, ArrayCheck]]:
    """Check every gate on each of its ``check_shapes``."""
    random = generator(settings.training.seed, Stream.CHECK)
    for gate in all_gates():
        for shapes in gate.check_shapes:
            for check in check_gate(gate, shapes, random):
                yield f"{gate} of {', '.join(map(str, shapes))}", check


def network_and_batch(settings: Config) -> tuple[MLP, Array, Array]:
    """The configured network, as it is before training, and the first images of each digit, X and Y."""
    settings = from_config.resolved(settings).with_values({"training.precision": "float64"})
    images = from_config.training_images(settings)
    weights = from_config.class_weights(settings, images)
    X, Y = examples(images).arrays("float64")
    return from_config.network(settings, images.inputs, weights), X, Y


def network_checks(settings: Config, network: MLP, X: Array, Y: Array) -> Iterator[tuple[str, ArrayCheck]]:
    """Check the network on these images: each element, or if it has very many, directions in a part of it."""
    checks: Iterable[ArrayCheck]
    if network.parameter_block.size > MAX_ELEMENTS:
        random = generator(settings.training.seed, Stream.CHECK)
        network = affordable_part(network, random)
        checks = check_network(network, X, Y, random)
    else:
        network.loss(X, Y)
        checks = check_elements(network.graph, network.parameters)
    for check in checks:
        yield f"network {'-'.join(map(str, network.sizes))}", check


def cost_table(costs: Sequence[GradientCost], images: int) -> str:
    """The time of both ways for networks of growing size, and their ratio."""
    rows = [
        [
            "-".join(map(str, cost.sizes)),
            f"{cost.parameters:,}",
            f"{1000 * cost.analytic:,.3f} ms",
            f"{cost.numeric:,.3f} s",
            f"{cost.ratio:,.0f}",
            f"{cost.measured:,}",
        ]
        for cost in costs
    ]
    header = ["network", "parameters", "analytic", "numeric", "ratio", "measured"]
    return f"""
the time of the gradient on {images} images: analytic, by one forward and one backward pass; and
numeric, by two forward passes for each parameter, extrapolated from those that were measured
{text_table.aligned([header, *rows], str.rjust)}"""
