"""Train the network that a config file describes.

python train.py --config config.yaml
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter

from tqdm import tqdm

from mlp import blas, command_line, config, gradient_check, network_check, recipe, runs
from mlp.command_line import shown
from mlp.config import Config
from mlp.dataset import Dataset
from mlp.errors import CheckFailed
from mlp.network import MLP
from mlp.randomness import Stream, generator
from mlp.runs import Run
from mlp.training import Trainer

SECONDS_BETWEEN_WRITES = 1.0
"""The whole history is written each time: every epoch would be too often where there are thousands a minute."""


def main(arguments: Sequence[str]) -> None:
    parser = command_line.Parser(description="Train a network to tell two digits apart.")
    parser.add_config()
    parser.add_argument(
        "--output", type=command_line.path, metavar="DIR", help="the run's directory (default: the next number)"
    )
    options = parser.parse_args(arguments)
    train(config.load(options.config, options.set), options.output)


def train(options: Config, output: Path | None) -> None:
    """One run, from the data to the curve."""
    began = perf_counter()
    with blas.threads(options.training.threads) as libraries:
        images = recipe.training_images(options)
        training_set, validation_set = recipe.split(options, images)
        network = recipe.network(options, images.inputs)
        with runs.start(options, output) as run:
            run.note(
                blas=libraries,
                threads=options.training.threads,
                training_files=images.source.sha256(),
                image_shape=images.image_shape,
                images={"training": len(training_set), "validation": len(validation_set)},
            )
            check_gradients(network, training_set, options.training.seed, run)
            trainer = Trainer(network, training_set, validation_set, options.training)
            run_epochs(trainer, run)
            run.write_model(trainer.best_parameters(), options)
            draw_curve(trainer, run)
            run.note(best_epoch=trainer.best_epoch, seconds=perf_counter() - began)
    print(summary(trainer, run))


def check_gradients(network: MLP, training_set: Dataset, seed: int, run: Run) -> None:
    """Refuse to train a network whose hand-written gradients are not the numeric ones."""
    began = perf_counter()
    random = generator(seed, Stream.CHECK)
    X, Y = training_set.first_of_each(network_check.EXAMPLES_PER_CLASS).arrays("float64")
    part = network_check.affordable_part(network, random)
    checks = network_check.check_network(part, X, Y, random)
    run.note(
        gradient_check={
            "sizes": part.sizes,
            "largest_error": max(check.error for check in checks),
            "tolerance": gradient_check.TOLERANCE,
            "errors": {check.name: check.error for check in checks},
            "seconds": perf_counter() - began,
        }
    )
    failed = [str(check) for check in checks if not check.passed]
    if failed:
        of = "" if part.sizes == network.sizes else f" in a part of the network, {part.sizes}"
        raise CheckFailed("\n".join([f"the gradient check failed{of}, nothing was trained:", *failed]))


def run_epochs(trainer: Trainer, run: Run) -> None:
    """Every epoch: a line to stderr and a row of history.csv; on a terminal a bar below the lines."""
    epochs = trainer.options.epochs
    steps = epochs * trainer.steps_per_epoch
    written = perf_counter()
    with tqdm(total=steps, unit=" steps", leave=False, disable=not sys.stderr.isatty()) as bar:
        try:
            for epoch in range(1, epochs + 1):
                row = trainer.run_epoch(bar.update)
                bar.write(f"epoch {epoch:{len(str(epochs))}}/{epochs}: {row}", file=sys.stderr)
                if perf_counter() - written > SECONDS_BETWEEN_WRITES:
                    run.write_history(trainer.history)
                    written = perf_counter()
        finally:
            run.write_history(trainer.history)


def draw_curve(trainer: Trainer, run: Run) -> None:
    from mlp import plots  # matplotlib is slow to import, and a run that fails has no use for it

    path, loss = run.directory / "loss_curve.png", trainer.network.loss_name
    plots.loss_curve(path, trainer.history, trainer.best_epoch, loss)


def summary(trainer: Trainer, run: Run) -> str:
    """What a user wants to know at the end, and the command to type next."""
    validation = trainer.best_validation
    if validation is None:
        verdict = f"no validation images: the weights of the last epoch, {trainer.best_epoch}, are kept"
    else:
        verdict = (
            f"validation errors: {len(validation.mistakes)} in {len(validation.images):,} images "
            f"({validation.accuracy:.2%} right) with the weights of epoch {trainer.best_epoch}, which are kept"
        )
    return "\n".join(
        [
            verdict,
            f"run:   {shown(run.directory)}",
            f"curve: {shown(run.directory / 'loss_curve.png')}",
            f"next:  python {shown(Path(__file__).parent / 'scripts' / 'evaluate.py')} {shown(run.directory)}",
        ]
    )


if __name__ == "__main__":
    sys.exit(command_line.run(main))
