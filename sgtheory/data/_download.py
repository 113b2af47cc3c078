import contextlib
import gzip
import hashlib
import http.client
import pathlib
import shutil
import urllib.error
import urllib.request
import zlib
from collections.abc import Iterator
from typing import Any

from sgtheory.data._needed import needed
from sgtheory.data._spoken_digits import DataError

ADDRESS = "https://zenkelab.org/datasets"
"""Where Spiking Heidelberg Digits are published, with the MD5 sums of their files in `md5sums.txt`."""

PARTS = ("train", "test")
SECONDS = 60
"""How long a server may say nothing."""


def download_spoken_digits(
    folder: str | pathlib.Path, *, address: str = ADDRESS, bar: bool = True
) -> tuple[pathlib.Path, ...]:
    """Downloads Spiking Heidelberg Digits, `shd_train.h5` and `shd_test.h5`, and returns where they lie.

    A file that is there stays as it is. Each other one is unpacked while it arrives, held to its published MD5 sum, and
    has its name only when it is whole; a download that was stopped begins anew.

    **Arguments:** `folder`, made where there is none; `address`, where the files and the list of their sums are, for a
    mirror; `bar`, whether progress is shown.
    **Raises** `DataError` for an address that does not answer, and for a file that is not the published one: one sentence,
    and nothing is left of that file; `ImportError` where a bar is wanted and tqdm is not installed.
    **Source:** Cramer et al. (2022); the files are at https://zenkelab.org/datasets/, together some hundred megabytes.

    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in ("shd_train.h5", "shd_test.h5"):
    ...         pathlib.Path(folder, name).touch()  # as if they had been downloaded before
    ...     print(*(file.name for file in download_spoken_digits(folder)))
    shd_train.h5 shd_test.h5
    """
    files = tuple(pathlib.Path(folder) / f"shd_{part}.h5" for part in PARTS)
    absent = [file for file in files if not file.exists()]
    if absent:
        sums = _published_sums(address)
        for file in absent:
            packed = f"{file.name}.gz"
            if packed not in sums:
                raise DataError(
                    f"`{address}/md5sums.txt` must name `{packed}`, but it does not. Name another `address`."
                )
            file.parent.mkdir(parents=True, exist_ok=True)
            _fetch(f"{address}/{packed}", file, sums[packed], bar)
    return files


def _published_sums(address: str) -> dict[str, str]:
    """Name of a file → its MD5 sum, as the program `md5sum` writes them."""
    listed = f"{address}/md5sums.txt"
    with _answering(listed), urllib.request.urlopen(listed, timeout=SECONDS) as response:
        lines = response.read().decode("utf-8", errors="replace").splitlines()
    words = [line.split() for line in lines]
    return {name.lstrip("*"): number.lower() for number, name in (each for each in words if len(each) == 2)}


def _fetch(address: str, file: pathlib.Path, expected: str, bar: bool) -> None:
    """Downloads and unpacks one file."""
    with _answering(address):
        response = urllib.request.urlopen(address, timeout=SECONDS)
    part = file.with_name(file.name + ".part")
    try:
        with response, _bar(response, file.name) if bar else contextlib.nullcontext() as progress:
            arriving = _Arriving(response, address, progress)
            unpacked = _unpack(arriving, part)
        if not unpacked or arriving.sum.hexdigest() != expected:
            raise DataError(
                f"`{address}` must be a packed file with the MD5 sum {expected}, but what arrived is another one or a part of "
                f"it, {arriving.count} bytes. Download it again."
            )
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)


def _unpack(arriving: "_Arriving", part: pathlib.Path) -> bool:
    """Writes what arrives, unpacked; returns whether it could be unpacked to its end."""
    with part.open("wb") as file:
        try:
            shutil.copyfileobj(gzip.GzipFile(fileobj=arriving), file)  # pyright: ignore[reportArgumentType]
        except (EOFError, gzip.BadGzipFile, zlib.error):
            return False
    return True


class _Arriving:
    """A response as it is read: how many bytes it had so far, and their MD5 sum."""

    def __init__(self, response: Any, address: str, progress: Any):
        self.response, self.address, self.progress = response, address, progress
        self.count, self.sum = 0, hashlib.md5(usedforsecurity=False)

    def read(self, size: int = -1) -> bytes:
        with _answering(self.address):
            data = self.response.read(size)
        self.count += len(data)
        self.sum.update(data)
        if self.progress is not None:
            self.progress.update(len(data))
        return data


@contextlib.contextmanager
def _answering(address: str) -> Iterator[None]:
    """What is asked within it must be answered. **Raises** `DataError` where it is not: one sentence."""
    try:
        yield
    except (OSError, ValueError, http.client.HTTPException) as fault:
        if isinstance(fault, urllib.error.HTTPError):
            fault.close()  # it holds the connection
        said = " ".join(str(fault).split())
        raise DataError(
            f"`{address}` must be there to be downloaded, but it cannot be had ({said}). Try again later, or name another "
            "`address`."
        ) from fault


def _bar(response: Any, name: str) -> Any:
    with needed("tqdm", "Downloads are shown"):
        from tqdm.auto import tqdm

    length = response.headers.get("Content-Length")
    return tqdm(total=None if length is None else int(length), desc=name, unit="B", unit_scale=True)
