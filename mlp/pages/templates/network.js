// Both passes of the trained network, mlp/network.py, for one image. Each layer computes Z = A W + b and its activation A.
// mlp/network.py numbers them: Z is Z2, Z5, ..., A is Z3, Z6, ..., P.
// Computed in 64 bits, whatever precision the network was trained in.

// As in mlp/gates.py: A from Z, and dZ from dA and A.
const ACTIVATIONS = {
  sigmoid: {
    forward: (Z) => Z.map((z) => 1 / (1 + Math.exp(-z))),
    backward: (dA, A) => A.map((a, j) => a * (1 - a) * dA[j]),
  },
  tanh: {
    forward: (Z) => Z.map(Math.tanh),
    backward: (dA, A) => A.map((a, j) => (1 - a * a) * dA[j]),
  },
  relu: {
    forward: (Z) => Z.map((z) => Math.max(z, 0)),
    backward: (dA, A) => A.map((a, j) => (a > 0 ? dA[j] : 0)),
  },
  softmax: {
    forward: (Z) => {
      const most = Math.max(...Z);
      const E = Z.map((z) => Math.exp(z - most));
      const sum = total(E);
      return E.map((e) => e / sum);
    },
    backward: (dA, A) => {
      const sum = total(A.map((a, j) => a * dA[j]));
      return A.map((a, j) => a * (dA[j] - sum));
    },
  },
};

class Network {
  // activations: the name of each layer's; parameters: W1 (inputs, units) row by row, b1 (units), W2, b2, ...
  constructor(activations, parameters) {
    this.layers = activations.map((name, k) =>
      ({ W: parameters[`W${k + 1}`], b: parameters[`b${k + 1}`], activation: ACTIVATIONS[name] }));
  }

  // P (outputs) for X (inputs), 0 to 1. Keeps this.activations: X, each layer's, and P.
  forward(X) {
    this.activations = [X];
    for (const { W, b, activation } of this.layers) {
      const Z = plus(product(this.activations.at(-1), W, b.length), b);
      this.activations.push(activation.forward(Z));
    }
    return this.activations.at(-1);
  }

  // The derivatives of P's element `output` with respect to each of these activations, the image first.
  backward(output) {
    const gradients = [this.activations.at(-1).map((_, j) => Number(j === output))]; // of P with respect to itself
    for (let k = this.layers.length; k > 0; k -= 1) {
      const { W, activation } = this.layers[k - 1];
      const dZ = activation.backward(gradients[0], this.activations[k]);
      gradients.unshift(productTransposed(dZ, W));
    }
    return gradients;
  }
}

// The predicted class: with a single output P class 1 if P is at least 1/2.
function decide(P) {
  return P.length === 1 ? Number(P[0] >= 0.5) : P.indexOf(Math.max(...P));
}

// The probability of each class.
function byClass(P) {
  return P.length === 1 ? [1 - P[0], P[0]] : Array.from(P);
}

function total(values) {
  return values.reduce((sum, value) => sum + value, 0);
}

// A W, for W (A.length, count).
function product(A, W, count) {
  const Z = new Float64Array(count);
  A.forEach((a, i) => {
    if (a === 0) return; // most of an image is paper
    for (let j = 0; j < count; j += 1) Z[j] += a * W[i * count + j];
  });
  return Z;
}

// dZ W', the gradient of A in Z = A W.
function productTransposed(dZ, W) {
  const count = dZ.length;
  return Float64Array.from({ length: W.length / count }, (_, i) => {
    let sum = 0;
    for (let j = 0; j < count; j += 1) sum += dZ[j] * W[i * count + j];
    return sum;
  });
}

function plus(Z, b) {
  return Z.map((z, j) => z + b[j]);
}
