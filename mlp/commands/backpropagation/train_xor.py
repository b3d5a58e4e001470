"""Train the notes' 2-8-1 network on XOR, which no straight line separates.

    mlp train-xor [--seed N | --seeds A..B] [--hidden N] [--learning-rate RATE] [--steps N] [--output DIR]

Each step uses all four rows. The command prints the loss as it falls, stops when all four rows are clearly right, and
writes loss_curve.png and decision_surface.png. The exit code is 1 if a row is still wrong after the last step.

With --seeds it trains one network for each seed, and prints which are stuck, that is, have a row that is still wrong
after the last step. decision_surfaces.png shows the first stuck network beside the first that learned. This compares
seeds and checks nothing: the exit code is 0, however many are stuck.
"""

import math
from argparse import ArgumentTypeError, Namespace
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mlp.data.xor import HIDDEN, X, Y
from mlp.network import MLP, decide
from mlp.optimizers import SGD
from mlp.system import blas_threads, command_line
from mlp.system.command_line import display_path
from mlp.system.errors import CheckFailed, Diverged
from mlp.training.random_streams import Stream, generator

OUTPUT = Path("outputs", "xor")
LEARNING_RATE = 1.0
STEPS = 10_000
CLEAR = 0.1
"""Training stops when each probability is this near its target. At the first step where all rows are right, the line
P = 1/2 still runs very near the last point."""
MAX_HIDDEN = 1_000_000


def main(arguments: Sequence[str]) -> None:
    options = parse(arguments)
    options.output.mkdir(parents=True, exist_ok=True)
    with blas_threads.threads(1):
        if options.seeds is None:
            train_one(options)
        else:
            compare_seeds(options)


def parse(arguments: Sequence[str]) -> Namespace:
    parser = command_line.Parser(description="Learn XOR with a network of one hidden layer.")
    which = parser.add_mutually_exclusive_group()
    # No default here: argparse would not notice --seed with --seeds if its value were the default.
    which.add_argument("--seed", type=seed, metavar="N", help="seed of the weights (default: 0)")
    which.add_argument(
        "--seeds", type=seeds, metavar="A..B", help="train once for each seed from A to B, and print which are stuck"
    )
    parser.add_argument(
        "--hidden", type=hidden, default=HIDDEN, metavar="N", help=f"units of the hidden layer (default: {HIDDEN})"
    )
    parser.add_argument(
        "--learning-rate", type=rate, default=LEARNING_RATE, metavar="RATE", help=f"default: {LEARNING_RATE:g}"
    )
    parser.add_argument("--steps", type=steps, default=STEPS, metavar="N", help=f"step limit (default: {STEPS:,})")
    parser.add_argument(
        "--output", type=command_line.path, default=OUTPUT, metavar="DIR", help=f"default: {display_path(OUTPUT)}"
    )
    return parser.parse_args(arguments)


def train_one(options: Namespace) -> None:
    """Train the network of --seed, and draw its loss and its decision surface."""
    seed = options.seed or 0
    network = initial_network(options.hidden, seed)
    losses, learned = train(network, options.learning_rate, options.steps, shows_steps=True)
    print(table(network))
    draw_figures(network, losses, options.output)
    if learned is None:
        raise CheckFailed(
            f"not learned: {right(network)} of {len(X)} rows are right: give more --steps ({options.steps:,}), or try "
            f"another --learning-rate ({options.learning_rate:g}), --hidden ({options.hidden}) or --seed ({seed})"
        )
    print(f"all {len(X)} rows are right from step {learned:,} on; {len(losses) - 1:,} steps were taken")


def compare_seeds(options: Namespace) -> None:
    """Train a network for each of --seeds, print those that are stuck, and draw one of them beside one that learned."""
    first: dict[str, tuple[str, MLP]] = {}
    steps_taken = []
    for seed in options.seeds:
        network = initial_network(options.hidden, seed)
        losses, learned = train(network, options.learning_rate, options.steps)
        end = state(network, losses[-1])
        if learned is None:
            network.backward()
            print(f"seed {seed:3} is stuck: {end}, gradient norm {np.linalg.norm(network.gradient_block):.1e}")
        else:
            steps_taken.append(len(losses) - 1)
        kind = "stuck" if learned is None else "learned"
        first.setdefault(kind, (f"seed {seed}, {kind}: {end}", network))
    count, good = len(options.seeds), len(steps_taken)
    sizes = "-".join(map(str, network.sizes))
    print(f"{sizes}: {count - good:,} of {count:,} seeds are stuck: a row is still wrong after {options.steps:,} steps")
    print(f"{sizes}: {good:,} of {count:,} seeds learned{f', in at most {max(steps_taken):,} steps' if good else ''}")
    draw_surfaces([first[kind] for kind in ("stuck", "learned") if kind in first], options.output)


