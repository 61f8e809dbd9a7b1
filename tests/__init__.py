"""The tests of pyhttpd."""
