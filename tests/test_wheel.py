"""The wheel holds every file of the package: each module, template and table."""

import subprocess
import sys
import zipfile

from tests.conftest import copy_checkout

BUILD = "import sys; from setuptools import build_meta; build_meta.build_wheel(sys.argv[1])"


def missing_from_wheel(checkout, folder):
    """Files below mlp/ that the checkout's wheel lacks, built without the network."""
    subprocess.run([sys.executable, "-c", BUILD, folder], cwd=checkout, capture_output=True, check=True)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if ".dist-info/" not in name}
    files = {path.relative_to(checkout).as_posix() for path in (checkout / "mlp").rglob("*") if path.is_file()}
    assert len(files) > 100
    assert packed <= files
    return files - packed


def test_the_wheel_holds_every_file_of_the_package(tmp_path):
    assert missing_from_wheel(copy_checkout(tmp_path / "checkout"), tmp_path) == set()


def test_a_file_that_the_wheel_lacks_is_found(tmp_path):
    """Data that no line of pyproject.toml names."""
    checkout = copy_checkout(tmp_path / "checkout")
    (checkout / "mlp" / "data" / "new.json").write_text("{}")
    assert missing_from_wheel(checkout, tmp_path) == {"mlp/data/new.json"}
