"""Train the notes' 2-8-1 network on XOR, which no straight line separates.

    mlp train-xor [--seed N] [--learning-rate RATE] [--steps N] [--output DIR]

Each step uses all four rows. The command prints the loss as it falls, stops when all four rows are clearly right, and
writes loss_curve.png and decision_surface.png. The exit code is 1 if a row is still wrong after the last step.
"""

import math
from argparse import ArgumentTypeError
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

SIZES = (2, HIDDEN, 1)
OUTPUT = Path("outputs", "xor")
LEARNING_RATE = 1.0
STEPS = 10_000
CLEAR = 0.1
"""Training stops when each probability is this near its target. At the first step where all rows are right, the line
P = 1/2 still runs very near the last point."""


def main(arguments: Sequence[str]) -> None:
    parser = command_line.Parser(description="Learn XOR with a 2-8-1 network.")
    parser.add_argument("--seed", type=seed, default=0, metavar="N", help="seed of the weights (default: 0)")
    parser.add_argument(
        "--learning-rate", type=rate, default=LEARNING_RATE, metavar="RATE", help=f"default: {LEARNING_RATE:g}"
    )
    parser.add_argument("--steps", type=steps, default=STEPS, metavar="N", help=f"step limit (default: {STEPS:,})")
    parser.add_argument(
        "--output", type=command_line.path, default=OUTPUT, metavar="DIR", help=f"default: {display_path(OUTPUT)}"
    )
    options = parser.parse_args(arguments)
    options.output.mkdir(parents=True, exist_ok=True)

    network = MLP(SIZES, precision="float64", generator=generator(options.seed, Stream.WEIGHTS))
    with blas_threads.threads(1):
        losses, learned = train(network, options.learning_rate, options.steps)
    print(table(network))
    draw_figures(network, losses, options.output)
    if learned is None:
        raise CheckFailed(
            f"not learned: {right(network)} of {len(X)} rows are right: give more --steps ({options.steps:,}), "
            f"or try another --learning-rate ({options.learning_rate:g}) or --seed ({options.seed})"
        )
    print(f"all {len(X)} rows are right from step {learned:,} on; {len(losses) - 1:,} steps were taken")


def train(network: MLP, learning_rate: float, max_steps: int) -> tuple[list[float], int | None]:
    """Train until all rows are clearly right, for at most this many steps.

    Returns the loss before the first step and after each step, and the step from which on all rows were right
    (None if they are not right at the end).
    """
    learned: int | None = None
    optimizer = SGD(network.parameter_block, network.gradient_block, learning_rate=learning_rate)
    losses: list[float] = []
    # NumPy's warnings are off because an overflow shows in the next loss or weight, which is checked.
    with np.errstate(over="ignore", invalid="ignore"):
        for step in range(max_steps + 1):
            losses.append(network.loss(X, Y))
            if not (math.isfinite(losses[-1]) and np.isfinite(network.parameter_block).all()):
                raise Diverged(f"training diverged in step {step:,}: lower --learning-rate ({learning_rate:g})")
            count = right(network)
            just_learned = count == len(X) and learned is None
            learned = None if count < len(X) else step if just_learned else learned
            done = step == max_steps or np.abs(network.probabilities - Y).max() < CLEAR
            if done or just_learned or is_reported(step):
                print(f"step {step:6,}: loss {losses[-1]:.6f}, {count} of {len(X)} right")
            if done:
                break
            network.backward()
            optimizer.step()
    return losses, learned


def right(network: MLP) -> int:
    """The number of rows that the latest pass classifies correctly."""
    return int(np.count_nonzero(decide(network.probabilities) == Y[:, 0]))


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


def seed(text: str) -> int:
    return command_line.integer_at_least(text, 0)


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
