import contextlib
import functools
import hashlib
import json
import pathlib
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from sgtheory.experiments.random_networks import SurveySetting, network_keys, survey_networks
from sgtheory.survey._file import QUANTITIES, as_dataset, dimensions, open_survey, write_survey
from sgtheory.survey._plan import Batch, SurveyPlan, named
from sgtheory.survey._refused import Refused

_SPREAD, _EVERYWHERE = PartitionSpec("networks"), PartitionSpec()


def run_survey(
    plan: SurveyPlan,
    output: pathlib.Path,
    checkpoints: pathlib.Path | None = None,
    *,
    command: str = "",
    progress: Callable[[int], Any] = lambda networks: None,
) -> bool:
    """Runs a survey on all devices of all processes and writes its file, or continues one that was begun.

    Every process calls this with the same plan. A batch is kept in `checkpoints` as soon as it is computed; at the end all
    batches are written to `output`, and the checkpoints are removed. If there is already a file of the same plan, it is
    left as it is. Returns whether a file was written.

    **Arguments:** `checkpoints`, a folder, by default beside the output; `command`, text that is recorded in the file;
    `progress`, called in process 0 with the number of networks that are done, at the start and after each batch.
    **Raises** `Refused` if the plan cannot be surveyed, if another survey's file or checkpoints are in the way, or if
    the processes have different plans.
    """
    if jax.dtypes.canonicalize_dtype(plan.precision) != plan.precision:
        raise Refused(
            "`precision` float64 needs JAX's 64-bit numbers. Set `jax.config.update('jax_enable_x64', True)`."
        )
    _same_in_all_processes(plan)
    mesh = Mesh(np.array(jax.devices()), ("networks",))
    traced = {widths: _traced(plan, widths, mesh) for widths in plan.widths}
    compiled = functools.cache(lambda widths: traced[widths].lower().compile())
    first = jax.process_index() == 0
    keeper = _Keeper(plan, output, checkpoints or output.with_name(output.name + ".checkpoints"))
    with contextlib.closing(keeper):
        done = _from_the_first(keeper.open, len(keeper.batches))
        if first:
            progress(keeper.networks)
        for number in np.flatnonzero(~done).tolist():
            batch = keeper.batches[number]
            numbers = _compute(plan, batch, compiled(plan.widths[batch.cell[0]]), mesh)
            if first:
                keeper.keep(number, numbers)
                progress(keeper.networks)
        runs = {widths: program.out_info.runs for widths, program in traced.items()}
        wrote = first and keeper.finish(runs, command)
    multihost_utils.sync_global_devices("the survey's file is there")
    return wrote


class _Keeper:
    """The numbers so far, in memory and in checkpoints; only process 0 uses it."""

    def __init__(self, plan: SurveyPlan, output: pathlib.Path, folder: pathlib.Path):
        self.plan, self.output, self.folder = plan, output, folder
        self.batches = list(plan.batches())
        self.networks, self.complete = 0, False
        self.numbers: dict[str, np.ndarray] = {}
        self.store: Any = None

    def open(self) -> list[int]:
        """The numbers of the batches that are there already."""
        from sgtheory.survey._checkpoints import Checkpoints  # Orbax takes a second to load

        if self.output.exists():
            if json.loads(open_survey(self.output).attrs["plan"]) != self.plan.describe():
                raise Refused(f"`{self.output}` holds another survey. Name another `--output`, or move that file away.")
            self.complete, self.networks = True, self.plan.total
            self._tidy()
            return list(range(len(self.batches)))
        if not self.output.absolute().parent.is_dir():
            raise Refused(f"`{self.output}` must lie in a folder that exists. Make it, or name another `--output`.")
        self.store = Checkpoints(self.folder, self.plan)
        shape = (*self.plan.shape, self.plan.networks, len(self.plan.methods))
        for name in QUANTITIES:
            self.numbers[name] = np.full(shape[: len(dimensions(name))], np.nan, self.plan.precision)
        done = self.store.done()
        for number in done:
            self._fill(number, self.store.restore(number))
        return done

    def _tidy(self) -> None:
        """Removes the checkpoints of a survey that was killed between its last two steps."""
        from sgtheory.survey._checkpoints import Checkpoints

        if self.folder.exists():
            with contextlib.suppress(Refused):
                Checkpoints(self.folder, self.plan).remove()

    def keep(self, number: int, numbers: dict[str, np.ndarray]) -> None:
        self.store.save(number, numbers)
        self._fill(number, numbers)

    def _fill(self, number: int, numbers: dict[str, np.ndarray]) -> None:
        batch = self.batches[number]
        for name, values in numbers.items():
            self.numbers[name][*batch.cell, batch.networks.start : batch.networks.stop] = values
        self.networks += len(batch.networks)

    def finish(self, runs: dict[tuple[int, ...], tuple[int, ...]], command: str) -> bool:
        """Writes the file, unless it was there, and removes the checkpoints, which are no longer needed."""
        if self.complete:
            return False
        write_survey(as_dataset(self.plan, self.numbers, runs, command), self.output)
        self.store.remove()
        return True

    def close(self) -> None:
        """Releases the checkpoints, however the survey ends."""
        if self.store is not None:
            self.store.close()


