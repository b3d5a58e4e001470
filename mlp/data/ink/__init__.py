"""The digit on a picture: found without its paper, light, lines and dust."""
