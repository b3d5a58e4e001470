"""Backpropagation written by hand: gates, graphs of gates, and the multilayer perceptron they make.

train, load: train a network, or read a finished run; both return a Run, which predicts and is evaluated.
circuit: run an expression forward and backward; it returns a Circuit, which a notebook shows step by step.
MLP: the network without a run; estimator.MLPClassifier: the same for scikit-learn.
Error and, derived from it, CheckFailed, DataChanged, Diverged, InputError: what these raise.

``help(mlp.train)`` describes one of them. They are imported when they are first used, so ``import mlp`` takes almost no
time.
"""

__version__ = "0.9.0"

TYPE_CHECKING = False  # as in typing, which takes longer to import than this module
if TYPE_CHECKING:
    from mlp import config as config
    from mlp import estimator as estimator
    from mlp import evaluation as evaluation
    from mlp import gates as gates
    from mlp import gradient_check as gradient_check
    from mlp import graph as graph
    from mlp import idx as idx
    from mlp import interpreter as interpreter
    from mlp import losses as losses
    from mlp import network as network
    from mlp import onnx_export as onnx_export
    from mlp import optimizers as optimizers
    from mlp.circuits.circuit import Circuit as Circuit
    from mlp.library.circuit import circuit as circuit
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
    "Circuit": "mlp.circuits.circuit",
    "MLP": "mlp.network",
    "Run": "mlp.library.run",
    "circuit": "mlp.library.circuit",
    "load": "mlp.library.run",
    "train": "mlp.library.training",
} | dict.fromkeys(_ERRORS, "mlp.system.errors")
"""The module of each name."""
_MODULES = (
    *("config", "estimator", "evaluation", "gates", "gradient_check", "graph", "idx", "interpreter", "losses"),
    *("network", "onnx_export", "optimizers"),
)


if not TYPE_CHECKING:  # otherwise a type checker would accept every name

    def __getattr__(name: str) -> object:
        from importlib import import_module

        if name in _MODULES:
            try:
                return import_module(f"mlp.{name}")
            except ImportError as error:  # of an extra that is not installed: help(mlp) goes on
                raise AttributeError(f"mlp.{name}: {error}") from error
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value: object = getattr(import_module(_HOMES[name]), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES, *_MODULES} - {"TYPE_CHECKING"})
