"""The steps of operations, one file each; an operation is a list of steps."""
