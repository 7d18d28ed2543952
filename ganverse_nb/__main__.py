"""`python -m ganverse_nb` is `ganverse`, for launchers that take a module: `torchrun -m ganverse_nb train-gan`."""

import sys

from ganverse_nb.workflow.cli import main

if __name__ == "__main__":
    sys.exit(main())
