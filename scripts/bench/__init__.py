"""The benchmark: pyhttpd beside Apache under the same configuration. `python -m scripts.bench --help`."""
