"""Remake what a page of docs/ shows: run its commands in their order, and put in what they print.

    python scripts/make_docs.py [docs/circuits.md]

Every ``sh`` block is run from the checkout; the ``text`` block that follows one gets its output. The pictures are
those that the commands draw.
"""

import re
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from mlp import command_line
from mlp.errors import CheckFailed, InputError
from mlp.files import write_text

CHECKOUT = Path(__file__).parent.parent
PAGE = CHECKOUT / "docs" / "circuits.md"
BLOCK = re.compile(r"```sh\n(?P<commands>.*?)```\n(?P<between>\n```text\n)?(?(between)(?P<output>.*?)```\n)", re.DOTALL)
"""Commands, and the output right below, where there is one."""


def main(arguments: Sequence[str]) -> None:
    parser = command_line.Parser(description="Run a page's commands and put in what they print.")
    parser.add_argument("page", type=command_line.path, nargs="?", default=PAGE, metavar="PAGE")
    options = parser.parse_args(arguments)
    if not options.page.is_file():
        raise InputError(f"{options.page}: no such file: name a page of docs/")
    write_text(options.page, BLOCK.sub(with_output, options.page.read_text(encoding="utf-8")))


def with_output(block: re.Match[str]) -> str:
    """The block, with what its commands print now."""
    printed = "".join(run(command) for command in block["commands"].splitlines())
    shown = f"\n```text\n{printed}```\n" if block["between"] else ""
    return f"```sh\n{block['commands']}```\n{shown}"


def run(command: str) -> str:
    """What a command ``python ...`` prints, run from the checkout; CheckFailed where it fails."""
    print(command, file=sys.stderr)
    program, *arguments = shlex.split(command)
    if program != "python":
        raise InputError(f"{command}: only commands that start with python are run")
    done = subprocess.run([sys.executable, *arguments], cwd=CHECKOUT, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise CheckFailed(f"{command}\n{done.stderr}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(command_line.run(main))
