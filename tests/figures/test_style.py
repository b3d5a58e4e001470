"""Promises of mlp.figures.style and colors: they have all colours; a user's matplotlib settings change nothing."""

import importlib
import io
import os
import re
import subprocess
import sys
import threading
import time

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from PIL import Image

from mlp.figures import style
from mlp.figures.colors import css_colors
from tests.conftest import ROOT

HEX_COLOR = re.compile(r"#(?:[0-9a-fA-F]{3,4}|[0-9a-fA-F]{6}|[0-9a-fA-F]{8})\b|\brgba?\(")


def test_only_two_modules_have_colours():
    sources = [path for path in (ROOT / "mlp").rglob("*") if path.suffix in {".py", ".js", ".css", ".html"}]
    assert len(sources) > 100
    found = {path.relative_to(ROOT / "mlp").as_posix() for path in sources if HEX_COLOR.search(path.read_text("utf-8"))}
    assert found == {"figures/colors.py", "figures/style.py"}


def test_every_colour_of_a_page_is_a_variable_that_exists():
    templates = "".join(path.read_text("utf-8") for path in (ROOT / "mlp/pages/templates").rglob("*.*"))
    css = css_colors(templates + "".join(style.OF_A_PAGE.values()))
    defined = set(re.findall(r"(--[\w-]+):", css))
    own = set(re.findall(r"""(--[\w-]+)(?::|", )""", templates))  # set by a style sheet or a script
    used = set(re.findall(r"""(?:var\(|")(--[\w-]+)""", templates + css + "".join(style.OF_A_PAGE.values())))
    assert used <= defined | own
    assert defined <= used


def test_each_colour_of_a_page_stands_for_one_thing():
    light, dark = ([shades[k] for shades in style.COLORS.values()] for k in (0, 1))
    assert len(set(light)) == len(set(dark)) == len(style.COLORS)


def contrast(first, second):
    """WCAG's contrast ratio of two colours, (3,) each from 0 to 1."""
    levels = np.array([first, second])
    linear = np.where(levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4)
    dark, light = sorted(linear @ [0.2126, 0.7152, 0.0722])
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_text_has_a_contrast_of_4_5_and_lines_points_and_regions_of_3(scheme):
    color = {name: np.array(to_rgb(shades[scheme])) for name, shades in style.COLORS.items()}
    for name in ("ink", "muted", "red", "blue", "green", "purple", "orange"):
        for background in ("paper", "card"):
            assert contrast(color[name], color[background]) >= 4.5, (name, background)
    assert contrast(color["ink"], color["highlight"]) >= 4.5
    ten = [f"class{k}" for k in range(len(style.CLASS_COLORS))]
    for classes in (["red", "blue"], ten):
        regions = {
            name: style.REGION_OPACITY * color[name] + (1 - style.REGION_OPACITY) * color["paper"] for name in classes
        }
        for name in classes:
            assert contrast(color[name], color["paper"]) >= 3, name
            for region, background in regions.items():
                assert contrast(color[name], background) >= 3, (name, region)


def test_of_two_labels_the_smaller_is_red_and_the_larger_blue_in_any_order():
    assert style.class_looks([3, 7]) == [(style.ZERO, "o"), (style.ONE, "^")]
    assert style.class_looks([7, 3]) == [(style.ONE, "^"), (style.ZERO, "o")]


def test_each_of_many_labels_looks_different_and_ten_have_ten_colours():
    for count in (2, 3, 10, 26, 60):
        assert len(set(style.class_looks(range(count)))) == count
    assert len({color for color, _ in style.class_looks(range(10))}) == 10
    assert style.class_looks([8, 3, 5]) == [style.class_looks([3, 5, 8])[k] for k in (2, 0, 1)]


def test_the_scale_for_signs_is_pale_at_0_purple_above_and_orange_below():
    colors = style.sign_colors().astype(int)
    assert colors.shape == (256, 3)
    assert colors[128].min() > 240
    for distance in range(40, 128):
        (red, green, blue), (other_red, other_green, other_blue) = colors[128 + distance], colors[128 - distance]
        assert min(red, blue) > green
        assert other_red > other_green > other_blue


OTHERS = {"lines.linewidth": 7.0, "axes.facecolor": "yellow", "font.size": 20.0, "svg.fonttype": "path"}
"""Settings as a user may have them."""


