"""What `make run` and the tests stand on where nothing is installed: a real PostgreSQL that comes as a Python wheel."""
