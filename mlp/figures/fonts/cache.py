"""Where matplotlib keeps its list of fonts: in the home folder, if there is one.

Cron jobs, services and containers often have none. Then matplotlib would print three lines of advice, and make a folder
for this process only; we make that folder.
"""

import atexit
import os
import shutil
import sys
import tempfile
from pathlib import Path

VARIABLE = "MPLCONFIGDIR"
"""Names the folder; matplotlib's page "Environment variables" describes it, and the defaults."""


def provide() -> None:
    """Before matplotlib is imported: name a folder that exists as long as this process, if it would find none.

    Raises OSError if no temporary folder can be made either.
    """
    if not os.environ.get(VARIABLE) and not _has_default():
        os.environ[VARIABLE] = folder = tempfile.mkdtemp(prefix="matplotlib-")
        atexit.register(shutil.rmtree, folder, ignore_errors=True)


def _has_default() -> bool:
    """Whether matplotlib can write in its default folders."""
    try:
        return all(map(_can_hold, _default_folders()))
    except RuntimeError:  # the system knows no home folder of this user
        return False


def _default_folders() -> list[Path]:
    if sys.platform == "win32":
        return []  # it is always there
    if sys.platform == "darwin":
        return [Path.home() / ".matplotlib"]
    bases = (os.environ.get(f"XDG_{kind}_HOME") or Path.home() / f".{kind.lower()}" for kind in ("CONFIG", "CACHE"))
    return [Path(base, "matplotlib") for base in bases]


def _can_hold(folder: Path) -> bool:
    """Whether the folder can be written, or made."""
    path = folder.absolute()
    nearest = next(each for each in (path, *path.parents) if os.path.lexists(each))
    return nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK)
