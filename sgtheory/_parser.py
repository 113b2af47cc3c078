import argparse
from typing import NoReturn


class OneLineParser(argparse.ArgumentParser):
    """A parser of a command line that tells a mistake in one line, without the usage."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}. See `--help`.\n")
