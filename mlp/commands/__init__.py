"""One module for each command; the folders are the groups that ``mlp --help`` shows."""
