"""Everything besides config and data that a result depends on: code, NumPy, machine, BLAS kernel, BLAS threads."""

import hashlib
import platform
import subprocess
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from mlp import __version__

PACKAGE = Path(__file__).parent.parent
PACKAGES = ("numpy", "matplotlib", "pydantic", "PyYAML", "threadpoolctl", "tqdm")


def environment(blas: list[dict[str, Any]]) -> dict[str, Any]:
    """For the manifest: versions, SHA-256 and commit of the code, the machine, BLAS as ``blas_threads`` gives it."""
    return {
        "versions": _versions(),
        "code_sha256": code_sha256(),
        "git_commit": _git_commit(),
        "platform": platform.platform(),
        "machine": platform.machine(),
        "blas": blas,
    }


def differences(then: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """Each difference between two environments that may change a result, the likeliest cause first."""
    yield from _difference("the code", _code(then), _code(now))
    yield from _difference("NumPy", *(facts.get("versions", {}).get("numpy") for facts in (then, now)))
    yield from _difference("the machine", *(facts.get("machine") for facts in (then, now)))
    yield from _difference("the BLAS kernel", *(_kernels(facts) for facts in (then, now)))
    yield from _difference("the BLAS threads", *(_threads(facts) for facts in (then, now)))


def _difference(what: str, then: object, now: object) -> Iterator[str]:
    if then != now:
        yield f"{what}: {then} then, {now} now"


def _code(facts: Mapping[str, Any]) -> str:
    """The version, and the beginning of the SHA-256, which also shows a change within a version."""
    return f"{facts.get('versions', {}).get('mlp')} (SHA-256 {str(facts.get('code_sha256'))[:12]}...)"


def _kernels(facts: Mapping[str, Any]) -> str:
    libraries = [
        [library.get(key) for key in ("internal_api", "version", "architecture")] for library in facts.get("blas", ())
    ]
    return ", ".join(" ".join(map(str, library)) for library in libraries) or "none"


def _threads(facts: Mapping[str, Any]) -> str:
    return ", ".join(str(library.get("num_threads")) for library in facts.get("blas", ()))


@cache
def _versions() -> dict[str, str]:
    return {"mlp": __version__, "python": platform.python_version()} | {name: version(name) for name in PACKAGES}


@cache
def code_sha256() -> str:
    """The SHA-256 of the package: of each file's relative path and bytes, templates too.

    Like the commit it is found once, because this process goes on with the code that it began with.
    """
    digest = hashlib.sha256()
    for path in sorted(path for path in PACKAGE.rglob("*") if path.is_file() and "__pycache__" not in path.parts):
        digest.update(path.relative_to(PACKAGE).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


@cache
def _git_commit() -> str | None:
    """The commit of the checkout that this code runs from, with -dirty if the code was changed; None without one.

    Git is asked about the code only: else it would read the data files, the test set too, to see if they changed.
    """
    checkout = PACKAGE.parent
    if not (checkout / ".git").exists():
        return None

    def git(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(["git", "-C", checkout, *arguments], capture_output=True, text=True, check=False)  # noqa: S603, S607

    try:
        commit, changes = git("rev-parse", "--verify", "HEAD"), git("diff", "--quiet", "HEAD", "--", "mlp")
    except OSError:  # no git on this machine
        return None
    return commit.stdout.strip() + ("-dirty" if changes.returncode else "") if commit.returncode == 0 else None
