"""Docker Engine on a host: what it can give to a container, where it comes from, what stands in its way."""
