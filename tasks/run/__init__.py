"""What the steps of one operation share: the hosts, what is known about them, and what happened on them."""
