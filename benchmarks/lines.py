"""Where the time of a step goes: each NumPy call of this project's step is timed in its place, while it trains."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from itertools import chain
from statistics import fmean
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np

from benchmarks.work import Work, WorkRow
from mlp.gates import Array
from mlp.plan import Call
from mlp.system import text_table
from mlp.training.loop import Trainer
from mlp.training.step import StepPlan

GATHER = ("feed", "gather the bytes of a block of batches")
TARGETS = ("feed", "Y = the targets of a block")
KEEP = ("loop", "keep the weights, for a block that is not finite")
FIGURES = ("history", "losses, norms and errors of a block")
REST = ("loop", "all else: Python between the blocks")
ORDER = ("feed", "the order of the images, once an epoch")
EPOCH = ("loop", "copies and checks of the weights, once an epoch")
RUN = ("", "the calls of a block")

Line = tuple[str, str]
"""A part of the step, and what is done."""
LINES = (GATHER, TARGETS, KEEP, RUN, FIGURES, REST)
"""Those of a block, in their order."""


@dataclass(frozen=True)
class Row(WorkRow):
    """A row of lines.csv: a mean over the fastest quarter of the blocks, so that other processes do not count.

    Means, because only means of parts add up to the mean of the whole.
    """

    part: str
    line: str
    microseconds: float


def measure(work: Work, epochs: int) -> list[Row]:
    """A row for each line of a step, in order. Training is as in ``train.py``, for one epoch more than these."""
    trainer = Trainer(work.network(), work.images, work.images.first_of_each(0), work.config.training)
    watch = BlockWatch(trainer, work.batch_size)
    orders, others = [], []
    for epoch in range(1, epochs + 2):
        began = perf_counter()
        work.order(epoch)
        orders.append(perf_counter() - began)
        began = perf_counter()
        trainer.run_epoch(after_steps=watch.end_block)
        others.append(perf_counter() - began - watch.end_epoch())
    times = {ORDER: min(orders) / work.steps} | watch.line_times()
    calls = list(zip(step_lines(trainer, watch.plan), watch.call_times(), strict=True))
    rest = times.pop(RUN) + times.pop(REST) - sum(seconds for _, seconds in calls)
    after = [(line, times.pop(line)) for line in (FIGURES, KEEP)]
    found = [*times.items(), *calls, *after, (EPOCH, min(others) / work.steps), (REST, rest)]
    return [Row(**work.row, part=part, line=text, microseconds=1e6 * seconds) for (part, text), seconds in found]


class Block(NamedTuple):
    """Seconds of a block of steps, and when the clock was read between its calls, if it was."""

    steps: int
    times: Mapping[Line, float]
    readings: Sequence[float]


class BlockWatch:
    """Times what a trainer does in each block of batches of n images.

    In every other block each call is timed, too. The clock's own cost is how much longer these blocks take, divided by
    how often it is read in them: so the times of the calls add up to the time of a block without a clock.
    """

    def __init__(self, trainer: Trainer, n: int):
        self.plan = trainer.plans[n]
        self._blocks: dict[tuple[bool, int], list[Block]] = defaultdict(list)
        """By whether the clock was read between calls, and by the number of steps."""
        self._current: dict[Line, float] = defaultdict(float)
        self._readings: list[float] = []
        self._is_clocked, self._began, self._latest, self._seconds = False, 0.0, 0.0, 0.0
        plan = self.plan
        self._calls = plan.passes, plan.update, plan.calls
        passes, update = map(self._with_clock, (plan.passes, plan.update))
        count = len(plan.passes) + len(plan.update)
        steps = [plan.calls[first : first + count] for first in range(0, len(plan.calls), count)]
        halves = chain.from_iterable((step[: len(plan.passes)], step[len(plan.passes) :]) for step in steps)
        self._clocked_calls = passes, update, list(chain.from_iterable(map(self._with_clock, halves)))
        self._time(TARGETS, plan, "set_classes")
        self._time(KEEP, trainer.parameters, "snapshot")
        self._time(RUN, plan, "run", "run_passes", "run_update")
        blocks = trainer.loader.blocks

        def timed_blocks(*arguments: Any) -> Iterator[Any]:
            """``BatchLoader.blocks``; the time until it gives a block is the time to gather it."""
            found, self._current, self._began = blocks(*arguments), defaultdict(float), perf_counter()
            while True:
                began = perf_counter()
                block = next(found, None)
                self._current[GATHER] += perf_counter() - began
                if block is None:
                    return
                self._begin_block(*block[0].shape)
                yield block

        setattr(trainer.loader, "blocks", timed_blocks)  # noqa: B010 - mypy allows no assignment to a method

    def _with_clock(self, calls: Sequence[Call]) -> list[Call]:
        """The calls, with the clock read before the first, and after each."""

        def read() -> None:
            self._readings.append(perf_counter())

        return [read, *chain.from_iterable((bound, read) for bound in calls)]

    def _time(self, line: Line, owner: Any, *methods: str) -> None:
        """Add the time of these methods to a line."""
        for name in methods:
            setattr(owner, name, self._timed(line, getattr(owner, name)))

    def _timed(self, line: Line, method: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(method)
        def timed(*arguments: Any) -> Any:
            began = perf_counter()
            try:
                return method(*arguments)
            finally:
                self._latest = perf_counter()
                self._current[line] += self._latest - began

        return timed

    def _begin_block(self, steps: int, n: int, _: int) -> None:
        self._is_full, self._readings = n == self.plan.n, []
        self._is_clocked = self._is_full and len(self._blocks[False, steps]) > len(self._blocks[True, steps])
        if self._is_clocked:
            self.plan.passes, self.plan.update, self.plan.calls = self._clocked_calls

    def end_block(self, steps: int) -> None:
        """To be called after every block."""
        ended = perf_counter()
        self._current[FIGURES] = ended - self._latest  # since the end of the last call
        self._current[REST] = ended - self._began - sum(self._current.values())
        self._seconds += ended - self._began
        if self._is_full:
            self._blocks[self._is_clocked, steps].append(Block(steps, self._current, self._readings))
        self.plan.passes, self.plan.update, self.plan.calls = self._calls
        self._current, self._began = defaultdict(float), perf_counter()

    def end_epoch(self) -> float:
        """To be called after every epoch; returns the seconds of its blocks."""
        seconds, self._seconds = self._seconds, 0.0
        return seconds

    def line_times(self) -> dict[Line, float]:
        """Seconds of a step by line, in the order of a block."""
        blocks = self._fastest(is_clocked=False)
        return {line: fmean(block.times[line] / block.steps for block in blocks) for line in LINES}

    def call_times(self) -> list[float]:
        """Seconds of each call of a step, without the clock."""
        blocks = self._fastest(is_clocked=True)
        readings = np.array([block.readings for block in blocks]).reshape(len(blocks), blocks[0].steps, -1)
        with_clock = fmean(block.times[RUN] / block.steps for block in blocks)
        clock = (with_clock - self.line_times()[RUN]) / readings.shape[2]
        # Between the passes and the update the clock is read twice.
        calls = np.delete(np.diff(readings, axis=2), len(self.plan.passes), axis=2).mean(axis=(0, 1))
        total = calls.sum() - clock * len(calls)
        calls -= np.clip(clock, 0, calls.min())  # in a long step its cost is lost in the noise
        found: list[float] = (calls * total / calls.sum()).tolist()
        return found

    def _fastest(self, *, is_clocked: bool) -> list[Block]:
        """The fastest quarter of the blocks with as many steps as most."""
        steps = max((len(blocks), steps) for (clocked, steps), blocks in self._blocks.items() if clocked)[1]
        blocks = sorted(self._blocks[is_clocked, steps], key=lambda block: sum(block.times.values()))
        return blocks[: -(-len(blocks) // 4)]


def step_lines(trainer: Trainer, plan: StepPlan) -> Iterator[Line]:
    """Part and equation of each call of a step, in order."""
    parameters = trainer.parameters
    names = {name: rows[0] for name, rows in plan.inputs.items()}
    for name, (value, gradient) in parameters.with_bias_row.items():
        names |= {name: value, f"d{name}": gradient}
    by_address = {array.ctypes.data: (name, array.shape) for name, array in names.items()}
    results = {name: output_of(bound).ctypes.data for name, bound in zip(plan.computed, plan.passes, strict=True)}
    temporary: dict[int, str] = {}
    special = {"X": ("feed", "X = the bytes, as floats"), "norm": ("history", "the norm's square = dot(dA, dA)")}
    is_backward = False
    for name, bound in zip(plan.computed, plan.passes, strict=True):
        output = output_of(bound)
        address = output.ctypes.data
        result = name if address == results[name] else temporary.setdefault(address, f"t{len(temporary) + 1}")
        is_backward |= name.startswith("d")
        text = equation(bound, result, by_address)
        by_address[address] = (result, output.shape)
        yield special.get(name, ("backward" if is_backward else "forward", text))
    optimizer = parameters.optimizer
    whole = {"A": optimizer.A, "dA": optimizer.dA, "learning_rate": optimizer.learning_rate}
    by_address |= {array.ctypes.data: (name, array.shape) for name, array in whole.items()}
    for bound in plan.update:
        output = output_of(bound)
        result, _ = by_address.setdefault(output.ctypes.data, ("t", output.shape))
        yield "update", equation(bound, result, by_address)


def output_of(bound: Any) -> Array:
    """The array that a bound call writes."""
    output: Array = bound.keywords.get("out", bound.args[0 if bound.func is np.copyto else -1])
    return output


def equation(bound: Any, result: str, names: dict[int, tuple[str, tuple[int, ...]]]) -> str:
    """A bound call as result = function(inputs); ``names`` are those of arrays by memory address, with their shapes.

    An array without a name is shown as its first number: it is a constant, or filled with one.
    """
    given = bound.args[1:] if bound.func is np.copyto else bound.args if "out" in bound.keywords else bound.args[:-1]
    inputs = [value for value in given if isinstance(value, np.ndarray)]
    owner = getattr(bound.func, "__self__", None)
    function = f"{owner.__name__}.reduce" if isinstance(owner, np.ufunc) else bound.func.__name__.lstrip("_")

    def text(value: Array) -> str:
        if value.ctypes.data not in names:
            return f"{value.reshape(-1)[0]:.6g}"
        name, shape = names[value.ctypes.data]
        is_square = value.shape == value.shape[::-1]
        other_rows = value.flags.f_contiguous if is_square else value.shape[0] != shape[0]
        is_transposed = value.ndim == len(shape) == 2 and value.size > 1 and other_rows
        return name + ("'" if is_transposed else "")

    return f"{result} = {function}({', '.join(map(text, inputs))})"


def table(found: list[Row]) -> str:
    """A Markdown table for each work."""
    works: dict[str, list[Row]] = defaultdict(list)
    for row in found:
        works[row.work].append(row)
    tables = []
    for work, rows in works.items():
        whole = sum(row.microseconds for row in rows)
        lines = [[row.part, row.line, f"{row.microseconds:.2f}", f"{row.microseconds / whole:.1%}"] for row in rows]
        header = ["part", f"of a step of {work}", "us", "share"]
        tables.append(text_table.markdown(header, [*lines, ["", "together", f"{whole:.1f}", "100.0%"]]))
    return "\n\n".join(tables)
