"""`runtime: conda`: channels, installers, environments."""
