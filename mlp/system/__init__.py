"""Errors, files, signals, threads and the command line: knows nothing of networks."""
