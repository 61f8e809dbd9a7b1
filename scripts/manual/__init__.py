"""The manual in docs/: what Sphinx is told about directives, from the same rows that the server reads lines with."""
