"""The time that a gradient takes against the number of parameters, analytic and numeric."""

from mlp.figures.style import BLUE, RED, own_settings, save  # must come before matplotlib

# isort: split
import math
from collections.abc import Sequence

from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from mlp.system.files import StrPath


@own_settings()
def cost_curves(path: StrPath, parameters: Sequence[int], analytic: Sequence[float], numeric: Sequence[float]) -> None:
    """Draw the seconds of both ways against the number of parameters, on logarithmic axes."""
    figure = Figure(figsize=(6.5, 4.5), layout="constrained")
    axes = figure.subplots()
    axes.loglog(parameters, numeric, "s", ls="--", color=RED, label="numeric: two forward passes for each parameter")
    axes.loglog(parameters, analytic, "-o", color=BLUE, label="analytic: one forward and one backward pass")
    axes.set(xlabel="parameters (weights and biases)", ylabel="seconds for the gradient")
    axes.set_xlim(10 ** math.floor(math.log10(min(parameters))), 10 ** (math.floor(math.log10(max(parameters))) + 1))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.grid(alpha=0.3)
    figure.legend(loc="outside upper center")
    save(figure, path)
