"""Shell completion. What answers a TAB (fast.py and what it imports) uses the standard library only."""
