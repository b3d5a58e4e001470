// Both passes of the trained network, mlp/network.py, for one image. Each layer computes Z = A W + b and the activation
// A = 1 / (1 + exp(-Z)). mlp/network.py numbers them: Z is Z2, Z5, ..., A is Z3, Z6, ..., P.
// Computed in 64 bits, whatever precision the network was trained in.

class Network {
  // sizes: the inputs and the units of each layer; parameters: W1 (inputs, units) row by row, b1 (units), W2, b2, ...
  constructor(sizes, parameters) {
    this.sizes = sizes;
    this.layers = sizes.slice(1).map((_, k) => ({ W: parameters[`W${k + 1}`], b: parameters[`b${k + 1}`] }));
  }

  // P, the probability of the second digit, for X (inputs), 0 to 1. Keeps this.activations: X, each layer's, and P.
  forward(X) {
    this.activations = [X];
    for (const { W, b } of this.layers) {
      const Z = plus(product(this.activations.at(-1), W, b.length), b);
      this.activations.push(Z.map((z) => 1 / (1 + Math.exp(-z))));
    }
    return this.activations.at(-1)[0];
  }

  // dP/dA for each of these activations A, the image first.
  backward() {
    const gradients = [Float64Array.of(1)]; // dP/dP
    for (let k = this.layers.length; k > 0; k -= 1) {
      const [A, dA] = [this.activations[k], gradients[0]];
      const dZ = A.map((a, j) => a * (1 - a) * dA[j]);
      gradients.unshift(productTransposed(dZ, this.layers[k - 1].W));
    }
    return gradients;
  }
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
