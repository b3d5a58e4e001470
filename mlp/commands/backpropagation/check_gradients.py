"""Check every element of every hand-written gradient.

    mlp check-gradients [--config FILE]

It checks each gate by itself, on scalars, arrays and broadcast shapes, and the network of the config on a few
training images, in float64 against centred differences. A network with very many weights is checked along random
directions, as before training. The exit code is 1 if a gradient is wrong.
"""

import itertools
from collections.abc import Iterable, Iterator, Sequence

from mlp.commands.arguments import Parser, config_of
from mlp.config import Config
from mlp.gradient_check import TOLERANCE, ArrayCheck, all_gates, check_elements, check_gate
from mlp.system import blas_threads
from mlp.system.errors import CheckFailed
from mlp.training import from_config
from mlp.training.gradient_precheck import affordable_part, check_network, examples
from mlp.training.random_streams import Stream, generator

MAX_ELEMENTS = 100_000
"""Each element takes two passes, a network of this size half a minute; larger networks are checked along directions."""
WIDTH = 44
"""Of the first column, in characters."""


def main(arguments: Sequence[str]) -> None:
    parser = Parser(description="Check every gate and the configured network against numeric gradients.")
    parser.add_config()
    options = parser.parse_args(arguments)
    settings = config_of(options)
    failed = []
    print(f"{'graph':{WIDTH}} {'array':6} {'largest relative error':24} where")
    with blas_threads.threads(settings.training.threads):
        for graph, check in itertools.chain(gate_checks(settings), network_checks(settings)):
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


def network_checks(settings: Config) -> Iterator[tuple[str, ArrayCheck]]:
    """Check the configured network, as it is before training, on the first images of each digit."""
    settings = from_config.resolved(settings).with_values({"training.precision": "float64"})
    images = from_config.training_images(settings)
    weights = from_config.class_weights(settings, images)
    network = from_config.network(settings, images.inputs, weights)
    X, Y = examples(images).arrays("float64")
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
