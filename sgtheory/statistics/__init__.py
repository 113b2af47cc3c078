"""How good an estimator is, and what spike trains are like.

`summarise`, `bias`, `variance`, `standard_error`, `cosine` and `sign_agreement` take draws with a leading axis, as
`sgtheory.gradients.sample_gradients` gives them, and are generic over pytrees. The others are about spike trains.
"""

from sgtheory.statistics._estimates import (
    Summary as Summary,
    bias as bias,
    cosine as cosine,
    sign_agreement as sign_agreement,
    standard_error as standard_error,
    summarise as summarise,
    variance as variance,
)
from sgtheory.statistics._spike_trains import (
    coefficient_of_variation as coefficient_of_variation,
    fano_factor as fano_factor,
    interspike_intervals as interspike_intervals,
    victor_purpura_distance as victor_purpura_distance,
)
