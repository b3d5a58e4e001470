"""Many runs of one config with some of its options varied: on this machine's cores, or on a cluster's."""
