"""Training on examples in arrays instead of files, for the scikit-learn classifier."""
