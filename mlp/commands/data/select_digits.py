"""Copy chosen digits of an IDX folder, in their original order, to a new one.

    mlp select-digits SOURCE TARGET DIGIT ...

The bundled data/ was made from the whole of MNIST by ``mlp select-digits MNIST data 0 1``.
"""

from collections.abc import Sequence
from typing import get_args

from mlp.data.idx_folder import Part, new_files, open_part, write_part
from mlp.system import command_line
from mlp.system.files import all_or_none, sha256


def main(arguments: Sequence[str]) -> None:
    parser = command_line.Parser(description="Copy chosen digits of an IDX folder to a new one, gzipped.")
    parser.add_argument("source", type=command_line.path, metavar="SOURCE", help="a folder of four IDX files")
    parser.add_argument(
        "target", type=command_line.path, metavar="TARGET", help="the folder to write; it must not have these files yet"
    )
    parser.add_argument("digits", type=command_line.label, nargs="+", metavar="DIGIT", help="a label, 0 to 255")
    parser.add_argument(
        "--transpose",
        action="store_true",
        help="swap the rows and columns of each image, to turn EMNIST's images upright",
    )
    options = parser.parse_args(arguments)

    parts = {part: open_part(options.source, part, transpose=options.transpose) for part in get_args(Part)}
    selected = {part: source.indices_of(options.digits) for part, source in parts.items()}
    paths = new_files(options.target, ".gz")
    with all_or_none(options.target, paths.values()):
        for part, source in parts.items():
            indices = selected[part]
            write_part(paths, part, source.take(indices), source.labels[indices])
            print(f"{part}: {len(indices):,} of {len(source.labels):,} images")
    for path in paths.values():
        print(f"{sha256(path)}  {path.name}")
