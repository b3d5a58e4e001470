"""The colours of pages and figures, light and dark; without matplotlib, which pages without figures need not import."""

import re

CLASS_COLORS = (
    *(("#2878c8", "#4c9ae6"), ("#9f6c00", "#ffa90e"), ("#bd1f01", "#ff6f61"), ("#687876", "#a9bab7")),
    *(("#832db6", "#c07cf0"), ("#7a4636", "#b9806f"), ("#c65300", "#f08030"), ("#757140", "#c9bd80")),
    *(("#4b4f5c", "#8b8fa0"), ("#0d8288", "#92dadd")),
)
"""For more than two classes, on light and on dark pages: ten colours after Petroff (2021).

They are darker or lighter than his, so that each has a contrast of 3:1 on the paper and on every region of the plane.
"""
COLORS = {
    "paper": ("#ffffff", "#14171b"),
    "card": ("#f5f6f8", "#1e2228"),
    "line": ("#d4d8de", "#3a4049"),
    "muted": ("#6b6b6b", "#a5acb6"),
    "ink": ("#1f1f1f", "#e8eaed"),
    "red": ("#c5221f", "#ff8a80"),
    "blue": ("#1f66b0", "#79b8f3"),
    "green": ("#1a7f37", "#6fd38b"),
    "purple": ("#542788", "#b2abd2"),
    "orange": ("#b35806", "#fdb863"),
    "highlight": ("#fff1b8", "#55480f"),
    "outline": ("#b4007d", "#b4007d"),
} | {f"class{k}": shades for k, shades in enumerate(CLASS_COLORS)}
"""Each colour of figures and light pages, and its replacement on dark pages. Outlines lie on white in both."""
ROLES = {
    "zero": "red",
    "one": "blue",
    "value": "green",
    "gradient": "red",
    "positive": "purple",
    "negative": "orange",
}


def css_colors(page: str) -> str:
    """The colours and roles that a page uses as CSS custom properties, light and dark; printed pages are light."""
    used = set(re.findall(r"--(\w+)", page))
    roles = " ".join(f"--{name}: var(--{color});" for name, color in ROLES.items() if name in used)
    used.update(color for role, color in ROLES.items() if role in used)
    colors = {name: shades for name, shades in COLORS.items() if name in used}
    light, dark = (" ".join(f"--{name}: {shades[k]};" for name, shades in colors.items()) for k in (0, 1))
    return f":root {{ {light} {roles} }} @media screen and (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}"
