"""The command `sgtheory`: the pages in JupyterLab, the pages as a web site, a survey, programs compiled in advance.

Nothing heavy is imported here, so that `sgtheory --help` answers at once.
"""

import argparse
import pathlib
import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import sgtheory
from sgtheory._command._refused import Refused
from sgtheory._course import COURSE, PAGE_NAMES

NOTEBOOKS, SITE = pathlib.Path("sgtheory-notebooks"), pathlib.Path("sgtheory-pages")
_LAB = """\
Opens the pages in JupyterLab. The notebooks are copied into a folder of yours; files that you have changed there are never
overwritten. Whatever follows the folder and begins with `-` is handed on to `jupyter lab`: `sgtheory lab --port=9999`."""
_EXPORT = """\
Writes pages as HTML files, each of which runs without a kernel and without a network, and an index.html that lists them."""
_WARM = "Computes every page once and keeps the compiled programs where `sgtheory lab` with the same folder finds them."


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}. See `{self.prog} --help`.\n")


def _page(name: str) -> str:
    if name not in PAGE_NAMES:
        raise argparse.ArgumentTypeError(f"must be names of pages ({', '.join(PAGE_NAMES)}), got {name!r}")
    return name


def make_parser(prog: str = "sgtheory") -> argparse.ArgumentParser:
    """The parser of everything but options that are handed on; see `split`."""
    parser = _Parser(prog=prog, description="How gradients pass through spikes.", allow_abbrev=False)
    parser.add_argument("--version", action="version", version=f"sgtheory {sgtheory.__version__}")
    commands = parser.add_subparsers(dest="command", metavar="command", parser_class=_Parser)

    def add(name: str, summary: str, description: str = "", **more: Any) -> argparse.ArgumentParser:
        return commands.add_parser(
            name, help=summary, description=description, allow_abbrev=False,
            formatter_class=argparse.RawDescriptionHelpFormatter, **more,
        )  # fmt: skip

    lab = add("lab", "open the pages in JupyterLab", _LAB)
    lab.add_argument("folder", nargs="?", type=pathlib.Path, default=NOTEBOOKS, help=f"your folder ({NOTEBOOKS})")
    titles = "\n".join(f"  {', '.join(lesson.pages):40} {lesson.title}" for lesson in COURSE)
    site = add("export", "write the pages as a web site", _EXPORT, epilog=f"pages:\n{titles}")
    site.add_argument("folder", nargs="?", type=pathlib.Path, default=SITE, help=f"where to write ({SITE})")
    site.add_argument(
        "--pages", nargs="+", type=_page, default=PAGE_NAMES, metavar="PAGE", help="some pages only (all)"
    )
    add("survey", "compare estimators on many random networks; see `sgtheory survey --help`", add_help=False)
    warm = add("warm", "compile what the pages need", _WARM)
    warm.add_argument("folder", nargs="?", type=pathlib.Path, default=NOTEBOOKS, help=f"that of `lab` ({NOTEBOOKS})")
    return parser


def split(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Arguments of this command, and those that are handed on: options of JupyterLab, and everything about a survey."""
    own = len(arguments)
    if arguments[:1] == ["survey"]:
        own = 1
    elif arguments[:1] == ["lab"]:
        handed = (k for k, word in enumerate(arguments) if word.startswith("-") and word not in ("-h", "--help"))
        own = next(handed, own)
    return list(arguments[:own]), list(arguments[own:])


def _do_lab(options: argparse.Namespace, further: list[str], prog: str) -> int:
    from sgtheory._command._lab import open_lab

    open_lab(options.folder, further, prog)
    return 0


def _do_export(options: argparse.Namespace, further: list[str], prog: str) -> int:
    del further, prog
    from sgtheory._command._site import write_site

    write_site(options.folder, options.pages)
    return 0


def _do_survey(options: argparse.Namespace, further: list[str], prog: str) -> int:
    del options
    from sgtheory.survey.__main__ import main

    return main(further, prog)


def _do_warm(options: argparse.Namespace, further: list[str], prog: str) -> int:
    del further
    from sgtheory._command._lab import keep_programs

    kept = keep_programs(options.folder)
    from sgtheory.pages.warm import main  # only now, because JAX reads the settings when it is imported

    print(f"{prog}: compiled programs are kept in {kept}", flush=True)
    main()
    return 0


# What carries each command out, and the extra whose packages it needs.
_COMMANDS: dict[str, tuple[Callable[[argparse.Namespace, list[str], str], int], str]] = {
    "lab": (_do_lab, "pages"),
    "export": (_do_export, "pages"),
    "survey": (_do_survey, "survey"),
    "warm": (_do_warm, "pages"),
}


def main(argv: Sequence[str] | None = None, prog: str = "sgtheory") -> int:
    """Does what the command line says. Returns 0 when it is done, 2 when it was refused in one sentence."""
    own, further = split(sys.argv[1:] if argv is None else argv)
    parser = make_parser(prog)
    options = parser.parse_args(own)
    if options.command is None:
        parser.print_help()
        return 0
    carry_out, extra = _COMMANDS[options.command]
    prog = f"{prog} {options.command}"
    try:
        return carry_out(options, further, prog)
    except ModuleNotFoundError as missing:
        package = (missing.name or "").partition(".")[0]
        if package == "sgtheory":
            raise
        said = str(missing)  # without a name it is a sentence of ours
        if package:
            said = f'`{package}` must be installed, but is not. Install it: `pip install "sgtheory[{extra}]"`.'
    except (Refused, OSError) as refusal:
        said = " ".join(str(refusal).split())
    print(f"{prog}: {said}", file=sys.stderr)
    return 2
