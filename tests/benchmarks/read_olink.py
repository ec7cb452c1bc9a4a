"""Seconds and peak memory of reading a whole Explore HT project: 5400 assays x 1000 samples.

    python tests/benchmarks/read_olink.py [--samples 1000] [--assays 5400] [--peer PYTHON]

The files (csv and parquet, 5.4 million rows, the columns of an Explore HT export) are made in a
temporary folder. Each reading is a process of its own: its time from call to AnnData, and its peak
resident memory. Beside it stand pandas.read_csv and pandas.read_parquet alone, which leave a long
frame of rows. ``--peer`` names a Python that has another reader of Olink files (see PEERS).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import csv as arrow_csv

RUN = """
import json, resource, sys, time
{before}
start = time.perf_counter()
{call}
seconds = time.perf_counter() - start
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
print(json.dumps({{"seconds": round(seconds, 2), "peak_gb": round(peak, 2), "shape": str(shape)}}))
"""
OURS = "import exerkine_omics as exo; exo.io.read_olink; import pyarrow.csv, pyarrow.parquet"
CALLS = {
    "exo.io.read, csv": (OURS, "a = exo.io.read(r'{csv}'); shape = a.shape"),
    "exo.io.read, parquet": (OURS, "a = exo.io.read(r'{parquet}'); shape = a.shape"),
    "pandas.read_csv alone": (
        "import pandas as pd",
        "shape = pd.read_csv(r'{csv}', sep=';').shape",
    ),
    "pandas.read_parquet alone": (
        "import pandas as pd",
        "shape = pd.read_parquet(r'{parquet}').shape",
    ),
}
# omicverse 2.3's reader alone, without the rest of that package: pip install --no-deps omicverse
_STUB = """
import importlib.util, pathlib, sys, types
root = pathlib.Path(importlib.util.find_spec("omicverse").origin).parent
for name in ("omicverse", "omicverse.protein"):
    sys.modules[name] = types.ModuleType(name)
    sys.modules[name].__path__ = [str(root.joinpath(*name.split(".")[1:]))]
registry = sys.modules["omicverse._registry"] = types.ModuleType("omicverse._registry")
registry.register_function = lambda **k: lambda f: f
from omicverse.protein.io import read_olink_npx
"""
PEERS = {
    "omicverse read_olink_npx, csv": (_STUB, "shape = read_olink_npx(r'{csv}', sep=';').shape"),
}


def project(n_samples: int, n_assays: int) -> pa.Table:
    """Rows of samples by assays, sample after sample, as an Explore HT export has them."""
    rng = np.random.default_rng(7)
    n = n_samples * n_assays
    sample = np.repeat(np.arange(n_samples, dtype=np.int32), n_assays)
    assay = np.tile(np.arange(n_assays, dtype=np.int32), n_samples)
    block = assay // -(-n_assays // 8)
    plate = sample // 86

    def text(codes: np.ndarray, labels: list[str]) -> pa.Array:
        return pa.DictionaryArray.from_arrays(codes.astype(np.int32), labels).cast(pa.string())

    def same(word: str) -> pa.Array:
        return text(np.zeros(n), [word])

    npx = np.round(rng.normal(0.5, 1.5, n), 4)
    return pa.table({
        "SampleID": text(sample, [f"P{i:04d}" for i in range(n_samples)]),
        "SampleType": same("SAMPLE"),
        "WellID": text(sample % 86, [f"{'ABCDEFGH'[i % 8]}{i // 8 + 1}" for i in range(86)]),
        "PlateID": text(plate, [f"Run_Plate{i:02d}" for i in range(plate.max() + 1)]),
        "DataAnalysisRefID": text(block, [f"D{10001 + i}" for i in range(8)]),
        "OlinkID": text(assay, [f"OID{40000 + i}" for i in range(n_assays)]),
        "UniProt": text(assay, [f"Q{i:05d}" for i in range(n_assays)]),
        "Assay": text(assay, [f"GENE{i}" for i in range(n_assays)]),
        "AssayType": same("assay"),
        "Panel": same("Explore_HT"),
        "Block": text(block, [str(i + 1) for i in range(8)]),
        "Count": pa.array(rng.integers(0, 9000, n), pa.int32()),
        "ExtNPX": np.round(npx - 3, 4),
        "NPX": npx,
        "Normalization": same("Plate control"),
        "PCNormalizedNPX": npx,
        "AssayQC": text(rng.random(n) < 0.001, ["PASS", "WARN"]),
        "SampleQC": text((sample * 8 + block) % 97 == 0, ["PASS", "WARN"]),
        "ExploreVersion": same("6.0.0"),
        "LOD": np.round(rng.normal(-1, 0.1, n_assays), 4)[assay],
    })  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=1000)
    parser.add_argument("--assays", type=int, default=5400)
    parser.add_argument("--peer", help="a Python with one of PEERS installed")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        files = {"csv": Path(folder) / "ht.csv", "parquet": Path(folder) / "ht.parquet"}
        table = project(options.samples, options.assays)
        arrow_csv.write_csv(
            table, files["csv"], arrow_csv.WriteOptions(delimiter=";", quoting_style="needed")
        )
        meta = {"FileVersion": "1", "Product": "ExploreHT", "SampleMatrix": "EDTA Plasma"}
        pq.write_table(table.replace_schema_metadata(meta), files["parquet"])
        del table
        sizes = {k: round(p.stat().st_size / 1024**2) for k, p in files.items()}
        print(f"{options.samples * options.assays} rows; MB on disk: {sizes}")
        jobs = [(name, sys.executable, *call) for name, call in CALLS.items()]
        if options.peer:
            jobs += [(name, options.peer, *call) for name, call in PEERS.items()]
        for name, python, before, call in jobs:
            code = RUN.format(before=before, call=call.format(**files))
            done = subprocess.run([python, "-c", code], capture_output=True, text=True)
            line = done.stdout.strip().splitlines()[-1:] if done.returncode == 0 else []
            said = json.loads(line[0]) if line else f"failed: {done.stderr.strip()[-200:]}"
            print(f"{name:28} {said}")


if __name__ == "__main__":
    main()
