"""Export a run's network as an ONNX model, which other programs can run.

    mlp export-onnx [RUN] [--from-bytes] [--precision float32|float64]

Writes RUN/model.onnx, if its predictions for all test images of the run agree with NumPy's.
"""

import json
from collections.abc import Sequence

from mlp.commands.arguments import Parser, run_directory
from mlp.network import output_classes
from mlp.runs.finished import FinishedRun, read_run
from mlp.system import blas_threads, command_line
from mlp.system.command_line import display_path
from mlp.system.errors import CheckFailed
from mlp.system.files import replacing

TOLERANCE, MAX_TOLERANCE = 1e-6, 1e-5
"""The largest accepted difference between two probabilities: twice NumPy's own rounding, but within these limits."""


def main(arguments: Sequence[str]) -> None:
    parser = Parser(description="Export a run's network as an ONNX model.")
    parser.add_run()
    parser.add_argument(
        "--from-bytes",
        action="store_true",
        help="the model takes raw pixels, 0..255, and divides them by the run's data.scale",
    )
    parser.add_argument("--precision", choices=["float32", "float64"], help="numbers in the model (default: the run's)")
    options = parser.parse_args(arguments)
    command_line.require("onnx", extra="onnx")
    run = read_run(run_directory(options))
    images = run.images("test")
    from mlp import onnx_export  # slow to import, and not needed if the run cannot be read

    network = run.network.copy(options.precision or run.network.precision)
    model = onnx_export.build(network, model_metadata(run), from_bytes=options.from_bytes, scale=images.scale)
    with blas_threads.threads(run.config.training.threads):
        differences = onnx_export.differences(model, network, images)
        tolerance = min(max(TOLERANCE, 2 * onnx_export.rounding(network, images)), MAX_TOLERANCE)
    cure = ": try --precision float64" if network.precision == "float32" else ""
    for engine, difference in differences.items():
        if not difference <= tolerance:
            raise CheckFailed(
                f"{engine} differs from NumPy by {difference:.2e} in a test image's probability, more than "
                f"{tolerance:.0e}: nothing was written{cure}"
            )
    path = run.file("model.onnx")
    with replacing(path) as file:
        file.write(model.SerializeToString(deterministic=True))
    inputs, columns = network.sizes[0], column_labels(run)
    given = f"X (n, {inputs}) float32, pixels in 0..{images.largest_input:g}"
    if options.from_bytes:
        given = f"pixels (n, {inputs}) uint8, 0..255"
    within = " and ".join(f"{difference:.1e} by {engine}" for engine, difference in differences.items())
    print(f"model:   {display_path(path)}")
    print(f"input:   {given}")
    what = "probability of digit" if len(columns) == 1 else "probabilities of the digits"
    digits = ", ".join(map(str, columns))
    print(f"output:  P (n, {len(columns)}) {network.precision}, the {what} {digits}")
    print(f"checked: on {len(images):,} test images within {within} of NumPy's predictions")


def column_labels(run: FinishedRun) -> list[int]:
    """The label whose probability each column of P is."""
    return [run.config.data.labels[k] for k in output_classes(run.network.sizes[-1])]


def model_metadata(run: FinishedRun) -> dict[str, str]:
    """The facts about the run that the model holds."""
    return {
        "columns": json.dumps(column_labels(run)),
        "config": run.config.to_json_in_a_model(),
        "image_shape": json.dumps(run.image_shape),
        "weights_sha256": run.manifest.weights_sha256,
    }
