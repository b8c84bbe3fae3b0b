# Nothing to do here: the user's own settings, with their store of passwords, are always passed over (docker.ps1).
