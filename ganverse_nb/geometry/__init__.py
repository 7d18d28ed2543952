"""Cameras, meshes and the losses on their shape. Knows nothing of pictures."""
