"""A page's English texts as they stand in its file."""

import re


def without_keys(page):
    """The page without what shows its texts in another language: attributes, and elements that have nothing else."""
    plain = re.sub(r' data-(?:say|values|in-[a-z-]+)="[^"]*"', "", page)
    return re.sub(r"<span>([^<]*)</span>", r"\1", plain)
