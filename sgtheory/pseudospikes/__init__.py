"""Pseudospikes: where the spikes are that would come after the end of a trial, as smooth functions of the end state."""

from sgtheory.pseudospikes._continued import ContinuedPhase as ContinuedPhase
from sgtheory.pseudospikes._driven import ConstantDrive as ConstantDrive
from sgtheory.pseudospikes._free import FreeRun as FreeRun
from sgtheory.pseudospikes._network import FirstSpikes as FirstSpikes, PseudospikeNetwork as PseudospikeNetwork
from sgtheory.pseudospikes._selection import first_spikes as first_spikes
