import importlib.util
import io
import math
import pathlib
from typing import Any

import numpy as np

from sgtheory._checks import shorten
from sgtheory.data._needed import needed

MOST_PIXELS = 40_000_000
"""The largest picture that is read: a photograph has a tenth of that."""


def dithered(picture: Any, steps: int, units: int) -> np.ndarray:
    """A picture as a target raster, time along x, neurons along y: dark places have more spikes, steps × units.

    The picture is brought to the size, and its darkness spread by the error diffusion of Floyd and Steinberg.

    **Arguments:** `picture`, an array of brightness between 0 and 1, height × width.
    **Raises** `ValueError` for anything else; `ImportError` where Pillow is not installed.
    **Source:** Gygax & Zenke (2025), section 4.4, who match such a raster; Floyd & Steinberg (1976).

    >>> import numpy as np
    >>> raster = dithered(np.full((20, 30), 0.75), steps=30, units=20)
    >>> print(raster.shape, round(float(raster.mean()), 2))
    (30, 20) 0.24
    """
    with needed("Pillow", "Pictures are dithered"):
        from PIL import Image

    brightness = np.asarray(picture, dtype=float)
    if brightness.ndim != 2 or not brightness.size or not np.all((brightness >= 0) & (brightness <= 1)):
        raise ValueError(
            f"`picture` must be brightness between 0 and 1, height × width, got {shorten(picture)}. "
            "Take what `read_picture` gives."
        )
    grey = Image.fromarray(np.rint(255 * brightness).astype("u1"))
    black = grey.resize((steps, units), Image.Resampling.LANCZOS).convert("1", dither=Image.Dither.FLOYDSTEINBERG)
    return (~np.asarray(black)).T.astype(float)


def read_picture(source: str | pathlib.Path | bytes) -> np.ndarray:
    """The brightness of a PNG or JPEG, height × width, from a file or its bytes.

    **Raises** `ValueError` for what is no such picture, and for one of more than 40 million pixels, before it is unpacked;
    `ImportError` where Pillow is not installed.
    """
    with needed("Pillow", "Pictures are read"):
        from PIL import Image, UnidentifiedImageError

    data = source if isinstance(source, bytes) else pathlib.Path(source).read_bytes()
    try:
        with Image.open(io.BytesIO(data), formats=("PNG", "JPEG")) as picture:
            if math.prod(picture.size) <= MOST_PIXELS:
                return np.asarray(picture.convert("L"), dtype=float) / 255
            told = " × ".join(map(str, picture.size))
    except Image.DecompressionBombError:
        told = "many times as many"
    except (UnidentifiedImageError, OSError, SyntaxError) as fault:
        raise ValueError(
            f"`source` must be a PNG or JPEG picture, but it cannot be read ({type(fault).__name__}). Take another file."
        ) from fault
    raise ValueError(f"`source` must have at most {MOST_PIXELS // 10**6} million pixels, got {told}. Make it smaller.")


def portrait() -> np.ndarray:
    """The picture that Matplotlib brings along, a portrait of Grace Hopper, as brightness.

    **Raises** `ImportError` where Matplotlib is not installed.

    >>> print(portrait().shape)
    (600, 512)
    """
    found = importlib.util.find_spec("matplotlib")
    if found is None or found.origin is None:
        raise ImportError(
            "The portrait comes with Matplotlib: `pip install matplotlib`, or read a picture of your own."
        )
    return read_picture(pathlib.Path(found.origin).parent / "mpl-data" / "sample_data" / "grace_hopper.jpg")
