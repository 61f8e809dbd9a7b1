"""The programs: arguments in, exit status out."""
