"""Seconds of gseapy and decoupler: python scoring_peers.py FOLDER (called by scoring.py).

Needs a Python of 3.12 or later with gseapy and decoupler >= 2.3.
"""

import json
import sys
import time
from importlib.metadata import version
from pathlib import Path

import decoupler as dc
import gseapy
import pandas as pd

folder = Path(sys.argv[1])
values = pd.read_csv(folder / "matrix.csv", index_col=0)
sets = {line.split("\t")[0]: line.split()[1:] for line in open(folder / "sets.tsv")}
net = pd.read_csv(folder / "weights.csv")
options = {"min_size": 1, "max_size": 1000, "threads": 1}
times = int(sys.argv[2])


def wide(result: pd.DataFrame, column: str) -> pd.DataFrame:
    frame = result.pivot(index="Name", columns="Term", values=column).astype(float)
    return frame.loc[values.index]


def best(call, save: str, rounds: int = 3) -> float:
    seconds = []
    for _ in range(rounds):
        start = time.perf_counter()
        scores = call()
        seconds.append(time.perf_counter() - start)
    scores.loc[values.index].to_csv(folder / f"{save}.csv", float_format="%.17g")
    return min(seconds)


calls = {
    "gseapy ssgsea": lambda: wide(
        gseapy.ssgsea(values.T, sets, sample_norm_method="rank", **options).res2d, "NES"
    ),
    "gseapy gsva": lambda: wide(gseapy.gsva(values.T, sets, **options).res2d, "ES"),
    "decoupler ulm": lambda: dc.mt.ulm(data=values, net=net, tmin=1)[0],
    "decoupler gsva": lambda: dc.mt.gsva(data=values, net=net.assign(weight=1.0), tmin=1)[0],
}
found = {name: best(call, name.replace(" ", "_")) for name, call in calls.items()}
# compiled before it is timed; its random sets are permutations of all features
dc.mt.waggr(data=values.iloc[:5], net=net, tmin=1, fun="wmean", times=2)
found["decoupler waggr"] = best(
    lambda: dc.mt.waggr(data=values, net=net, tmin=1, fun="wmean", times=times)[0],
    "decoupler_waggr",
    rounds=1,
)
versions = {name: version(name) for name in ("gseapy", "decoupler")}
(folder / "peers.json").write_text(json.dumps({"seconds": found, "versions": versions}))
