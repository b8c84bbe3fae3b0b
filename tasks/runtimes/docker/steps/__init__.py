"""What Docker adds to an operation: installing the engine, getting images."""
