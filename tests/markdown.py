"""What the tests read off a page in Markdown."""

import re


def without_blocks(text):
    return re.sub(r"```.*?```", "", text, flags=re.DOTALL)


def links(text):
    return re.findall(r"\]\(([^)]+)\)", text)


def anchors(text):
    """Of its headings in their order, as GitHub names them in links."""
    titles = re.findall(r"^#+ (.*)$", without_blocks(text), re.MULTILINE)
    return [re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles]
