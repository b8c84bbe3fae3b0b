"""What uv and conda share in an operation: seeding, bundles, installing from the store."""
