"""What tasks do between their arguments and the phases of an operation; a task imports it when it is called."""
