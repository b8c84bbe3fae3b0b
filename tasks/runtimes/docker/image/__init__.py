"""The image: its names, how it gets onto a host, and whether all hosts have the same one."""