def drawn(here, folder, tmp_path):
    """Have each command draw what it draws."""
    run, photo, data = tmp_path / "run", tmp_path / "photo.png", f"data.directory={folder}"
    Image.fromarray(np.pad(np.zeros((9, 3), np.uint8), 9, constant_values=255)).save(photo)
    few = ("--set", data, "training.epochs=1")
    assert here("train.py", *few, "output.report=true", "--output", run, draws_curve=True).returncode == 0
    assert here("scripts/evaluate.py", run).returncode == 0
    assert here("scripts/plot_svd.py", "--set", data, "--output", tmp_path / "svd.png").returncode == 0
    assert here("scripts/predict.py", "--run", run, photo, "--show", tmp_path / "stages.svg").returncode == 0
    assert here("scripts/train_xor.py", "--steps", "1", "--output", tmp_path / "xor").returncode == 1
    assert here("scripts/circuit.py", "x*y", "x=1", "y=2", "--draw", tmp_path / "circuit.svg").returncode == 0
    assert here("scripts/circuit.py", "x*y", "x=1", "y=2", "--draw", tmp_path / "circuit.html").returncode == 0
    assert here("scripts/circuit.py", "--network", run, "--digit", "0", "--draw", tmp_path / "n.svg").returncode == 0
    vary = ("--vary", "training.learning_rate=0.5,1", "training.momentum=0,0.5", "--jobs", "1")
    assert here("scripts/sweep.py", *few, *vary, "--output", tmp_path / "sweep", draws_curve=True).returncode == 0
    runs = [path.parent for path in (tmp_path / "sweep").glob("*/model.npz")]
    assert here("scripts/compare.py", *runs, "--output", tmp_path / "compare.png").returncode == 0


def test_no_command_draws_by_a_users_settings_or_changes_them(here, folder, tmp_path, monkeypatch):
    """Each figure is only begun: what it is made with is asked, and drawing takes long."""
    defaults, used = {key: mpl.rcParamsDefault[key] for key in OTHERS if key != "svg.fonttype"}, []
    begin = Figure.__init__

    def note(figure, *arguments, **options):
        used.append({key: mpl.rcParams[key] for key in defaults})
        begin(figure, *arguments, **options)

    def save(figure, file, **options):
        used.append({key: mpl.rcParams[key] for key in defaults})
        file.write("<svg></svg>" if isinstance(file, io.StringIO) else b"picture")

    monkeypatch.setattr(Figure, "__init__", note)
    monkeypatch.setattr(Figure, "savefig", save)
    with mpl.rc_context(OTHERS):
        before = dict(mpl.rcParams.copy())
        drawn(here, folder, tmp_path)
        assert dict(mpl.rcParams.copy()) == before
    assert len(used) > 40
    assert all(settings == defaults for settings in used)


IMPORTS = """
import os, pkgutil, signal, sys, threading, warnings
import numpy as np
def state():
    environment = {k: v for k, v in os.environ.items() if not k.startswith("KMP_")}  # threadpoolctl's and joblib's
    return [environment, list(sys.path), list(warnings.filters), np.geterr(), threading.enumerate(),
        [signal.getsignal(number) for number in signal.valid_signals()], sys.stdout, sys.stderr, os.getcwd()]
before = state()
import mlp
for module in pkgutil.walk_packages(mlp.__path__, "mlp."):
    if module.name not in ("mlp.estimator", "mlp.sweeps.dask_cluster"):  # of extras that change much themselves
        __import__(module.name)
assert state() == before
import matplotlib
assert matplotlib.get_backend() == "svg" and "matplotlib.pyplot" not in sys.modules
assert matplotlib.rcParams["font.size"] == 20
assert {k for k, v in matplotlib.rcParams.items() if v != matplotlib.rcParamsOrig._get(k)} <= {"backend"}
"""


def test_no_import_changes_the_process_or_what_matplotlib_is_set_to(tmp_path):
    (tmp_path / "matplotlibrc").write_text("font.size: 20\n")
    environment = os.environ | {"MPLBACKEND": "svg", "MATPLOTLIBRC": str(tmp_path)}
    subprocess.run([sys.executable, "-c", IMPORTS], cwd=ROOT, env=environment, check=True)


def test_the_settings_come_back_too_when_threads_draw_at_once():
    first_is_inside = threading.Event()

    def first():
        with style.own_settings():
            first_is_inside.set()
            time.sleep(0.02)

    def second():
        first_is_inside.wait()
        with style.own_settings():
            time.sleep(0.04)  # it ends after the first

    with mpl.rc_context({"font.size": 33}):
        threads = [threading.Thread(target=each) for each in (first, second)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert mpl.rcParams["font.size"] == 33


def test_a_backend_that_is_set_already_stays(monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "pdf")
    monkeypatch.delitem(sys.modules, "mlp.figures.style")
    before = mpl.rcParams["backend"]
    importlib.import_module("mlp.figures.style")
    assert (mpl.rcParams["backend"], os.environ["MPLBACKEND"]) == (before, "pdf")
