"""A folder for PYTHONPATH, from which Python imports `sitecustomize` when a child process starts."""
