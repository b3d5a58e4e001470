// A graph's two passes, as in mlp/interpreter.py: a loop forward, a loop backward, and a sum where gradients meet.

class Graph {
  // facts: those of `Script.nodes` in mlp/pages/javascript.py, in topological order; output: the output's position. The
  // shape of a scalar is left out.
  // A node has its inputs (nodes), and after the passes `value`, `gradient`, and `sent`: what it sent to each input.
  constructor(facts, output) {
    this.nodes = facts.map((node, id) => ({ shape: [], ...node, ...GATES[node.gate], id, sent: [] }));
    for (const node of this.nodes) node.inputs = (node.inputs ?? []).map((id) => this.nodes[id]);
    this.leaves = this.nodes.filter(({ gate }) => !gate);
    this.output = this.nodes[output];
  }

  run() {
    this.forward();
    this.backward();
  }

  // From the values of the leaves; `nodes`: those that are computed.
  forward(nodes = this.nodes) {
    for (const node of nodes) if (node.gate) node.value = node.forward(...valuesOf(node.inputs));
  }

  // From `upstream`, the output's gradient. A gradient is 0 if none arrives.
  backward() {
    for (const node of this.nodes) node.gradient = undefined;
    this.output.gradient = this.upstream;
    for (const node of [...this.nodes].reverse()) {
      node.isReached = node.gradient !== undefined;
      if (node.isReached) node.inputs.forEach((source, position) => this.send(node, position, source));
      else if (node.needs) node.gradient = np.full(0, shapeOf(node.value));
    }
  }

  send(node, position, source) {
    if (!sends(node, position)) return;
    node.sent[position] = node.backward[position](node.gradient, node.value, ...valuesOf(node.inputs));
    source.gradient = plus(source.gradient, node.sent[position]);
  }
}

const valuesOf = (nodes) => nodes.map(({ value }) => value);

// Whether a gate sends a gradient to its input at this position.
const sends = (node, position) => Boolean(node.inputs[position].needs && node.backward[position]);

const add = elementwise((a, b) => a + b);

// The sum of the gradients that have arrived so far, if any, and the next one.
const plus = (sum, next) => (sum === undefined ? next : add(sum, next));
