// The trained network for one image, both passes. A layer is a product with its weights, its bias and a sigmoid:
// Z = A W + b and A = 1 / (1 + exp(-Z)), which mlp/network.py numbers, Z being Z2, Z5, ... and A being Z3, Z6, ..., P.
// Numbers are of 64 bits, whatever the weights were trained in.

class Network {
  // sizes: the inputs, the units of each layer; parameters: W1 (inputs, units) row by row, b1 (units), W2, b2, ...
  constructor(sizes, parameters) {
    this.sizes = sizes;
    this.layers = sizes.slice(1).map((_, k) => ({ W: parameters[`W${k + 1}`], b: parameters[`b${k + 1}`] }));
  }

  // P, the probability of the second digit, for X (inputs), 0 to 1; this.activations are X and each layer's, P the last.
  forward(X) {
    this.activations = [X];
    for (const { W, b } of this.layers) {
      const Z = plus(product(this.activations.at(-1), W, b.length), b);
      this.activations.push(Z.map((z) => 1 / (1 + Math.exp(-z))));
    }
    return this.activations.at(-1)[0];
  }

  // dP/dA of each of these activations A, that of the image first.
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

// dZ W', the gradient of A where Z = A W.
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
