"""What the steps of one operation share: the nodes, what is known of them, and what became of them."""
