"""Download the whole of MNIST, or of Fashion-MNIST, as an IDX folder.

    mlp download-mnist [--dataset mnist|fashion] [--to DIR]

A file that is already there is kept.
"""

from argparse import ArgumentTypeError
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from mlp.data.sources import download
from mlp.system import command_line
from mlp.system.command_line import display_path, warn


def main(arguments: Sequence[str]) -> None:
    parser = command_line.Parser(description="Download the whole of MNIST, or of Fashion-MNIST, as an IDX folder.")
    parser.add_argument("--dataset", choices=list(download.DATASETS), default="mnist", help="which (default: mnist)")
    parser.add_argument(
        "--to", type=command_line.path, metavar="DIR", help="the folder to write (default: data/mnist or data/fashion)"
    )
    parser.add_argument(
        "--mirror",
        type=mirror,
        action="append",
        metavar="URL",
        help="take the files from this folder on the web instead; several mirrors are tried in order",
    )
    options = parser.parse_args(arguments)
    published = download.DATASETS[options.dataset]
    folder = options.to or Path("data") / options.dataset
    names = download.missing(published, folder)
    if names:
        command_line.require("pooch", extra="download")
    is_new = not folder.exists()
    try:
        for name in published.files:
            source = "was there, untouched"
            if name in names:
                mirrors = options.mirror or published.mirrors
                source = f"from {download.fetch(published, name, folder, mirrors, warn)}"
            print(f"{display_path(folder / name)}: {source}", flush=True)
    finally:
        if is_new:
            with suppress(OSError):  # not empty, as it should be, or not there
                folder.rmdir()
    # Absolute, if outside the working folder: --set takes relative paths from the config file's folder.
    print(f"next: {command_line.command('train')} --set data.directory={display_path(folder.absolute())}")


def mirror(text: str) -> str:
    if not text.startswith(("http://", "https://")):
        raise ArgumentTypeError(f"{text}: must begin with http:// or https://")
    return text
