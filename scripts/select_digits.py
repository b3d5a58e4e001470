"""Choose digits out of an IDX folder and write them, in their original order, as a new IDX folder.

The bundled data/ was made from the whole of MNIST by

    python scripts/select_digits.py MNIST data 0 1
"""

import sys

from mlp import interrupts

if __name__ == "__main__":
    interrupts.start()  # before the imports that take a while

import itertools
import os
from argparse import ArgumentTypeError
from collections.abc import Sequence
from typing import get_args

import numpy as np

from mlp import command_line, idx
from mlp.errors import InputError
from mlp.files import sha256
from mlp.idx_folder import Kind, Part, file_names, open_part


def main(arguments: Sequence[str]) -> None:
    parser = command_line.Parser(description="Choose digits out of an IDX folder and write a new one, gzipped.")
    parser.add_argument("source", type=command_line.path, metavar="SOURCE", help="a folder of four IDX files")
    parser.add_argument(
        "target", type=command_line.path, metavar="TARGET", help="the folder to write, which has none of them yet"
    )
    parser.add_argument("digits", type=digit, nargs="+", metavar="DIGIT", help="0 to 9")
    options = parser.parse_args(arguments)

    parts = {part: open_part(options.source, part) for part in get_args(Part)}
    for source in parts.values():
        for chosen in options.digits:
            if chosen not in source.labels:
                held = ", ".join(map(str, np.unique(source.labels)))
                raise InputError(f"{source.files['labels']}: no digit {chosen} in it: it holds {held}")
    options.target.mkdir(parents=True, exist_ok=True)
    names = {(part, kind): file_names(part, kind) for part in parts for kind in get_args(Kind)}
    for name in itertools.chain.from_iterable(names.values()):
        if os.path.lexists(options.target / name):
            raise InputError(f"{options.target / name}: exists already, nothing was written: name another folder")
    paths = {key: options.target / (usual + ".gz") for key, (usual, *_) in names.items()}
    for part, source in parts.items():
        keep = np.isin(source.labels, options.digits)
        idx.write(paths[part, "images"], source.images[keep])
        idx.write(paths[part, "labels"], source.labels[keep])
        print(f"{part}: {keep.sum():,} of {len(keep):,} images")
    for path in paths.values():
        print(f"{sha256(path)}  {path.name}")


def digit(text: str) -> int:
    if len(text) != 1 or text not in "0123456789":
        raise ArgumentTypeError(f"{text} is not a digit 0 to 9")
    return int(text)


if __name__ == "__main__":
    sys.exit(command_line.run(main))
