"""How fast the renderer is, and beside whom: `make bench`. Nothing here is installed or run by `make test`."""
