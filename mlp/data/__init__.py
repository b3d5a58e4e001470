"""Images: read, chosen, prepared and projected."""
