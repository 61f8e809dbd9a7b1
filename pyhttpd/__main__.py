"""`python -m pyhttpd`: the same as the program `pyhttpd`."""

import sys

from pyhttpd.cli.httpd import main

sys.exit(main())
