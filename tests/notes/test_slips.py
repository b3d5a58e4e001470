"""The table of the notes' slips, in docs/circuits.md: each command shows the value that is right."""

import re
import shlex
import subprocess
import sys

import pytest

from tests.conftest import ROOT, run_here

TABLE = (ROOT / "docs" / "circuits.md").read_text(encoding="utf-8").partition("\n## Slips in the notes\n")[2]
SLIPS = re.findall(r"^\| (.*) \| (.*) \| `(python .*)` \|$", TABLE, re.MULTILINE)


def printed(program, *arguments):
    assert program == "python"
    if arguments[0] == "-c":
        return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=True).stdout
    done = run_here(*arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def rounded(text):
    """The text with at most 12 digits of a number: the last ones depend on the version of NumPy."""
    return re.sub(r"-?\d+\.\d{13,}", lambda number: f"{float(number[0]):.12g}", text)


@pytest.mark.parametrize(("slip", "right", "command"), SLIPS, ids=[slip for slip, *_ in SLIPS])
def test_a_slips_command_shows_what_is_right(slip, right, command):
    values = re.findall("`(.*?)`", right)
    assert values, slip
    output = rounded(" ".join(printed(*shlex.split(command)).split()))
    for value in map(rounded, values):
        assert re.search(rf"(^| ){re.escape(value)}( |$)", output), value


def test_every_slip_is_there():
    assert len(SLIPS) == 9
    text = " ".join(right for _, right, _ in SLIPS)
    for value in (0.7310585786300049, 0.36787944117144233, -0.19661193324148188, 0.3932238664829637, 0.625):
        assert f"`{value}`" in text
