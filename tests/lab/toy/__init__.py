"""A runtime that a test adds: Ray of the Python that somebody has put on the hosts. Nothing is installed."""
