"""The command: `python -m sgtheory.survey --help`, or `sgtheory survey --help`."""

import argparse
import pathlib
import shlex
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import jax
import tqdm

from sgtheory._parser import OneLineParser
from sgtheory.methods import METHODS
from sgtheory.survey._refused import Refused

if TYPE_CHECKING:
    from sgtheory.survey import SurveyPlan

CALLED = "python -m sgtheory.survey"
EXAMPLE = """example:
  {prog} --widths 3-3-1 5-5-5-1 --steepness 1 2 4 8 --networks 200 --output survey.nc

The same command continues a survey that was stopped. Methods (without --methods, those marked *):
"""


class _Parser(OneLineParser):
    def format_help(self) -> str:
        rows = (f"  {'*' if method.surveyed else ' '} {label!r}" for label, method in METHODS.items())
        self.epilog = EXAMPLE.format(prog=self.prog) + "\n".join(rows)
        return super().format_help()


def _widths(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(width) for width in text.split("-"))
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be whole numbers joined by `-`, such as 5-5-1, got {text!r}") from None


def _number(kind: type, words: str) -> Any:
    def convert(text: str) -> Any:
        try:
            return kind(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"must be {words}, got {text!r}") from None

    return convert


def make_parser(prog: str = CALLED) -> argparse.ArgumentParser:
    """The parser of the options, with all methods in its help."""
    parser = _Parser(
        prog=prog, description="Bias and variance of gradient estimators over random networks.",
        formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False,
    )  # fmt: skip
    whole, real = _number(int, "a whole number"), _number(float, "a number")
    add = parser.add_argument
    add(
        "--widths",
        nargs="+",
        type=_widths,
        required=True,
        help="one or more networks: number of inputs, then of units in each layer, such as 5-5-1",
    )
    add("--steepness", nargs="+", type=real, required=True, help="one or more steepnesses of the escape noise")
    add("--surrogate-steepness", nargs="+", type=real, default=[4.0], help="one or more, of surrogate derivatives (4)")
    add("--methods", nargs="+", metavar="NAME", help="names of methods, each in quotes; see below")
    add("--networks", type=whole, default=100, help="number of random networks for each combination (100)")
    add("--draws", type=whole, default=1000, help="number of draws of each method in each network (1000)")
    add("--seed", type=whole, default=0, help="seed of all random numbers (0)")
    add("--loss", default="readout", help="'readout' or 'squared error' ('readout')")
    add("--spread", type=real, default=1.0, help="standard deviation of weights, times √inputs of the unit (1)")
    add("--bias-spread", type=real, default=0.0, help="standard deviation of biases (0)")
    add("--precision", default="float64", help="float64 or float32 (float64)")
    add("--output", type=pathlib.Path, required=True, metavar="FILE.nc", help="the file to be written")
    add("--checkpoints", type=pathlib.Path, metavar="FOLDER", help="where to keep batches (FILE.nc.checkpoints)")
    add("--batch", type=whole, default=50, help="number of networks between two checkpoints (50)")
    add("--cpu-devices", type=whole, help="number of cores to use as devices, on a machine without a GPU")
    add("--coordinator", metavar="HOST:PORT", help="with several processes: where process 0 listens")
    add("--processes", type=whole, help="with several processes: their number")
    add("--process-id", type=whole, help="with several processes: the number of this one, from 0")
    add("--cluster", action="store_true", help="several processes, as numbered by the cluster's scheduler")
    return parser


def _plan(options: argparse.Namespace) -> "SurveyPlan":
    from sgtheory.survey import SurveyPlan

    given: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in vars(options).items()
        if name in SurveyPlan.__dataclass_fields__ and value is not None
    }
    return SurveyPlan(**given)


def _start(options: argparse.Namespace) -> None:
    """Sets up JAX as the options say (precision, devices, processes), before anything is computed."""
    jax.config.update("jax_enable_x64", options.precision == "float64")
    if options.cpu_devices is not None:
        if options.cpu_devices < 1:
            raise Refused(f"`--cpu-devices` must be at least 1, got {options.cpu_devices}.")
        jax.config.update("jax_num_cpu_devices", options.cpu_devices)
    several = {name: getattr(options, name) for name in ("coordinator", "processes", "process_id")}
    given = [value for value in several.values() if value is not None]
    if options.cluster and given:
        raise Refused(
            "`--cluster` gets from the scheduler what `--coordinator` and the like would say. Give one or the other."
        )
    if options.cluster:
        try:
            jax.distributed.initialize()
        except ValueError as error:
            raise Refused(
                "`--cluster` needs a scheduler that JAX knows, such as Slurm or Open MPI, and none started this process. "
                "Start it with `srun` or `mpirun`, or give `--coordinator`, `--processes` and `--process-id`."
            ) from error
    elif given:
        _join(**several)


def _join(coordinator: str | None, processes: int | None, process_id: int | None) -> None:
    """Connects to the other processes through JAX's own runtime."""
    if coordinator is None or processes is None or process_id is None:
        raise Refused("`--coordinator`, `--processes` and `--process-id` must be given together, or none of them.")
    if not 0 <= process_id < processes:
        raise Refused(
            f"`--process-id` must be from 0 to {processes - 1} with {processes} `--processes`, got {process_id}."
        )
    host, _, port = coordinator.rpartition(":")
    if not host or not port.isdigit():
        raise Refused(f"`--coordinator` must be HOST:PORT, such as localhost:12345, got {coordinator!r}.")
    # Printed beforehand: if one process does not come, JAX's runtime itself ends the others after five minutes.
    print(f"waiting for {processes} processes at {coordinator}", file=sys.stderr, flush=True)
    jax.distributed.initialize(coordinator, processes, process_id)


class _Progress(tqdm.tqdm):
    """A bar, shown only by process 0 and only in a terminal; networks that were there at the start are always reported."""

    def __init__(self, total: int):
        super().__init__(total=total, unit="network", disable=True if jax.process_index() else None)
        self._begun = False

    def __call__(self, networks: int) -> None:
        if not self._begun:
            self._begun, self.initial = True, networks
            if networks:
                print(f"{networks} of {self.total} networks have been surveyed already", file=sys.stderr, flush=True)
        self.update(networks - self.n)


def main(argv: Sequence[str] | None = None, prog: str = CALLED) -> int:
    """Runs a survey as the command line says. Returns 0 when its file is there, 2 when it was refused in one sentence."""
    argv = sys.argv[1:] if argv is None else list(argv)
    parser = make_parser(prog)
    options = parser.parse_args(argv)
    try:
        _start(options)
        from sgtheory.survey import run_survey  # only after JAX knows of other processes

        plan = _plan(options)
        command = shlex.join([*prog.split(), *argv])
        with _Progress(plan.total) as show:
            wrote = run_survey(plan, options.output, options.checkpoints, command=command, progress=show)
    except (Refused, OSError) as refusal:
        print(f"{parser.prog}: {' '.join(str(refusal).split())}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"{parser.prog}: stopped; the same command continues where it was.", file=sys.stderr)
        return 130
    if jax.process_index() == 0:
        print(f"{options.output}: {plan.total} networks" + ("" if wrote else ", which were there already"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
