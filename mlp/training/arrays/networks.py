"""The network for examples in arrays: a new one, or the one of earlier passes with other class weights."""

import numpy as np

from mlp.config import Config
from mlp.network import MLP, outputs_for
from mlp.training import from_config
from mlp.training.arrays.examples import Examples
from mlp.training.random_streams import Stream, generator

OPTIONS = ("hidden_sizes", "activation", "loss")
"""The options of the config's section ``model``."""


def untrained(features: int, classes: int, options: Config, seed: int, weights: tuple[float, ...] | None) -> MLP:
    """The network of this seed before its first pass, with these class weights."""
    sizes = [features, *options.model.hidden_sizes, outputs_for(classes)]
    return MLP(sizes, generator=generator(seed, Stream.WEIGHTS), **from_config.options(options, weights))


def class_weights(options: Config, examples: Examples, classes: int) -> tuple[float, ...] | None:
    """The weight of each class in the loss, as the network takes it; None if neither classes nor examples have any."""
    weights = options.training.class_weight
    if isinstance(weights, str):
        return from_config.balanced(np.bincount(examples.classes, examples.weights, classes))
    return weights if weights is not None or examples.weights is None else (1.0,) * classes


def with_class_weights(network: MLP, options: Config, weights: tuple[float, ...] | None, cure: str) -> MLP:
    """The network of the calls before, with these class weights; raises ValueError if it is not the options' one."""
    own = network.sizes[1:-1], network.activation_name, network.loss_name
    if own != tuple(getattr(options.model, name) for name in OPTIONS):
        raise ValueError(f"hidden_sizes, activation or loss differ from the network's: {cure}")
    if network.class_weights == weights:
        return network
    changed = MLP(network.sizes, **from_config.options(options, weights))
    changed.parameter_block[...] = network.parameter_block
    return changed
