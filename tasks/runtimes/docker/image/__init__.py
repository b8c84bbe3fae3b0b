"""The image: its names, getting it onto a host, and whether all hosts have the same one."""
