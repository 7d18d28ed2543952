"""The Warp kernels: one source for CPU and CUDA, in float32 and float64. Nothing here knows of autograd.

Every kernel's first argument is the first image it does, so that images can be shared out over threads. Warp reads
the annotations of kernels as values: these modules do not postpone them. Each module is compiled at its first launch
(one to four seconds) and then cached on disk. On the CPU a `while` over pixels is up to twice as fast as a `range`;
and of what `wp.where` chooses from, both are computed, without a branch to be mispredicted.
"""
