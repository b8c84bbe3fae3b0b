"""What every node is, whatever it runs in: facts, supervisors, Ray's arguments by version, start, stop, logs. Pure."""
