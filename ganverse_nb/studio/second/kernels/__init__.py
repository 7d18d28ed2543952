"""Warp kernels of the second edition: surfaces, surroundings and the finished picture."""
