"""The steps of an operation, a file each; an operation is a list of them that reads as a sentence."""
