"""How objects show themselves in a notebook: as HTML that asks for no file and no address.

A picture is white in dark notebooks, too. A circuit is the page of ``mlp circuit --draw`` in a frame of its own: so the
notebook, and other circuits in it, share no style, id or key with it.
"""

import base64
import io
from collections.abc import Callable

from markupsafe import escape
from matplotlib.figure import Figure

from mlp.circuits import drawing
from mlp.circuits.circuit import Circuit
from mlp.circuits.network_table import shape_texts
from mlp.circuits.notation import rows_of
from mlp.figures.style import write
from mlp.graph import ComputationalGraph
from mlp.network import MLP
from mlp.pages.circuit import page
from mlp.system.errors import InputError

MAX_NODES = 60
"""Of a larger graph the notebook shows only what it is: the drawing would take a second and a megabyte."""
FRAME_HEIGHT = "40rem"
"""Until the page's script makes the frame as high as the page."""
MIN_SCALE = 0.8
"""A picture becomes narrower with the notebook down to this fraction of its width, and then scrolls."""


def circuit(circuit: Circuit) -> str:
    """The circuit's page; viewers that remove frames, as some do for safety, leave the picture after it."""
    if not circuit.has_run:
        return graph(circuit.graph)
    text = circuit.text.text

    def shown() -> str:
        frame = f'<iframe srcdoc="{escape(page(circuit, text))}" title="{escape(text)}, step by step"'
        style = f"width: 100%; height: {FRAME_HEIGHT}; border: 0"
        return f'<div>{frame} style="{style}"></iframe>{image(drawing.picture(circuit), text)}</div>'

    return drawn(circuit.graph, shown, f"{circuit!r}: print(circuit) shows its table")


def graph(graph: ComputationalGraph) -> str:
    """The graph's drawing: with the numbers of its latest pass, before the first one with names and gates only."""
    return drawn(graph, lambda: labelled(graph, latest(graph), drawing.caption(graph), repr(graph)), repr(graph))


def network(network: MLP) -> str:
    """The drawing of the network's graph, with the shape of each array."""
    name = repr(network)

    def shown() -> str:
        shapes: drawing.Labels = {node: ([text], []) for node, text in shape_texts(network).items()}
        return labelled(network.graph, shapes, f"{name}; green: shapes, n is the number of examples", name)

    return drawn(network.graph, shown, name)


def drawn(graph: ComputationalGraph, shown: Callable[[], str], name: str) -> str:
    """What ``shown`` returns, or, for a graph that cannot be drawn, its name and why."""
    if not graph.nodes:
        return as_text(name)
    if len(graph.nodes) > MAX_NODES:
        return as_text(f"{name}\ntoo large to draw in a notebook: at most {MAX_NODES} nodes are")
    try:
        return shown()
    except InputError as error:  # the font lacks a letter of a name
        return as_text(f"{name}\n{error}")


def labelled(graph: ComputationalGraph, labels: drawing.Labels, caption: str, name: str) -> str:
    """The drawing of any graph."""
    return image(drawing.labelled(graph, labels, caption), name)


def latest(graph: ComputationalGraph) -> drawing.Labels:
    """The values and the gradients of the latest pass, and constants even before it."""
    values = {node: node.value for node in graph.nodes if node.constant}
    values |= graph.latest_plan.values if graph.has_run else {}
    return {
        node: (rows_of(value), rows_of(node.gradient) if graph.has_run and graph.has_gradient(node) else [])
        for node, value in values.items()
    }


def image(figure: Figure, name: str) -> str:
    """A figure as an image within the HTML; one that is too wide scrolls."""
    file = io.BytesIO()
    write(figure, file, "svg")
    width = round(96 * float(figure.get_figwidth()))
    source = f"data:image/svg+xml;base64,{base64.b64encode(file.getvalue()).decode('ascii')}"
    style = f"max-width: none; width: clamp({MIN_SCALE * width:.0f}px, 100%, {width}px)"
    return (
        '<div class="mlp-picture" tabindex="0" role="group" aria-label="drawing" style="overflow-x: auto">'
        f'<img alt="{escape(name)}" style="{style}" src="{source}"></div>'
    )


def as_text(text: str) -> str:
    """Text in place of a drawing."""
    return f"<pre>{escape(text)}</pre>"
