"""`runtime: uv`: Python packages straight into an environment."""
