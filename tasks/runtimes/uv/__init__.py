"""`runtime: uv`: Python packages in an environment made by uv."""
