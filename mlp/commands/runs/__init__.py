"""Train a network, and judge, use and compare what was trained."""
