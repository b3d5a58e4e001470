"""How objects show themselves in a notebook: as HTML that asks for no file and no address.

A picture is white in dark notebooks, too. A circuit is the page of ``mlp circuit --draw`` in a frame of its own: so the
notebook, and other circuits in it, share no style, id or key with it.
"""

import base64
import io

from markupsafe import escape
from matplotlib.figure import Figure

from mlp.circuits.circuit import Circuit
from mlp.circuits.drawing.part import Labels
from mlp.circuits.drawing.picture import caption, labelled, latest, picture
from mlp.circuits.network_table import shape_texts
from mlp.figures.curves import loss_figure
from mlp.figures.style import write
from mlp.graph import ComputationalGraph
from mlp.library.run import Run
from mlp.network import MLP
from mlp.pages.circuit import page
from mlp.system.errors import InputError
from mlp.training.progress import kept_epoch

MAX_NODES = 60
"""A larger graph is not drawn, which would take a second and a megabyte: the notebook shows its repr."""
FRAME_HEIGHT = "40rem"
"""Until the page's script makes the frame as high as the page."""
MIN_SCALE = 0.7
"""A picture becomes narrower with the notebook down to this fraction of its width, and then scrolls."""


Shown = Circuit | ComputationalGraph | MLP | Run


def html(shown: Shown) -> str:
    """What a notebook shows; for what cannot be drawn, its repr and why."""
    name = repr(shown)
    try:
        figure = figure_of(shown)
    except InputError as error:
        return as_text(f"{name}\n{error}")
    if figure is None:
        return as_text(name)
    picture = image(figure, name)
    if isinstance(shown, Circuit) and shown.has_run:
        try:
            return f"<div>{frame(shown)}{picture}</div>"
        except InputError as error:  # a gate that a page cannot compute
            return f"<div>{picture}{as_text(str(error))}</div>"
    return f"<div>{figures(shown)}{picture}</div>" if isinstance(shown, Run) else picture


def svg(shown: Shown) -> str | None:
    """The picture alone, for viewers without HTML; None if it cannot be drawn."""
    try:
        figure = figure_of(shown)
    except InputError:
        return None
    return None if figure is None else svg_of(figure)


def figure_of(shown: Shown) -> Figure | None:
    """The picture; None for a run without history or an empty graph. Raises InputError if it cannot be drawn."""
    if isinstance(shown, Run):
        if not shown.history:
            return None
        return loss_figure(shown.history, kept_epoch(shown.history).epoch, shown.config.model.loss)
    graph = shown if isinstance(shown, ComputationalGraph) else shown.graph
    if not graph.nodes:
        return None
    if len(graph.nodes) > MAX_NODES:
        what = "print(circuit) shows its table" if isinstance(shown, Circuit) else f"at most {MAX_NODES} nodes are"
        raise InputError(f"too large to draw in a notebook: {what}")
    if isinstance(shown, Circuit) and shown.has_run:
        return picture(shown)
    if isinstance(shown, MLP):
        shapes: Labels = {node: ([text], []) for node, text in shape_texts(shown).items()}
        return labelled(graph, shapes, f"{shown!r}; green: shapes, n is the number of examples")
    return labelled(graph, latest(graph), caption(graph))


def frame(circuit: Circuit) -> str:
    """The circuit's page; viewers that remove frames, as some do for safety, leave the picture after it."""
    text = circuit.text.text
    begin = f'<iframe srcdoc="{escape(page(circuit, text, in_notebook=True))}" title="{escape(text)}, step by step"'
    return f'{begin} style="width: 100%; height: {FRAME_HEIGHT}; border: 0"></iframe>'


def figures(run: Run) -> str:
    """The figures of a run that has a history, as a table."""
    best = kept_epoch(run.history)
    epochs = f"{len(run.history)}, best epoch {best.epoch}"
    rows = {"run": run.directory, "network": run.network, "epochs": epochs, "best epoch": best}
    left = 'style="text-align: left"'  # by Jupyter's style sheet they would be on the right
    cells = [f"<th {left}>{escape(name)}</th><td {left}>{escape(value)}</td>" for name, value in rows.items()]
    return f"<table>{''.join(f'<tr>{row}</tr>' for row in cells)}</table>"


def svg_of(figure: Figure) -> str:
    """A figure as SVG."""
    file = io.BytesIO()
    write(figure, file, "svg")
    return file.getvalue().decode()


def image(figure: Figure, name: str) -> str:
    """A figure as an image within the HTML; one that is too wide scrolls."""
    width = round(96 * float(figure.get_figwidth()))
    source = f"data:image/svg+xml;base64,{base64.b64encode(svg_of(figure).encode()).decode('ascii')}"
    style = f"max-width: none; width: clamp({MIN_SCALE * width:.0f}px, 100%, {width}px)"
    return (
        '<div class="mlp-picture" tabindex="0" role="group" aria-label="drawing" style="overflow-x: auto">'
        f'<img alt="{escape(name)}" style="{style}" src="{source}"></div>'
    )


def as_text(text: str) -> str:
    """Text in place of a drawing."""
    return f"<pre>{escape(text)}</pre>"
