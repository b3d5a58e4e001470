"""Download the whole of MNIST, or of Fashion-MNIST, as an IDX folder.

    python scripts/download_mnist.py [--dataset mnist|fashion] [--to DIR]

A file that is there already stays untouched.
"""

import sys
from argparse import ArgumentTypeError
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from mlp.data import download
from mlp.system import command_line
from mlp.system.command_line import display_path, warn


def main(arguments: Sequence[str]) -> None:
    parser = command_line.Parser(description="Download the whole of MNIST, or of Fashion-MNIST, as an IDX folder.")
    parser.add_argument("--dataset", choices=list(download.DATASETS), default="mnist", help="default: mnist")
    parser.add_argument(
        "--to", type=command_line.path, metavar="DIR", help="the folder to write (default: data/mnist or data/fashion)"
    )
    parser.add_argument(
        "--mirror",
        type=mirror,
        action="append",
        metavar="URL",
        help="a folder to take the files from, not the usual ones",
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
                source = f"from {download.fetch(published, name, folder, mirrors, warn, show=sys.stderr.isatty())}"
            print(f"{display_path(folder / name)}: {source}", flush=True)
    finally:
        if is_new:
            with suppress(OSError):  # it is not empty, which is as it should be, or was never made
                folder.rmdir()
    print(f"next: python train.py --set {shown_setting(folder)}")


def shown_setting(folder: Path) -> str:
    """The folder as the option that has a run read it; relative to the config file it would be another."""
    return f"data.directory={display_path(folder.absolute())}"


def mirror(text: str) -> str:
    if not text.startswith(("http://", "https://")):
        raise ArgumentTypeError(f"must begin with http:// or https://, not be {text}")
    return text
