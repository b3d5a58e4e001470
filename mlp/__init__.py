"""Backpropagation written by hand: gates, graphs of gates, and the multilayer perceptron they make.

The names below are imported when they are first used, so ``import mlp`` takes almost no time.
"""

__version__ = "0.5.0"

TYPE_CHECKING = False  # as in typing, which takes longer to import than this module
if TYPE_CHECKING:
    from mlp.library.run import Run as Run
    from mlp.library.run import load as load
    from mlp.library.training import train as train
    from mlp.network import MLP as MLP
    from mlp.system.errors import CheckFailed as CheckFailed
    from mlp.system.errors import DataChanged as DataChanged
    from mlp.system.errors import Diverged as Diverged
    from mlp.system.errors import Error as Error
    from mlp.system.errors import InputError as InputError

_ERRORS = ("Error", "CheckFailed", "DataChanged", "Diverged", "InputError")
_HOMES = {
    "MLP": "mlp.network",
    "Run": "mlp.library.run",
    "load": "mlp.library.run",
    "train": "mlp.library.training",
} | dict.fromkeys(_ERRORS, "mlp.system.errors")
"""The module of each name."""


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value: object = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
