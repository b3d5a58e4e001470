"""What docs/notes.md says of a note, row by row, and what the commands that it gives print."""

import json
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT, quicker, run_here, undrawn

PAGE = (ROOT / "docs" / "notes.md").read_text(encoding="utf-8")
NUMBER = r"(?<![\w.])-?[0-9]+(?:,[0-9]{3}\b)*(?:\.[0-9]+)?"
CIRCUIT = "python scripts/circuit.py "


@dataclass(frozen=True)
class Row:
    """A row of a note's table."""

    says: str
    commands: Sequence[str]
    numbers: str
    """Without what is in parentheses, which no command of the row prints."""
    printed: str


@dataclass(frozen=True)
class Note:
    """A section of the page, whose commands have run in their order."""

    rows: Sequence[Row]
    folder: Path
    """Where they ran."""

    def shows_its_numbers(self) -> None:
        """Each row's commands print its numbers, when rounded to as many digits."""
        assert any(numbers_in(row.numbers) for row in self.rows)
        for row in (row for row in self.rows if row.printed):
            printed = numbers_in(row.printed)
            for wanted in numbers_in(row.numbers):
                assert wanted in {rounded(number, wanted) for number in printed}, f"{row.says}: {wanted}"
            if len(row.commands) == 1 and row.commands[0].startswith(CIRCUIT):
                self.names_its_numbers(row)

    def names_its_numbers(self, row: Row) -> None:
        """What the row calls ``q`` or ``dq`` is the value or the gradient of its circuit's node q."""
        if "=" not in row.numbers:
            return
        nodes = self.nodes(row.commands[0].removeprefix(CIRCUIT))
        for name, numbers in re.findall(rf"(\w+) = ({NUMBER}(?:, {NUMBER})*)", row.numbers):
            found = nodes[name]["value"] if name in nodes else nodes[name.removeprefix("d")]["gradient"]
            wanted = numbers_in(numbers)
            assert list(map(rounded, numbers_in(str(found)), wanted)) == wanted, f"{row.says}: {name}"

    def printed(self, words: str) -> str:
        """What the row's commands printed whose first column has these words."""
        (found,) = [row.printed for row in self.rows if words in row.says]
        return found

    def nodes(self, arguments: str) -> dict[str, dict[str, Any]]:
        """The nodes by name of the circuit that a command of the page runs with these arguments."""
        assert CIRCUIT + arguments in [one for row in self.rows for one in row.commands]
        done = run_here("scripts/circuit.py", *shlex.split(arguments), "--json", cwd=self.folder)
        assert done.returncode == 0, done.stderr
        return {node["name"]: node for node in json.loads(done.stdout)["nodes"]}


def numbers_in(text: str) -> list[str]:
    return [number.replace(",", "") for number in re.findall(NUMBER, text)]


def rounded(number: str, pattern: str) -> str:
    """To as many digits as the pattern has."""
    return f"{float(number):.{len(pattern.partition('.')[2])}f}"


def section(number: str) -> str:
    return PAGE.partition(f"\n## {number}. ")[2].partition("\n## ")[0]


def run(command: str, folder: Path) -> str:
    with undrawn():
        done = run_here(*quicker(command), cwd=folder)
    assert done.returncode == 0, f"{command}\n{done.stderr}"
    return str(done.stdout)


@pytest.fixture(scope="module")
def note(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Note:
    """The note whose number is in the module's name; its commands run beside the config and the digits."""
    number = request.module.__name__.rpartition(".test_")[2][0]
    folder = tmp_path_factory.mktemp("note")
    (folder / "config.yaml").symlink_to(ROOT / "config.yaml")
    (folder / "data").symlink_to(ROOT / "data")
    rows = []
    for line in re.findall(r"^\| (?!the note \||---)(.*) \|$", section(number), re.MULTILINE):
        says, shown_by, *numbers = line.split(" | ")
        commands = re.findall("`(python .*?)`", shown_by)
        certain = re.sub(r"\(.*?\)", "", " ".join(numbers))
        rows.append(Row(says, commands, certain, "".join(run(command, folder) for command in commands)))
    return Note(rows, folder)
