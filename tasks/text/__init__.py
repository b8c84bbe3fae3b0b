"""How a value is written: for a person to read, for a shell to read back. Every layer may use it; it uses none."""
