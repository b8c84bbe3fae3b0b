"""Compares the facts with the hosts file: addresses, versions, problems, and what would change. Pure."""
