"""When this copy of pyhttpd was built: what `-v`, the start of the error log and the status page say."""

import os
import time

import pyhttpd


def server_built() -> str:
    """`2026-11-12T08:58:41`, UTC: the time of the package's files, which is when it was built or installed."""
    try:
        stamp = os.stat(pyhttpd.__file__).st_mtime
    except OSError:  # imported from an archive
        stamp = 0.0
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(stamp))
