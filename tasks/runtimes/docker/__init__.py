"""`runtime: docker`: Docker Engine, images, containers."""
