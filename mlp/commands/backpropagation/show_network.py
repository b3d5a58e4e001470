"""Show both passes of a trained network, as a table or as a drawing.

mlp show-network [RUN]
mlp show-network [RUN] --digit 7 --draw digit.png
"""

from argparse import Namespace
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from mlp.circuits.network_table import network_table
from mlp.commands.arguments import Parser, run_directory
from mlp.gates import Array
from mlp.network import decide, shown_outputs
from mlp.runs.finished import FinishedRun, read_run
from mlp.system import command_line
from mlp.system.command_line import PICTURE_ENDINGS, display_path
from mlp.system.errors import InputError
from mlp.system.printable import listed


def main(arguments: Sequence[str]) -> None:
    parser = Parser(description="Show both passes of a trained network, as a table or on one test image as a picture.")
    parser.add_run()
    parser.add_argument("--digit", type=int, metavar="INDEX", help="the test image to draw, by its index in the file")
    parser.add_argument("--draw", type=command_line.path, metavar="FILE", help="the picture: .svg, .png or .pdf")
    show(parser.parse_args(arguments))


def show(options: Namespace) -> None:
    """Print the table of a run's network, or draw its passes on one test image.

    Raises InputError if only one of --digit and --draw is given, or the file is not a picture.
    """
    if (options.digit is None) != (options.draw is None):
        raise InputError("--digit INDEX and --draw FILE go together: the test image to draw, and the picture's file")
    if options.draw and options.draw.suffix.lower() not in PICTURE_ENDINGS:
        endings = ", ".join(PICTURE_ENDINGS)
        raise InputError(f"--draw {options.draw}: must end in {endings}: a network is drawn as a picture")
    run = read_run(run_directory(options))
    if options.draw:
        draw_passes(run, options.digit, options.draw)
        print(f"drawing: {display_path(options.draw)}")
    else:
        print(f"{display_path(run.directory)}: {'-'.join(map(str, run.network.sizes))}, a batch of n images\n")
        print(network_table(run.network))


def draw_passes(run: FinishedRun, index: int, path: Path) -> None:
    """Draw the passes of a run's network on the test image at this index of the IDX file.

    Raises InputError if there is no such image, or it shows a digit that is not one of the run's.
    """
    images = run.images("test")
    count = len(images.source.labels)
    if not 0 <= index < count:
        raise InputError(f"--digit {index}: the test file holds {count:,} images, 0 to {count - 1}")
    position = np.flatnonzero(images.indices == index)
    if not len(position):
        label = images.source.labels[index]
        raise InputError(f"--digit {index}: the test image is a {label}, the run knows only {listed(images.digits)}")
    network = run.network.copy(np.float64, input_gradient=True)
    batch = network.batch(1)
    images.fetch(position, batch)
    loss = batch.loss()
    network.backward()
    target, predicted = (int(classes[0]) for classes in (images.targets_of(position), decide(network.probabilities)))
    digit, P = images.digits[target], network.probabilities[0]
    lines = list(probability_lines(P, images.digits, (predicted, target)))
    lines.append(f"target Y = {target}" if len(P) == 1 else f"target: a {digit}")
    if batch.weights is not None:
        lines.append(f"weight w = {batch.weights[0].item():.4g}")
    lines.append(f"loss L = {loss:.4g}")
    from mlp.figures import network as network_figure  # matplotlib is slow to import

    path.parent.mkdir(parents=True, exist_ok=True)
    title = f"test image {index}: a {digit}, predicted {images.digits[predicted]}"
    white = images.largest_input
    network_figure.draw_network(path, network, run.image_shape, images.digits, title, lines, white=white)


def probability_lines(P: Array, digits: Sequence[int], classes: Sequence[int]) -> Iterator[str]:
    """The output of each of these classes, from P (k,), with its digit."""
    for k, p in shown_outputs(P, classes).items():
        yield f"P = {p:.4g}"
        yield f"the probability of a {digits[k]}"
        yield ""
