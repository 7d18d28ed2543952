"""Measurements: 2D overlap, 3D error, cameras."""
