"""A module of a user that hangs while it is imported: on a FIFO that nobody opens for writing."""

from __future__ import annotations

import os
from pathlib import Path

Path(os.environ["PYHTTPD_TEST_FIFO"]).read_bytes()
