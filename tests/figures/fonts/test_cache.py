"""Promises of mlp.figures.fonts.cache: without a home folder no line of matplotlib's, and nothing left behind."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from mlp.figures.fonts import cache as font_cache
from tests.conftest import ROOT

NAMES = ("HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", font_cache.VARIABLE)


@pytest.fixture
def at_exit(monkeypatch, tmp_path):
    """No variable is set, and temporary folders are made here; gives what is left to do at the process's end."""
    calls = []
    for name in NAMES:
        monkeypatch.setenv(name, "")  # so that it is restored
        monkeypatch.delenv(name)
    monkeypatch.setattr(font_cache.tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(font_cache.atexit, "register", lambda *call, **options: calls.append((call, options)))
    return calls


def test_it_prints_nothing_and_leaves_nothing(tmp_path):
    """A pipe as home: root may write everywhere, but makes no folder in it."""
    os.mkfifo(tmp_path / "home")
    (tmp_path / "temporary").mkdir()
    given = {"HOME": str(tmp_path / "home"), "TMPDIR": str(tmp_path / "temporary"), "PYTHONPATH": str(ROOT)}
    others = {name: value for name, value in os.environ.items() if name not in NAMES}
    code = "import os, mlp.figures.style, matplotlib; print(matplotlib.get_cachedir() == os.environ['MPLCONFIGDIR'])"
    done = subprocess.run([sys.executable, "-c", code], env=others | given, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("True\n", "")
    assert list((tmp_path / "temporary").iterdir()) == []


def no_home():
    raise RuntimeError("Could not determine home directory.")


@pytest.mark.parametrize("home", [lambda: Path("/dev/null"), no_home])
def test_a_home_that_holds_no_folder_is_replaced_until_the_end(home, at_exit, monkeypatch, tmp_path):
    monkeypatch.setattr(Path, "home", home)
    font_cache.provide()
    folder = Path(os.environ[font_cache.VARIABLE])
    assert folder.parent == tmp_path
    (((remove, *arguments), options),) = at_exit
    remove(*arguments, **options)
    assert not folder.exists()


def test_a_folder_that_can_be_made_or_is_named_is_left_to_matplotlib(at_exit, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path / "new"))
    font_cache.provide()
    assert font_cache.VARIABLE not in os.environ
    monkeypatch.setenv("HOME", "/dev/null")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    if sys.platform != "darwin":
        font_cache.provide()
        assert font_cache.VARIABLE not in os.environ
    with monkeypatch.context() as patch:
        patch.setattr(font_cache, "sys", SimpleNamespace(platform="win32"))
        patch.setenv("XDG_CONFIG_HOME", "/dev/null")
        font_cache.provide()
        assert font_cache.VARIABLE not in os.environ
    monkeypatch.setenv(font_cache.VARIABLE, "mine")
    font_cache.provide()
    assert (os.environ[font_cache.VARIABLE], at_exit, list(tmp_path.iterdir())) == ("mine", [], [])
