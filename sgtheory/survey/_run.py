import contextlib
import hashlib
import json
import pathlib
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from sgtheory.experiments.random_networks import NetworkSurvey, SurveySetting, network_keys, survey_networks
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
    """Makes the file of a survey on all devices of all processes, or goes on with one that was begun.

    Every process calls it with the same plan. A batch is kept in `checkpoints` as soon as it is computed; at the end all
    go into `output`, and the checkpoints are removed. A file of the same plan that is there already is left as it is:
    the answer is whether one was written.

    **Arguments:** `checkpoints`, a folder, beside the output if none is named; `command`, to be written down;
    `progress`, called with how many networks are done, at the start and after each batch, in process 0.
    **Raises** `Refused` when the plan cannot be surveyed, when another survey's file or checkpoints are in the way, and
    when processes differ in their plans.
    """
    if jax.dtypes.canonicalize_dtype(plan.precision) != plan.precision:
        raise Refused(
            "`precision` float64 needs JAX's 64-bit numbers. Set `jax.config.update('jax_enable_x64', True)`."
        )
    _same_in_all_processes(plan)
    runs = {widths: _runs(plan, widths) for widths in plan.widths}
    keeper = _Keeper(plan, output, checkpoints or output.with_name(output.name + ".checkpoints"))
    done = _from_the_first(keeper.open, len(keeper.batches))
    mesh = Mesh(np.array(jax.devices()), ("networks",))
    programs = {widths: _program(plan, widths, mesh) for widths in plan.widths}
    first = jax.process_index() == 0
    if first:
        progress(keeper.networks)
    for number, batch in enumerate(keeper.batches):
        if done[number]:
            continue
        numbers = _compute(plan, batch, programs[plan.widths[batch.cell[0]]], mesh)
        if first:
            keeper.keep(number, numbers)
            progress(keeper.networks)
    wrote = first and keeper.finish(runs, command)
    multihost_utils.sync_global_devices("the survey's file is there")
    return wrote


class _Keeper:
    """The numbers so far, in memory and in checkpoints; for process 0 alone."""

    def __init__(self, plan: SurveyPlan, output: pathlib.Path, folder: pathlib.Path):
        self.plan, self.output, self.folder = plan, output, folder
        self.batches = list(plan.batches())
        self.networks, self.complete = 0, False
        self.numbers: dict[str, np.ndarray] = {}
        self.store: Any = None

    def open(self) -> list[int]:
        """Numbers of the batches that are there already."""
        from sgtheory.survey._checkpoints import Checkpoints  # Orbax takes a second to load

        if self.output.exists():
            if json.loads(open_survey(self.output).attrs["plan"]) != self.plan.describe():
                raise Refused(f"`{self.output}` holds another survey. Name another `--output`, or move it away.")
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
        """Writes the file, unless it was there, and removes what is not needed any more."""
        if self.complete:
            return False
        write_survey(as_dataset(self.plan, self.numbers, runs, command), self.output)
        self.store.remove()
        return True


def _runs(plan: SurveyPlan, widths: tuple[int, ...]) -> tuple[int, ...]:
    """What a draw of each method costs; traces everything, so that what cannot be surveyed is refused at the start."""
    setting = SurveySetting(*jnp.ones(4, plan.precision))
    try:
        shapes = jax.eval_shape(lambda given: _survey(plan, widths, jnp.zeros(1, jnp.int32), given), setting)
    except ValueError as error:
        raise Refused(f"{named(widths)}: {error}") from error
    return shapes.runs


def _survey(plan: SurveyPlan, widths: tuple[int, ...], indices: jax.Array, setting: SurveySetting) -> NetworkSurvey:
    keys = network_keys(jax.random.key(plan.seed), indices)
    return survey_networks(keys, setting, widths=widths, methods=plan.methods, draws=plan.draws, loss=plan.loss)


def _program(plan: SurveyPlan, widths: tuple[int, ...], mesh: Mesh):
    """The survey of networks by their indices, each device with its share of them."""
    share = jax.shard_map(
        lambda indices, setting: _survey(plan, widths, indices, setting),
        mesh=mesh, in_specs=(_SPREAD, _EVERYWHERE), out_specs=_SPREAD,
    )  # fmt: skip
    return jax.jit(share)


def _compute(plan: SurveyPlan, batch: Batch, program, mesh: Mesh) -> dict[str, np.ndarray]:
    """The numbers of a batch, in every process."""
    # All batches are of one size, which the devices divide: the last network is repeated, and repetitions are dropped.
    size = -(-min(plan.batch, plan.networks) // mesh.size) * mesh.size
    indices = np.minimum(batch.networks.start + np.arange(size, dtype=np.int32), np.int32(batch.networks.stop - 1))
    cell = (plan.steepness[batch.cell[1]], plan.surrogate_steepness[batch.cell[2]], plan.spread, plan.bias_spread)
    setting = SurveySetting(*(_placed(np.asarray(number, plan.precision), mesh, _EVERYWHERE) for number in cell))
    found = program(_placed(indices, mesh, _SPREAD), setting)
    gathered = multihost_utils.process_allgather({name: getattr(found, name) for name in QUANTITIES}, tiled=True)
    numbers = {name: np.asarray(values)[: len(batch.networks)] for name, values in gathered.items()}
    if not all(np.all(np.isfinite(values)) for values in numbers.values()):
        raise Refused(
            f"{named(plan.widths[batch.cell[0]])}, steepness {cell[0]:g}, surrogate steepness {cell[1]:g}: a gradient is "
            "not finite in networks of this survey. Take smaller numbers, or a higher precision."
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
    """Which of `count` things process 0 finds, told to all; where it refuses, all stop."""
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
        raise Refused("Process 0 refused this survey: it says why.")
    return found[:count]
