// A graph's two passes, as in mlp/interpreter.py: a loop forward, a loop backward, and a sum where gradients meet.

class Graph {
  // nodes: those of `Script.nodes` in mlp/pages/javascript.py, in topological order; output: the output's position.
  constructor(nodes, output) {
    this.nodes = nodes.map((node) => ({ ...node, ...GATES[node.gate] }));
    this.output = output;
  }

  // All values; `leaves`: a number or an NDArray at the position of each leaf.
  forward(leaves) {
    const values = [];
    this.nodes.forEach((node, k) => {
      values[k] = node.forward ? node.forward(...inputsOf(node, values)) : leaves[k];
    });
    return values;
  }

  // The gradients, by position, and what each gate sent to each of its inputs: `sent[k][position]`.
  backward(values, upstream = 1) {
    const gradients = [];
    const sent = this.nodes.map(() => []);
    gradients[this.output] = np.full(upstream, this.nodes[this.output].shape);
    for (let k = this.output; k >= 0; k -= 1) {
      if (gradients[k] === undefined || !this.nodes[k].forward) continue;
      this.nodes[k].inputs.forEach((source, position) => {
        if (!this.sends(k, position)) return;
        sent[k][position] = this.send(k, position, gradients[k], values);
        gradients[source] = plus(gradients[source], sent[k][position]);
      });
    }
    return { gradients, sent };
  }

  // Whether a gate sends a gradient to its input at this position.
  sends(k, position) {
    const { inputs, backward } = this.nodes[k];
    return Boolean(this.nodes[inputs[position]].needs && backward[position]);
  }

  // The gradient that gate k sends to this input, from its own gradient dC.
  send(k, position, dC, values) {
    const node = this.nodes[k];
    return node.backward[position](dC, values[k], ...inputsOf(node, values));
  }
}

function inputsOf(node, values) {
  return node.inputs.map((source) => values[source]);
}

const add = elementwise((a, b) => a + b);

// The sum of the gradients that have arrived so far, if any, and the next one.
function plus(sum, next) {
  return sum === undefined ? next : add(sum, next);
}
