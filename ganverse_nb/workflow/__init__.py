"""Runs and what works on them: stages, notebooks, sweeps, reports, the command line."""
