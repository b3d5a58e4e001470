"""What a run leaves on disk: each file format is written and read in one module."""
