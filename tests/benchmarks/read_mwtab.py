"""Values of read_mwtab against the mwtab library: python read_mwtab.py --peers PYTHON [FILE ...]

Without files: those of mwtab_examples under EXERKINE_DATA_DIR. PYTHON is an interpreter with mwtab
installed. Prints a line a file: how many values agree, or how each of the two refuses it; exits
with 1 if a value differs.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

import exerkine_omics as exo

_PEER = r"""
import json, sys, mwtab
out = {}
for path in sys.argv[1:]:
    try:
        read = next(iter(mwtab.read_files(path)))
        study = read if hasattr(read, "keys") else next(r for r in read if hasattr(r, "keys"))
        kind = next(k for k in study if k.endswith("_METABOLITE_DATA") or k == "NMR_BINNED_DATA")
        out[path] = {"data": [dict(row) for row in study[kind]["Data"]]}
    except BaseException as error:
        out[path] = {"error": f"{type(error).__name__}"}
print(json.dumps(out, default=str))
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--peers", required=True, help="Python with mwtab")
    options = parser.parse_args()
    folder = Path(os.environ.get("EXERKINE_DATA_DIR", ".")) / "mwtab_examples" / "original"
    files = options.files or sorted(folder.glob("ST*"))
    done = subprocess.run(
        [options.peers, "-c", _PEER, *map(str, files)], capture_output=True, text=True, check=True
    )
    peers = json.loads(done.stdout.splitlines()[-1])
    wrong = 0
    for path in files:
        theirs = peers[str(path)]
        try:
            frame = exo.io.read(path).to_df()
        except exo.errors.InputError as error:
            print(f"{path.name}: ours refuses ({error.what}); mwtab {theirs.get('error', 'reads')}")
            continue
        if "error" in theirs:
            print(f"{path.name}: ours {frame.shape}; mwtab {theirs['error']}")
            continue
        equal = differ = 0
        seen: dict[str, int] = {}
        for row in theirs["data"]:
            name = str(next(iter(row.values())))
            seen[name] = seen.get(name, 0) + 1
            name = name if seen[name] == 1 else f"{name}|{seen[name]}"
            for sample, text in list(row.items())[1:]:
                try:
                    value = float(text)
                except ValueError:
                    value = np.nan
                ours = frame.loc[sample, name] if name in frame else np.nan
                same = ours == value or (np.isnan(ours) and np.isnan(value))
                equal, differ = equal + same, differ + (not same)
        wrong += differ
        print(f"{path.name}: {equal} values equal, {differ} differ")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
