"""pyhttpd: Apache's process model and configuration language as a Python package."""

__version__ = "0.1.0"

# The language that is spoken: what <IfVersion> compares with.
APACHE_VERSION = "2.4.71"

# What Server headers, log lines and -v call this program.
PRODUCT = f"pyhttpd/{__version__}"
