"""HTML pages, which open offline; their templates lie in templates/."""
