"""Pictures by matplotlib: how they look, and what they show; nothing here knows about runs."""
