// A network in training: the graph of mlp/network.py, from X to L, with its parameters in one block.

class Network {
  // facts: the data of a kind of network in mlp/pages/image_passes.py; sizes: inputs, hidden units, outputs.
  constructor({ nodes, output }, sizes) {
    this.sizes = sizes;
    this.graph = new Graph(nodes, output);
    this.graph.upstream = 1;
    this.leaves = Object.fromEntries(this.graph.leaves.map((leaf) => [leaf.name, leaf]));
    this.P = this.graph.nodes.find(({ name }) => name === "P");
    const wayToP = ancestors(this.P);
    this.prediction = this.graph.nodes.filter((node) => wayToP.has(node));
    this.block = new Float64Array(layersOf(sizes).reduce((sum, [inputs, outputs]) => sum + (inputs + 1) * outputs, 0));
    this.parameters = Object.entries(parametersIn(this.block, sizes)).map(([name, value]) =>
      Object.assign(this.leaves[name], { value }));
  }

  // Draw the weights as `MLP` does; biases are 0. random: a Random; isRelu: whether the hidden layers are relu layers.
  draw(random, isRelu) {
    this.block.fill(0);
    layersOf(this.sizes).forEach(([inputs, outputs], layer, { length }) => {
      const limit = Math.sqrt(6 / (isRelu && layer < length - 1 ? inputs : inputs + outputs)); // He or Glorot uniform
      const numbers = this.parameters[2 * layer].value.data;
      for (let k = 0; k < numbers.length; k += 1) numbers[k] = -limit + 2 * limit * random.uniform();
    });
  }

  // The mean loss of the examples X (n, inputs) of these classes; classWeights: each class's weight in it, if any.
  loss(X, classes, classWeights) {
    const { leaves: { X: input, Y, n, w } } = this;
    input.value = X;
    Y.value = targets(classes, this.sizes.at(-1), Y);
    n.value = classes.length;
    if (w) w.value = vector(classes.map((k) => classWeights[k]));
    this.graph.forward();
    return this.graph.output.value;
  }

  // The gradients of the latest loss, in a block like that of the parameters.
  backward() {
    this.graph.backward();
    const block = new Float64Array(this.block.length);
    let start = 0;
    for (const { gradient } of this.parameters) {
      block.set(gradient.data, start);
      start += gradient.data.length;
    }
    return block;
  }

  // P (n, outputs) for X (n, inputs); `first` is used in place of W1.
  predict(X, first = this.leaves.W1.value) {
    const { X: input, W1 } = this.leaves;
    const own = W1.value;
    input.value = X;
    W1.value = first;
    this.graph.forward(this.prediction);
    W1.value = own;
    return this.P.value;
  }
}

// The inputs and outputs of each layer.
const layersOf = (sizes) => sizes.slice(1).map((outputs, layer) => [sizes[layer], outputs]);

// The parameters of a network of these sizes, by name: W1, b1, W2, ... They are parts of the block.
function parametersIn(block, sizes) {
  let start = 0;
  const part = (shape) => new NDArray(shape, block.subarray(start, start += sizeOf(shape)));
  return Object.fromEntries(layersOf(sizes).flatMap(([inputs, outputs], layer) =>
    [[`W${layer + 1}`, part([inputs, outputs])], [`b${layer + 1}`, part([outputs])]]));
}

const vector = (numbers) => new NDArray([numbers.length], Float64Array.from(numbers));

// The kind of network that these options choose, by its name in mlp/pages/image_passes.py.
function kindOf({ loss, hidden_sizes: { length }, activation }) {
  return length ? `${loss} ${length} ${activation}` : `${loss} 0`;
}

// Classes as the leaf Y takes them: as they are, or 0 and 1 in a column, or one-hot.
function targets(classes, outputs, Y) {
  const all = vector(classes);
  if (Y.takes_indices) return all;
  return outputs === 1 ? np.reshape(all, [classes.length, 1]) : np.onehot(all, outputs);
}

// The nodes that a node is computed from, and itself.
function ancestors(node, found = new Set()) {
  found.add(node);
  for (const source of node.inputs) ancestors(source, found);
  return found;
}

// The predicted class of each example, from P (n, outputs).
function decideAll({ shape: [n, outputs], data }) {
  return Array.from({ length: n }, (_, k) => decide(data.subarray(k * outputs, (k + 1) * outputs)));
}
