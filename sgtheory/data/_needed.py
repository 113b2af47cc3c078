import contextlib
from collections.abc import Iterator


@contextlib.contextmanager
def needed(package: str, purpose: str) -> Iterator[None]:
    """What is imported within it must be there. **Raises** `ImportError` where it is not: one sentence.

    >>> with needed("scikit-learn", "Latency digits come"):
    ...     import a_package_that_nobody_has
    Traceback (most recent call last):
    ImportError: Latency digits come with scikit-learn, which is not installed. Run `pip install sgtheory[data]`.
    """
    try:
        yield
    except ModuleNotFoundError as missing:
        raise ImportError(
            f"{purpose} with {package}, which is not installed. Run `pip install sgtheory[data]`."
        ) from missing
