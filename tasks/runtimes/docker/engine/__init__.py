"""Docker Engine on a host: what it can provide to a container, how it is installed, and its problems."""
