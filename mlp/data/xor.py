"""XOR's four rows, which no straight line separates, as the notes have them."""

import numpy as np

X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
Y = np.array([[0.0], [1.0], [1.0], [0.0]])
HIDDEN = 8
"""Units of the hidden layer."""