def _traced(plan: SurveyPlan, widths: tuple[int, ...], mesh: Mesh) -> Any:
    """The program that surveys networks by their indices, each device with its share of them; not compiled yet.

    **Raises** `Refused` if tracing shows that they cannot be surveyed.
    """

    def survey(indices, setting):
        keys = network_keys(jax.random.key(plan.seed), indices)
        return survey_networks(keys, setting, widths=widths, methods=plan.methods, draws=plan.draws, loss=plan.loss)

    share = jax.shard_map(survey, mesh=mesh, in_specs=(_SPREAD, _EVERYWHERE), out_specs=_SPREAD)
    try:
        return jax.jit(share).trace(*_arguments(plan, next(plan.batches()), mesh))
    except ValueError as error:
        raise Refused(f"{named(widths)}: {error}") from error


def _arguments(plan: SurveyPlan, batch: Batch, mesh: Mesh) -> tuple[jax.Array, SurveySetting]:
    """Indices of the networks of a batch, spread over the devices, and its setting."""
    # All batches have one size, a multiple of the number of devices: the last network is repeated, and the results of
    # the repetitions are dropped.
    size = -(-min(plan.batch, plan.networks) // mesh.size) * mesh.size
    indices = np.minimum(batch.networks.start + np.arange(size, dtype=np.int32), np.int32(batch.networks.stop - 1))
    cell = (plan.steepness[batch.cell[1]], plan.surrogate_steepness[batch.cell[2]], plan.spread, plan.bias_spread)
    numbers = (_placed(np.asarray(number, plan.precision), mesh, _EVERYWHERE) for number in cell)
    return _placed(indices, mesh, _SPREAD), SurveySetting(*numbers)


def _compute(plan: SurveyPlan, batch: Batch, program, mesh: Mesh) -> dict[str, np.ndarray]:
    """The numbers of a batch, in every process."""
    found = program(*_arguments(plan, batch, mesh))
    gathered = multihost_utils.process_allgather({name: getattr(found, name) for name in QUANTITIES}, tiled=True)
    numbers = {name: np.asarray(values)[: len(batch.networks)] for name, values in gathered.items()}
    if not all(np.all(np.isfinite(values)) for values in numbers.values()):
        raise Refused(
            f"{named(plan.widths[batch.cell[0]])}, steepness {plan.steepness[batch.cell[1]]:g}, surrogate steepness "
            f"{plan.surrogate_steepness[batch.cell[2]]:g}: a gradient is not finite. Take smaller numbers."
        )
    return numbers


def _placed(values: np.ndarray, mesh: Mesh, how: PartitionSpec) -> jax.Array:
    return jax.make_array_from_callback(values.shape, NamedSharding(mesh, how), lambda index: values[index])


def _same_in_all_processes(plan: SurveyPlan) -> None:
    digest = hashlib.sha256(json.dumps(plan.describe()).encode()).digest()
    digests = multihost_utils.process_allgather(np.frombuffer(digest, np.uint32))
    if not np.all(digests == digests[:1]):
        raise Refused("All processes must be given the same survey, and these differ. Repeat one command for all.")


def _from_the_first(find: Callable[[], list[int]], count: int) -> np.ndarray:
    """Which of `count` things process 0 finds, sent to all processes; if it refuses, all stop."""
    found, refusal = np.zeros(count + 1, bool), None
    if jax.process_index() == 0:
        try:
            found[find()] = True
            found[count] = True
        except (Refused, OSError) as error:
            refusal = error
    found = np.asarray(multihost_utils.broadcast_one_to_all(found))
    if refusal is not None:
        raise refusal
    if not found[count]:
        raise Refused("Process 0 refused this survey; its own message says why.")
    return found[:count]
