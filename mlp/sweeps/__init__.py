"""Many runs: which, where, by whom, and their results."""
