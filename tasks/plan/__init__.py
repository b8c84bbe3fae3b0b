"""Facts held against intent: addresses, versions, problems, and what would change. Pure."""
