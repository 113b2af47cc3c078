"""`python -m sgtheory.pages.warm` computes every page once, so that a persistent compilation cache holds their programs."""

from sgtheory.pages._kit.opening import stored_arrays
from sgtheory.pages._registry import ALL_PAGES


def main() -> None:
    """Compiles the picture of each page, and the table of the slider that plays."""
    for kind in ALL_PAGES.values():
        stored_arrays(kind())


if __name__ == "__main__":
    main()
