"""What uv adds to an operation."""
