"""`python -m sgtheory` is the command `sgtheory`."""

import sys

from sgtheory._command import main

if __name__ == "__main__":
    sys.exit(main(prog="python -m sgtheory"))
