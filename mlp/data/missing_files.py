"""What to do about a missing data file: it may lie in another folder, be packed, or have another name."""

import os
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from mlp.data.file_kinds import ENDINGS
from mlp.system.command_line import command
from mlp.system.files import StrPath

MAX_SEARCHED_FILES = 10_000
MAX_SEARCH_DEPTH = 2
"""Levels of subfolders: torchvision makes MNIST/raw."""
CURES = {
    r"{like}.*\.(part|partial|crdownload|download|tmp)$": "{path} is an incomplete download: fetch it again",
    r"{like}.*emnist|emnist.*{like}": "rename {path} to {usual}, if it is that file (EMNIST's images are "
    "transposed: set data.transpose to true)",
    r"{like}": "rename {path} to {usual}, if it is that file",
    r"\.(zip|tar|tgz|tar\.gz|7z|rar)$": "unpack {path}, and put {usual} there",
    r"\.(npz|csv|csv\.gz)$": "{path} is not in the IDX format: {import_images} makes a data folder of it",
    r"\.(npy|pkl|pkl\.gz|mat|parquet|pt|arff)$": "{path} is not in the IDX format: put {usual} there "
    "({download} gets MNIST)",
}
"""Cures, by a pattern of the name of a file that is there instead. {like} is a pattern of the missing file's name."""


def cure(directory: StrPath, names: Sequence[str], like: str) -> str:
    """What to do about a missing file: one of the files in and below the folder may be it.

    names: the names that it may have, the usual one first. like: a pattern of similar names.
    """
    directory = Path(directory)
    files = list(islice(_files_below(directory), MAX_SEARCHED_FILES))
    for path in files:
        if path.name in names:
            holder = path.parent.parent if path.parent.name in names else path.parent
            return f"name the folder {holder}, which has them"
    for pattern, text in CURES.items():
        for path in files:
            if re.search(pattern.replace("{like}", like), path.name, re.IGNORECASE):
                usual = names[0] + (".gz" if path.suffix == ".gz" else "")
                commands = {"download": command("download_mnist"), "import_images": command("import_images")}
                return text.format(path=path.relative_to(directory), usual=usual, **commands)
    if any(path.suffix.lower() in ENDINGS and path.parent != directory for path in files):
        return f"it holds pictures: {command('import_images')} makes a data folder of them"
    return f"put one of {', '.join(names)} there"


def _files_below(directory: Path) -> Iterator[Path]:
    """The files in and below a folder, except hidden ones: macOS adds these to archives."""
    for folder, folders, names in os.walk(directory):
        depth = len(Path(folder).relative_to(directory).parts)
        folders[:] = sorted(name for name in folders if depth < MAX_SEARCH_DEPTH and not name.startswith("."))
        yield from (Path(folder, name) for name in sorted(names) if not name.startswith("."))
