"""Where the time of a step goes, line by line: each NumPy call of this project's step is timed in its place."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np

from benchmarks.work import Work
from mlp.data.dataset import WHITE
from mlp.gates import Array
from mlp.network import BatchBuffers, decide
from mlp.system import text_table
from mlp.training.loop import Trainer
from mlp.training.random_streams import Stream, generator

CLOCK = "the clock itself, which is subtracted"


@dataclass(frozen=True)
class Row:
    """A row of lines.csv: the median over an epoch's full batches.

    The batch's bytes are gathered for several batches at a time, so this line is a mean. "all else" is the rest of the
    epoch's time in the history; on a busy machine it may be negative.
    """

    batch_size: int
    hidden_size: int
    loss: str
    part: str
    line: str
    microseconds: float


def measure(work: Work, epochs: int) -> list[Row]:
    """A row for each line of a step, in order, measured after this many epochs of training as ``train.py`` does it."""
    trainer = Trainer(work.network(), work.images, work.images.first_of_each(0), work.config.training)
    whole = 1e6 * median(trainer.run_epoch().seconds for _ in range(epochs)) / work.steps
    trainer.parameters.load()
    batch = trainer.parameters.batch(work.batch_size)
    batch.loss()
    batch.backward()
    lines = list(step_lines(trainer, batch))
    times: list[list[float]] = [[] for _ in lines]
    batches = trainer.loader.batches(generator(work.config.training.seed, Stream.SHUFFLE, epochs + 1))
    gathered = []
    while True:
        before = perf_counter()
        pixels, classes = next(batches, (None, None))
        gathered.append(perf_counter() - before)
        if pixels is None or classes is None or len(pixels) != work.batch_size:
            break
        for (_, _, call), found in zip(lines, times, strict=True):
            before = perf_counter()
            call(pixels, classes)
            found.append(perf_counter() - before)
    clock = median(times[-1])
    medians = [1e6 * (median(found) - clock) for found in times[:-1]]
    gather = 1e6 * (sum(gathered) / len(gathered) - clock)  # for several batches at a time: the mean, not the median
    shares = [("feed", "gather the batch's bytes", gather)]
    shares += [(part, line, time) for (part, line, _), time in zip(lines[:-1], medians, strict=True)]
    rest = whole - sum(time for *_, time in shares)
    shares.append(("loop", "all else: Python between the calls, interruptions", rest))
    batch_size, hidden_size = work.config.training.batch_size, work.config.model.hidden_sizes[0]
    return [Row(batch_size, hidden_size, work.loss, *share) for share in shares]


def step_lines(trainer: Trainer, batch: BatchBuffers) -> Iterator[tuple[str, str, Callable[[Any, Any], object]]]:
    """Part, text and call of each line of a step, as in ``Trainer`` and ``SGD``; the last call does nothing."""
    optimizer, names = trainer.parameters.optimizer, names_in(batch)
    A, dA, step, rate = optimizer.A, optimizer.dA, np.empty_like(optimizer.A), optimizer.learning_rate
    yield "feed", "X = the bytes, as floats", lambda pixels, classes: np.copyto(batch.X, pixels)
    yield "feed", "X = X / 255", lambda pixels, classes: np.divide(batch.X, WHITE, batch.X)
    yield "feed", "Y = the targets", lambda pixels, classes: batch.set_classes(classes)
    for part, calls in (("forward", batch.plan.forward_calls), ("backward", batch.plan.backward_calls or [])):
        for bound in calls:
            yield part, equation(bound, names), ignoring(bound)
    yield "history", "the gradient's norm", lambda pixels, classes: np.dot(dA, dA)
    yield "update", "step = learning_rate dA", lambda pixels, classes: np.multiply(dA, rate, out=step)
    yield "update", "A = A - step", lambda pixels, classes: np.subtract(A, step, out=A)
    yield "history", "the errors", lambda pixels, classes: np.count_nonzero(decide(batch.P) != classes)
    yield "", CLOCK, lambda pixels, classes: None


def ignoring(bound: Callable[[], object]) -> Callable[[Any, Any], object]:
    """The call as a function of a batch, which it ignores."""
    return lambda pixels, classes: bound()


def names_in(batch: BatchBuffers) -> dict[int, tuple[str, tuple[int, ...]]]:
    """Names and shapes of the arrays that calls write and read, by memory address; t if the graph has no name."""
    known = [(node.name, value) for node, value in batch.plan.values.items()]
    known += [(f"d{node.name}", gradient) for node, gradient in batch.plan.gradients.items()]
    calls: list[Any] = [*batch.plan.forward_calls, *(batch.plan.backward_calls or [])]
    known += [("t", output_of(bound)) for bound in calls]
    names: dict[int, tuple[str, tuple[int, ...]]] = {}
    for name, array in known:
        names.setdefault(array.ctypes.data, (name, array.shape))
    return names


def output_of(bound: Any) -> Array:
    """The array that a bound call writes."""
    output: Array = bound.keywords.get("out", bound.args[-1])
    return output


def equation(bound: Any, names: dict[int, tuple[str, tuple[int, ...]]]) -> str:
    """A bound call as output = function(inputs), in the graph's names."""
    output = output_of(bound)
    inputs = [value for value in bound.args[: None if "out" in bound.keywords else -1] if isinstance(value, np.ndarray)]
    owner = getattr(bound.func, "__self__", None)
    function = owner.__name__ if isinstance(owner, np.ufunc) else bound.func.__name__.lstrip("_")

    def text(value: Array) -> str:
        if value.ctypes.data not in names:
            return f"{value.reshape(-1)[0]:g}"  # a constant, or an array filled with one
        name, shape = names[value.ctypes.data]
        transposed = value.shape == shape[::-1] and not (value.shape == shape and value.flags.c_contiguous)
        return name + ("'" if transposed and value.size > 1 and value.ndim > 1 else "")

    return f"{text(output)} = {function}({', '.join(map(text, inputs))})"


def table(found: list[Row]) -> str:
    """A Markdown table for each work."""
    works: dict[tuple[int, int, str], list[Row]] = {}
    for row in found:
        works.setdefault((row.batch_size, row.hidden_size, row.loss), []).append(row)
    tables = []
    for (batch_size, hidden_size, loss), rows in works.items():
        whole = sum(row.microseconds for row in rows)
        lines = [[row.part, row.line, f"{row.microseconds:.2f}", f"{row.microseconds / whole:.1%}"] for row in rows]
        header = ["part", f"of a step at {batch_size} x {hidden_size}, {loss.replace('_', '-')}", "us", "share"]
        tables.append(text_table.markdown(header, [*lines, ["", "together", f"{whole:.1f}", "100.0%"]]))
    return "\n\n".join(tables)
