"""A folder for each runtime, with all that is its own."""
