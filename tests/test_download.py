"""Downloads of spoken digits, from a server that runs here: what arrives whole, and all that can go wrong."""

import contextlib
import gzip
import hashlib
import http.server
import sys
import threading

import numpy as np
import pytest

from sgtheory.data import DataError, download_spoken_digits

NAMES = ("shd_train.h5", "shd_test.h5")
CONTENTS = {name: np.random.default_rng(k).bytes(300_000) + bytes(200_000) for k, name in enumerate(NAMES)}
PACKED = {f"/{name}.gz": gzip.compress(data) for name, data in CONTENTS.items()}


def sums(files):
    """What the program `md5sum` prints; other files are in the list, too."""
    lines = [f"{hashlib.md5(data).hexdigest()}  {path[1:]}" for path, data in files.items()]
    return "\n".join(["0" * 32 + " *other.h5.gz", *lines, ""]).encode()


PUBLISHED = {**PACKED, "/md5sums.txt": sums(PACKED)}


@contextlib.contextmanager
def serving(files, claims=None):
    """An address where these files are; `claims` says how long some pretend to be. And the paths that were asked for."""
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            if self.path not in files:
                self.send_error(404)
                return
            data = files[self.path]
            self.send_response(200)
            self.send_header("Content-Length", str((claims or {}).get(self.path, len(data))))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}", asked
        finally:
            server.shutdown()
            thread.join()


def test_both_files_arrive_unpacked_and_are_not_fetched_twice(tmp_path, capsys):
    with serving(PUBLISHED) as (address, asked):
        files = download_spoken_digits(tmp_path / "new" / "folder", address=address)
        assert {file.name: file.read_bytes() for file in files} == CONTENTS
        assert sorted(path.name for path in files[0].parent.iterdir()) == sorted(NAMES)
        assert asked == ["/md5sums.txt", "/shd_train.h5.gz", "/shd_test.h5.gz"]
        told = capsys.readouterr().err
        assert "shd_train.h5: 100%" in told
        assert "shd_test.h5: 100%" in told
        asked.clear()
        assert download_spoken_digits(files[0].parent, address=address) == files
        assert asked == []  # nothing is needed, and nobody is asked


def test_only_what_is_absent_is_fetched(tmp_path, capsys):
    (tmp_path / "shd_train.h5").write_text("mine")
    with serving(PUBLISHED) as (address, asked):
        download_spoken_digits(str(tmp_path), address=address, bar=False)
    assert asked == ["/md5sums.txt", "/shd_test.h5.gz"]
    assert (tmp_path / "shd_train.h5").read_text() == "mine"
    assert (tmp_path / "shd_test.h5").read_bytes() == CONTENTS["shd_test.h5"]
    assert capsys.readouterr().err == ""


TRAIN = "/shd_train.h5.gz"
OTHER = gzip.compress(b"another file")
CUT = PACKED[TRAIN][:100_000]
TEXT = b"<html>Come back later.</html>"
FAULTS = {
    "a wrong checksum": ({**PUBLISHED, TRAIN: OTHER}, {}, f"or a part of it, {len(OTHER)} bytes"),
    "a file that is cut off": ({**PUBLISHED, TRAIN: CUT}, {}, "or a part of it, 100000 bytes"),
    "a connection that is cut off": (
        {**PUBLISHED, TRAIN: CUT},
        {TRAIN: len(PACKED[TRAIN])},
        r"or a part of it, 100000 bytes|IncompleteRead",
    ),
    "bytes that are damaged": (
        {**PUBLISHED, TRAIN: PACKED[TRAIN][:5000] + b"?" + PACKED[TRAIN][5001:]},
        {},
        "or a part of it",
    ),
    "no packed file": ({**PUBLISHED, TRAIN: TEXT}, {}, "or a part of it"),
    "no packed file, but with its checksum": (
        {**PUBLISHED, TRAIN: TEXT, "/md5sums.txt": sums({TRAIN: TEXT})},
        {},
        "must be a packed file",
    ),
    "no such file": (
        {"/md5sums.txt": PUBLISHED["/md5sums.txt"]},
        {},
        r"shd_train.h5.gz` must be there to be downloaded, but it cannot be had \(HTTP Error 404: Not Found\)",
    ),
    "no list": (PACKED, {}, r"md5sums.txt` must be there to be downloaded, .* 404"),
    "a list without it": (
        {**PUBLISHED, "/md5sums.txt": b"\xff nothing\n"},
        {},
        "must name `shd_train.h5.gz`, but it does",
    ),
}


@pytest.mark.parametrize(("files", "claims", "sentence"), FAULTS.values(), ids=FAULTS)
def test_what_is_not_the_published_file_is_refused_and_leaves_nothing(files, claims, sentence, tmp_path):
    with serving(files, claims) as (address, _), pytest.raises(DataError, match=sentence) as refusal:
        download_spoken_digits(tmp_path, address=address, bar=False)
    assert "\n" not in str(refusal.value)
    assert list(tmp_path.iterdir()) == []


def test_a_fault_of_the_second_file_leaves_the_first(tmp_path):
    files = {**PUBLISHED, "/shd_test.h5.gz": OTHER}
    with serving(files) as (address, _), pytest.raises(DataError, match="MD5 sum"):
        download_spoken_digits(tmp_path, address=address, bar=False)
    assert [path.name for path in tmp_path.iterdir()] == ["shd_train.h5"]


@pytest.mark.parametrize("address", ["http://127.0.0.1:1", "no address"])
def test_an_address_that_does_not_answer_is_refused_in_one_sentence(address, tmp_path):
    with pytest.raises(
        DataError, match=r"must be there to be downloaded, but it cannot be had \(.*\)\..* another `address`"
    ):
        download_spoken_digits(tmp_path, address=address, bar=False)


def test_a_folder_that_cannot_be_written_is_no_fault_of_the_address(tmp_path):
    (tmp_path / "taken").write_text("a file")
    with serving(PUBLISHED) as (address, _), pytest.raises(OSError, match="taken"):
        download_spoken_digits(tmp_path / "taken", address=address, bar=False)


def test_a_bar_without_its_package_is_refused_and_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    with (
        serving(PUBLISHED) as (address, _),
        pytest.raises(ImportError, match=r"with tqdm, .* `pip install sgtheory\[data"),
    ):
        download_spoken_digits(tmp_path, address=address)
    assert list(tmp_path.iterdir()) == []
