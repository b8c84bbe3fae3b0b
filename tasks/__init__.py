"""Fabric tasks that turn a list of machines into a working Ray cluster and keep it working."""
