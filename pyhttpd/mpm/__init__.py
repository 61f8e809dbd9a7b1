"""Processes: the master, its children, and everything that happens to them."""
