"""What a person sees: progress, tables, error texts. Knows nothing of hosts' workings."""
