"""A sweep over learning rates and seeds as one would write it with JAX for speed, for comparison.

One compiled function trains all seeds of a learning rate at once: a scan over epochs and steps, mapped over the seeds.
"""

import csv
from itertools import pairwise
from time import perf_counter
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.plain_job import parse, read, split


def main() -> None:
    options = parse()
    images, labels = read(options.data, options.digits, options.limit)
    rest, held_out = split(labels, options.validation)
    X, Y = images.astype(np.float32) / 255, labels[:, None].astype(np.float32)
    data = [jnp.asarray(array) for array in (X[rest], Y[rest], X[held_out], Y[held_out])]
    sizes, batch_size = [X.shape[1], *options.hidden, 1], min(options.batch_size, len(rest))

    def train(seed: Any, rate: Any, X: Any, Y: Any, X_held_out: Any, Y_held_out: Any) -> Any:
        def step(parameters: Any, batch: Any) -> Any:
            value, gradients = jax.value_and_grad(loss)(parameters, X[batch], Y[batch])
            return jax.tree.map(lambda A, dA: A - rate * dA, parameters, gradients), value

        def epoch(parameters: Any, key: Any) -> Any:
            count = len(X) // batch_size  # the short last batch would be compiled a second time
            order = jax.random.permutation(key, len(X))[: count * batch_size].reshape(count, batch_size)
            parameters, losses = jax.lax.scan(step, parameters, order)
            right = (logits(parameters, X_held_out) >= 0) == Y_held_out
            return parameters, (losses.mean(), loss(parameters, X_held_out, Y_held_out), right.mean())

        weights, *shuffles = jax.random.split(jax.random.key(seed), options.epochs + 1)
        return jax.lax.scan(epoch, initial(weights, sizes), jnp.stack(shuffles))[1]

    began, seeds = perf_counter(), jnp.asarray(options.seed)
    sweep = jax.jit(jax.vmap(train, in_axes=(0, *[None] * 5))).lower(seeds, 0.0, *data).compile()
    compile_seconds = perf_counter() - began
    results = [sweep(seeds, rate, *data) for rate in options.learning_rate]

    options.output.mkdir(parents=True)
    (options.output / "compile_seconds").write_text(str(compile_seconds))
    with open(options.output / "history.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["learning_rate", "seed", "epoch", "train_loss", "validation_loss", "validation_accuracy"])
        for rate, result in zip(options.learning_rate, results, strict=True):
            for seed, *columns in zip(options.seed, *map(np.asarray, result), strict=True):
                writer.writerows([rate, seed, k, *row] for k, row in enumerate(zip(*columns, strict=True), 1))


def initial(key: Any, sizes: list[int]) -> list[Any]:
    """Glorot uniform weights, and biases of 0."""
    keys = jax.random.split(key, len(sizes) - 1)
    glorot = jax.nn.initializers.glorot_uniform()
    return [(glorot(key, pair), jnp.zeros(pair[1])) for key, pair in zip(keys, pairwise(sizes), strict=True)]


def logits(parameters: Any, X: Any) -> Any:
    *hidden, (W, b) = parameters
    for V, c in hidden:
        X = jax.nn.sigmoid(X @ V + c)
    return X @ W + b


def loss(parameters: Any, X: Any, Y: Any) -> Any:
    """The mean cross-entropy."""
    S = logits(parameters, X)
    return -(Y * jax.nn.log_sigmoid(S) + (1 - Y) * jax.nn.log_sigmoid(-S)).sum() / len(X)


if __name__ == "__main__":
    main()
