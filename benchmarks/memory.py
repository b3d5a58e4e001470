"""Each contender's peak memory while it trains an epoch, in a separate process."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import processes
from benchmarks.contenders import FLOOR, Contender
from mlp.system import text_table


@dataclass(frozen=True)
class Row:
    """A row of memory.csv."""

    batch_size: int
    hidden_size: int
    contender: str
    peak_megabytes: float


def measure(file: Path, batch_size: int, hidden_size: int, contenders: Sequence[Contender]) -> list[Row]:
    """A row for each contender that trains; ``file`` is the config of the work."""
    return [
        Row(
            batch_size,
            hidden_size,
            contender.name,
            processes.run_python("-m", "benchmarks.alone", "steps", contender.name, file).peak_megabytes,
        )
        for contender in contenders
        if contender.name != FLOOR
    ]


def table(found: Sequence[Row]) -> str:
    """A Markdown table."""
    return text_table.markdown(
        ["an epoch of training", "peak memory, MB"], [[row.contender, f"{row.peak_megabytes:,.0f}"] for row in found]
    )
