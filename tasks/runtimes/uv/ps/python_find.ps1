# Nothing to look for: on Windows no runtime uses a Python of the host.
