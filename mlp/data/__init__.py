"""Images: read, selected, prepared and projected."""
