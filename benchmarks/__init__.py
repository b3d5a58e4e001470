"""What benchmark.py measures, a part of it in each module."""
