"""What a person sees: progress, tables, error messages. Knows nothing about how hosts work."""
