"""The Warp kernels: one source for CPU and CUDA, in float32 and float64. Nothing here knows of autograd.

Every kernel's first argument is the first image it does, so that images can be shared out over threads. Warp reads the
annotations of kernels as values: these modules do not postpone them. Each module is compiled at its first launch (a
second or two) and then cached on disk.
"""
