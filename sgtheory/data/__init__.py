"""Data for spiking networks: spike trains of known statistics, random manifolds, pictures, handwritten and spoken digits."""

from sgtheory.data._download import download_spoken_digits as download_spoken_digits
from sgtheory.data._idx import idx_digits as idx_digits, read_idx as read_idx
from sgtheory.data._latency_digits import LatencyDigits as LatencyDigits, latency_digits as latency_digits
from sgtheory.data._manifolds import RandomManifolds as RandomManifolds, spikes_at as spikes_at
from sgtheory.data._pictures import dithered as dithered, portrait as portrait, read_picture as read_picture
from sgtheory.data._poisson import frozen_poisson as frozen_poisson
from sgtheory.data._spoken_digits import (
    FOLDER as FOLDER,
    DataError as DataError,
    SpokenDigits as SpokenDigits,
    read_spoken_digits as read_spoken_digits,
    spoken_digits_file as spoken_digits_file,
)
