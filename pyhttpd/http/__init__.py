"""HTTP as values, no I/O."""
