"""Measurements on public data that is not part of the project: see docs/benchmarks.md for where it comes from."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before numpy: as `copydesk` does
