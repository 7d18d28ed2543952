"""Threads, memory, precision, files, errors: what computing needs anywhere; it knows nothing of the paper."""
