"""Remake what a page of docs/ shows: run its commands in their order, and put in what they print.

    python scripts/make_docs.py [docs/circuits.md]

Every ``sh`` block is run, in a copy of the checkout without runs; the ``text`` block that follows one gets its
output. The pictures are those that the commands draw into docs/.
"""

import sys

from mlp import interrupts

if __name__ == "__main__":
    interrupts.start()  # before the imports that take a while

import filecmp
import re
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from mlp import command_line
from mlp.errors import CheckFailed, InputError
from mlp.files import write_text

CHECKOUT = Path(__file__).parent.parent
PAGE = CHECKOUT / "docs" / "circuits.md"
BLOCK = re.compile(r"```sh\n(?P<commands>.*?)```\n(?P<between>\n```text\n)?(?(between)(?P<output>.*?)```\n)", re.DOTALL)
"""Commands, and the output right below, where there is one."""
NEEDED = ("mlp", "scripts", "data", "docs", "train.py", "config.yaml")
"""Of the checkout, for the commands."""


def main(arguments: Sequence[str]) -> None:
    parser = command_line.Parser(description="Run a page's commands and put in what they print.")
    parser.add_argument("page", type=command_line.path, nargs="?", default=PAGE, metavar="PAGE")
    options = parser.parse_args(arguments)
    if not options.page.is_file():
        raise InputError(f"{options.page}: no such file: name a page of docs/")
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        for name in NEEDED:
            source = CHECKOUT / name
            (shutil.copytree if source.is_dir() else shutil.copy)(source, copy / name)
        page = BLOCK.sub(partial(with_output, copy), read(options.page))
        for drawn in (copy / "docs").rglob("*"):
            place = CHECKOUT / drawn.relative_to(copy)
            if drawn.is_file() and not (place.exists() and filecmp.cmp(drawn, place, shallow=False)):
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(drawn, place)
    write_text(options.page, page)


def read(page: Path) -> str:
    try:
        return page.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{page}: byte {error.start} is not UTF-8: save the page as UTF-8") from None


def with_output(copy: Path, block: re.Match[str]) -> str:
    """The block, with what its commands print now."""
    printed = "".join(run(copy, command) for command in block["commands"].splitlines() if command.strip())
    shown = f"\n```text\n{printed}```\n" if block["between"] else ""
    return f"```sh\n{block['commands']}```\n{shown}"


def run(copy: Path, command: str) -> str:
    """What a command ``python ...`` prints, run in the copy of the checkout; CheckFailed where it fails."""
    print(command, file=sys.stderr)
    try:
        program, *arguments = shlex.split(command)
    except ValueError as error:
        raise InputError(f"{command}: {error}") from None
    if program != "python":
        raise InputError(f"{command}: only commands that start with python are run")
    done = subprocess.run([sys.executable, *arguments], cwd=copy, capture_output=True, encoding="utf-8", check=False)  # noqa: S603
    if done.returncode:
        raise CheckFailed(f"{command}\n{done.stderr}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(command_line.run(main))
