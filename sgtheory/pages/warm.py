"""`python -m sgtheory.pages.warm` computes every page once, so that a persistent compile cache has what they need."""

from sgtheory.pages._registry import ALL_PAGES


def main() -> None:
    """Compiles each page's picture and the table of the slider that plays."""
    for kind in ALL_PAGES.values():
        kind().stored()


if __name__ == "__main__":
    main()
