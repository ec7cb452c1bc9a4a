"""Seconds and values of read_adat against somadata: python read_adat.py [FILE ...] --peers PYTHON.

Without files: the .adat files under EXERKINE_DATA_DIR and the 192 x 5284 example, written as an
ADAT first. PYTHON is an interpreter with somadata; both read in turn, in processes of their own
that stay, so that neither pays for imports. Prints a table: seconds (best of ``--rounds``), peer's
seconds or its error, whether values and metadata agree, and whether each writes the file back to
the byte.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

import exerkine_omics as exo

_PEER = r"""
import json, sys, time, warnings, logging, hashlib
warnings.simplefilter("ignore"); logging.disable(logging.CRITICAL)
import numpy as np, somadata
print(json.dumps({"version": __import__("importlib.metadata").metadata.version("somadata")}))
sys.stdout.flush()
for line in sys.stdin:
    path, out = json.loads(line)
    try:
        start = time.perf_counter(); adat = somadata.read_adat(path)
        seconds = time.perf_counter() - start
        np.save(out + ".npy", np.asarray(adat, dtype=float))
        rows = {n: list(map(str, adat.index.get_level_values(n))) for n in adat.index.names}
        columns = {n: list(map(str, adat.columns.get_level_values(n))) for n in adat.columns.names}
        json.dump([rows, columns], open(out + ".json", "w"))
        start = time.perf_counter()
        adat.to_adat(out + ".adat")
        answer = {"seconds": seconds, "write": time.perf_counter() - start}
    except Exception as error:
        answer = {"error": f"{type(error).__name__}: {error}"[:60]}
    print(json.dumps(answer)); sys.stdout.flush()
"""


def main() -> None:
    """Read each file with both, in turn."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("files", nargs="*", type=Path)
    options.add_argument("--peers", help="python with somadata")
    options.add_argument("--rounds", type=int, default=3)
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = given.files or [*sorted(_found()), _example(folder / "example_192.adat")]
        peer = None
        if given.peers:
            peer = subprocess.Popen(
                [given.peers, "-c", _PEER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
            version = json.loads(peer.stdout.readline())["version"]
            sys.stdout.write(f"somadata {version}\n")
        table = pd.DataFrame([_compare(f, folder, peer, given.rounds) for f in files])
        if peer:
            peer.stdin.close()
            peer.wait()
    sys.stdout.write(table.to_string(index=False) + "\n")


def _compare(path: Path, folder: Path, peer: subprocess.Popen | None, rounds: int) -> dict:
    ours, theirs = [], []
    out = str(folder / "peer")
    for _ in range(rounds):
        start = time.perf_counter()
        try:
            adata = exo.io.read(path)
        except exo.errors.InputError as error:
            adata, said = None, str(error).split(" (in ")[0]
        ours.append(time.perf_counter() - start)
        if peer:
            peer.stdin.write(json.dumps([str(path), out]) + "\n")
            peer.stdin.flush()
            theirs.append(json.loads(peer.stdout.readline()))
    row: dict = {"file": path.name}
    if adata is None:
        row |= {"ours": said}
    else:
        start = time.perf_counter()
        exo.io.write(adata, folder / "own.adat")
        row |= {
            "ours": f"{min(ours):.3f}",
            "write": f"{time.perf_counter() - start:.3f}",
            "to the byte": (folder / "own.adat").read_bytes() == path.read_bytes(),
        }
    if not peer:
        return row
    if "error" in theirs[-1]:
        return row | {"somadata": theirs[-1]["error"]}
    row |= {
        "somadata": f"{min(t['seconds'] for t in theirs):.3f}",
        "its write": f"{min(t['write'] for t in theirs):.3f}",
        "its bytes": Path(out + ".adat").read_bytes() == path.read_bytes(),
    }
    if adata is not None:
        row["values equal"] = np.array_equal(np.load(out + ".npy"), adata.X, equal_nan=True)
        row["metadata differ"] = _differ(adata, *json.loads(Path(out + ".json").read_text()))
    return row


def _differ(adata: object, rows: dict, columns: dict) -> str:
    """Names of row and column data that the peer reads otherwise."""
    wrong = []
    for frame, texts in ((adata.obs, rows), (adata.var, columns)):
        for name, theirs in texts.items():
            if name not in frame:
                wrong.append(name)
                continue
            column = frame[name]
            if pd.api.types.is_numeric_dtype(column):
                same = np.array_equal(
                    column.to_numpy(float), pd.to_numeric(pd.Series(theirs)), equal_nan=True
                )
            else:
                own = column.astype(object).where(column.notna(), "").astype(str)
                same = own.tolist() == theirs
            if not same:
                wrong.append(name)
    return ", ".join(wrong)


def _found() -> list[Path]:
    return list(Path(os.environ["EXERKINE_DATA_DIR"]).glob("**/*.adat"))


def _example(path: Path) -> Path:
    """Write the plain tables of the 192 x 5284 example as an ADAT."""
    folder = Path(os.environ["EXERKINE_DATA_DIR"]) / "somascan_example"
    with gzip.open(folder / "example_data_full_rfu.csv.gz") as stream:
        matrix = pd.read_csv(stream, index_col=0)
    obs = pd.read_csv(folder / "example_data_full_samples.csv", index_col=0, dtype=str)
    var = pd.read_csv(folder / "example_data_full_aptamers.csv", index_col=0, dtype=str)
    sheet = obs.assign(who=obs.index, when="once")
    adata = exo.io.from_frames(
        matrix, sheet, var, subject="who", timepoint="when", baseline="once", units="RFU",
        modality="proteomics", matrix_type="plasma_edta",
    )  # fmt: skip
    adata.var_names = adata.var["SeqId"].tolist()
    adata.obs = adata.obs.drop(columns=["subject_id", "timepoint"])
    exo.io.write(adata, path)
    return path


if __name__ == "__main__":
    main()
