"""Pictures by matplotlib: how they look, and what they show; knows no runs."""
