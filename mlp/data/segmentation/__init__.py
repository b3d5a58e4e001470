"""Segmentation: find the ink of the digit on a picture, without paper, light, ruled lines and dust."""
