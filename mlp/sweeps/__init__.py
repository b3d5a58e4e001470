"""Many runs of one config: which runs, where, on which workers, and their results."""
