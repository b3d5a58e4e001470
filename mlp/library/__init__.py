"""What ``import mlp`` offers to programs and notebooks: train, load, circuit, and how objects show themselves."""
