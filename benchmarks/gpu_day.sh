#!/usr/bin/env bash
# What a lent GPU is asked, in eight minutes at most: benchmarks/gpu_day.sh [--dry] [--nvdiffrast DIR] [--out DIR] [PART...]
# Parts: check, teacher, inverse, paper (default: all, in this order). Everything ends in DIR/gpu_day.json; see gpu_day.py.
set -euo pipefail
cd "$(dirname "$0")/.."
exec "${PYTHON:-python3}" -m benchmarks.gpu_day "$@"