def initial_network(hidden: int, seed: int) -> MLP:
    """The untrained network with this many hidden units and the weights of this seed."""
    return MLP((2, hidden, 1), precision="float64", generator=generator(seed, Stream.WEIGHTS))


def train(
    network: MLP, learning_rate: float, max_steps: int, *, shows_steps: bool = False
) -> tuple[list[float], int | None]:
    """Train until all rows are clearly right, for at most this many steps.

    Returns the loss before the first step and after each step, and the step from which on all rows were right
    (None if they are not right at the end). With ``shows_steps`` it prints the loss of some steps.
    """
    learned: int | None = None
    batch = network.batch(len(X))
    batch.X[...] = X
    batch.set_classes(Y[:, 0])
    optimizer = SGD(network.parameter_block, network.gradient_block, learning_rate=learning_rate)
    losses: list[float] = []
    # NumPy's warnings are off because an overflow shows in the next loss or weight, which is checked.
    with np.errstate(over="ignore", invalid="ignore"):
        for step in range(max_steps + 1):
            losses.append(batch.loss())
            if not (math.isfinite(losses[-1]) and np.isfinite(network.parameter_block).all()):
                raise Diverged(f"training diverged in step {step:,}: lower --learning-rate ({learning_rate:g})")
            largest = np.abs(batch.P - Y).max()
            all_right = largest <= 0.5 and right(network) == len(X)  # counting is slow
            just_learned = all_right and learned is None
            learned = None if not all_right else step if just_learned else learned
            done = step == max_steps or largest < CLEAR
            if shows_steps and (done or just_learned or is_reported(step)):
                print(f"step {step:6,}: {state(network, losses[-1])}")
            if done:
                break
            batch.backward()
            optimizer.step()
    return losses, learned


def right(network: MLP) -> int:
    """The number of rows that the latest pass classifies correctly."""
    return int(np.count_nonzero(decide(network.probabilities) == Y[:, 0]))


def state(network: MLP, loss: float) -> str:
    """The latest loss, and how many rows are right."""
    return f"loss {loss:.6f}, {right(network)} of {len(X)} right"


def is_reported(step: int) -> bool:
    """Whether the step is 0, 1, 2, 5, 10, 20, 50, ..."""
    return str(step).rstrip("0") in ("", "1", "2", "5")


def table(network: MLP) -> str:
    """The four rows with their inputs, targets and probabilities."""
    rows = zip(X, Y[:, 0], network.probabilities[:, 0], strict=True)
    return "\n".join(
        ["", "x1  x2  target  probability of 1"]
        + [f"{x1:2.0f}  {x2:2.0f}  {target:6.0f}  {probability:.4f}" for (x1, x2), target, probability in rows]
        + [""]
    )


def draw_figures(network: MLP, losses: Sequence[float], directory: Path) -> None:
    from mlp.figures import curves, plane  # matplotlib is slow to import

    curve, surface = directory / "loss_curve.png", directory / "decision_surface.png"
    curves.step_curve(curve, losses)
    plane.decision_surface(surface, network.predict, X, Y[:, 0])
    print(f"curve:   {display_path(curve)}\nsurface: {display_path(surface)}")


def draw_surfaces(networks: Sequence[tuple[str, MLP]], directory: Path) -> None:
    """Draw the decision surfaces of networks with titles, side by side."""
    from mlp.figures import plane

    path = directory / "decision_surfaces.png"
    plane.decision_surfaces(path, [(title, network.predict) for title, network in networks], X, Y[:, 0])
    print(f"surfaces: {display_path(path)}")


def seed(text: str) -> int:
    return command_line.integer_at_least(text, 0)


def seeds(text: str) -> range:
    """The seeds that A..B names, B included."""
    first, _, last = text.partition("..")
    try:
        named = range(int(first), int(last) + 1)
    except ValueError:
        named = range(0)
    if not named or named[0] < 0:
        raise ArgumentTypeError(f"must be A..B, two whole numbers, at least 0, A not above B, as in 0..39, not {text}")
    return named


def hidden(text: str) -> int:
    return command_line.integer_at_least(text, 1, MAX_HIDDEN)


def steps(text: str) -> int:
    return command_line.integer_at_least(text, 1)


def rate(text: str) -> float:
    """The number, if it is positive and finite."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise ArgumentTypeError(f"must be a finite number above 0, not {text}")
    return number
