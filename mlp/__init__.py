"""Backpropagation written by hand: gates, graphs of gates, and the multilayer perceptron they make."""

__version__ = "0.5.0"
