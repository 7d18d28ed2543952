"""Settings of every test: few threads, so that tests beside each other and on small machines do not crowd."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "2")
