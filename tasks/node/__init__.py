"""What all runtimes share about a node: facts, supervisors, Ray's arguments by version, start, stop, logs. Pure."""
