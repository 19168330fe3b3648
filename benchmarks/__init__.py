"""Measurements on public data that is not part of the project: see docs/benchmarks.md for where it comes from."""
