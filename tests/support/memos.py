"""Whether the memos are on in this run: everything is tried with them and without them (`make test`)."""

from __future__ import annotations

import os

import pytest

OFF = os.environ.get("PYHTTPD_TEST_MEMOS") == "Off"
LINES = "AnswerMemo Off\nHeadMemo Off\n" if OFF else ""
"""For every configuration."""

of_memos = pytest.mark.skipif(OFF, reason="the memos are what is tested, and off in this run")
# mod_info shows every line, and Apache's file cannot have these two; with the memos on nothing is skipped.
of_lines = pytest.mark.skipif(OFF, reason="the lines that switch the memos off would be seen")
