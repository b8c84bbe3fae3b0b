"""What conda adds to an operation."""
