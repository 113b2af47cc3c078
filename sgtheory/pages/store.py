"""`python -m sgtheory.pages.store` writes the first picture of every page, which is shown before JAX is loaded."""

import numpy as np

from sgtheory.pages._kit.page import PICTURES
from sgtheory.pages._registry import ALL_PAGES


def main() -> None:
    """Computes and writes one .npz a page; run it when an experiment or a start state has changed."""
    PICTURES.mkdir(exist_ok=True)
    for name, kind in ALL_PAGES.items():
        path = PICTURES / f"{name}.npz"
        path.unlink(missing_ok=True)
        np.savez_compressed(path, **kind().stored())
        print(f"{path.name}: {path.stat().st_size / 1024:.0f} kB")


if __name__ == "__main__":
    main()
