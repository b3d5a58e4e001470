"""Run the commands and snippets in the pages of docs/, and put what they print into the pages.

    python docs/make.py [PAGE ...]

All ``sh`` blocks of a page run in a copy of the checkout without its runs, then all ``python`` blocks in one process.
The ``text`` block right below a block gets its output. Pictures that the commands draw into docs/ are copied back.
The Chinese page NAME.zh.md gets the blocks of NAME.md. The tables of options in docs/config.md, and config.yaml if no
page is named, are generated from the schema.
"""

import filecmp
import json
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import config_docs

from mlp.system import command_line
from mlp.system.errors import CheckFailed, InputError
from mlp.system.files import write_text

CHECKOUT = Path(__file__).parent.parent
PAGES = [
    CHECKOUT / "docs" / f"{name}.md"
    for name in ("circuits", "config", "formats", "library", "adding_a_gate", "experiments", "notes")
]
BLOCK = re.compile(
    r"```(?P<language>sh|python)\n(?P<code>.*?)```\n(?P<between>\n```text\n)?(?(between)(?P<output>.*?)```\n)",
    re.DOTALL,
)
"""Commands or a snippet, and the output right below, if any."""
OPTIONS = re.compile(r"(?<=<!-- options: made from the schema -->\n).*?(?=<!-- end of the options -->)", re.DOTALL)
NEEDED = ("mlp", "scripts", "data", "docs", "train.py", "config.yaml")
"""The part of the checkout that the commands need."""
STRICT = ("-W", "error", "-W", "ignore::DeprecationWarning")
"""A snippet that causes a warning fails."""
IN_ONE_PROCESS = """\
import contextlib, io, json, sys
names, printed = {"__name__": "__main__"}, []
for number, snippet in enumerate(json.load(sys.stdin), 1):
    with contextlib.redirect_stdout(io.StringIO()) as output:
        exec(compile(snippet, f"snippet {number}", "exec"), names)
    printed.append(output.getvalue())
json.dump(printed, sys.stdout)
"""


def main(arguments: Sequence[str]) -> None:
    parser = command_line.Parser(
        description="Run the commands and snippets of pages, and put what they print into the pages."
    )
    parser.add_argument(
        "pages",
        type=command_line.path,
        nargs="*",
        metavar="PAGE",
        help="default: the pages of docs/ that have such blocks",
    )
    options = parser.parse_args(arguments)
    for page in options.pages or PAGES:
        remake(page)
    if not options.pages:
        write_text(CHECKOUT / "config.yaml", config_docs.config_yaml())


def remake(page: Path) -> None:
    """Update a page with what its blocks print and draw."""
    text = read(page)
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        for name in NEEDED:
            source = CHECKOUT / name
            (shutil.copytree if source.is_dir() else shutil.copy)(source, copy / name)
        printed = outputs(copy, page, list(BLOCK.finditer(text)))
        text = BLOCK.sub(lambda block: with_output(block, next(printed)), text)
        for drawn in (copy / "docs").rglob("*"):
            place = CHECKOUT / drawn.relative_to(copy)
            if drawn.is_file() and not (place.exists() and filecmp.cmp(drawn, place, shallow=False)):
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(drawn, place)
    write_text(page, OPTIONS.sub(lambda _: config_docs.tables(), text))
    in_chinese = page.with_suffix(".zh.md")
    if in_chinese.exists():
        write_text(in_chinese, with_blocks(in_chinese, text))


def with_blocks(page: Path, other: str) -> str:
    """A page with the commands, snippets and outputs of its other language, which are the same in the same order."""
    text = read(page)
    here, there = (list(BLOCK.finditer(language)) for language in (text, other))
    if len(here) != len(there):
        raise InputError(f"{page}: {len(here)} blocks, {len(there)} in English: translate what was added, or remove it")
    blocks = (block[0] for block in there)
    return BLOCK.sub(lambda _: next(blocks), text)


def read(page: Path) -> str:
    try:
        return page.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError(f"{page}: no such file: name a page of docs/") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{page}: byte {error.start} is not UTF-8: save the page as UTF-8") from None


def outputs(copy: Path, page: Path, blocks: Sequence[re.Match[str]]) -> Iterator[str]:
    """What each block prints in the copy of the checkout: first all commands run, then all snippets."""
    commands = [
        "".join(run(copy, command) for command in block["code"].splitlines() if command.strip())
        for block in blocks
        if block["language"] == "sh"
    ]
    snippets = run_snippets(copy, page, [block["code"] for block in blocks if block["language"] == "python"])
    printed = {"sh": iter(commands), "python": iter(snippets)}
    return (next(printed[block["language"]]) for block in blocks)


def with_output(block: re.Match[str], printed: str) -> str:
    """The block with its new output."""
    shown = f"\n```text\n{printed}```\n" if block["between"] else ""
    return f"```{block['language']}\n{block['code']}```\n{shown}"


def run(copy: Path, command: str) -> str:
    """What a command ``python ...`` prints in the copy of the checkout; raises CheckFailed if it fails."""
    print(command, file=sys.stderr)
    try:
        program, *arguments = shlex.split(command)
    except ValueError as error:
        raise InputError(f"{command}: {error}") from None
    if program != "python":
        raise InputError(f"{command}: only commands that start with python are run")
    return python(copy, command, arguments)


def run_snippets(copy: Path, page: Path, snippets: Sequence[str]) -> list[str]:
    """What each snippet of the page prints, all in one process; raises CheckFailed if one fails."""
    if not snippets:
        return []
    printed: list[str] = json.loads(python(copy, str(page), [*STRICT, "-c", IN_ONE_PROCESS], json.dumps(snippets)))
    return printed


def python(copy: Path, what: str, arguments: Sequence[str], given: str = "") -> str:
    done = subprocess.run(  # noqa: S603
        [sys.executable, *arguments], cwd=copy, input=given, capture_output=True, encoding="utf-8", check=False
    )
    if done.returncode:
        raise CheckFailed(what, *done.stderr.splitlines())
    return done.stdout


if __name__ == "__main__":
    sys.exit(command_line.run(main))
