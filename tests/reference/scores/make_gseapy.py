"""ssGSEA and GSVA by gseapy on matrix.csv and sets.csv, and the distance to GSVA's answers.

Run in this folder, in an environment that has gseapy: ``python make_gseapy.py``.
"""

from importlib.metadata import version
from pathlib import Path

import gseapy
import pandas as pd

x = pd.read_csv("matrix.csv", index_col=0)  # samples x features
members = pd.read_csv("sets.csv")
sets = {name: list(rows["feature"]) for name, rows in members.groupby("set", sort=False)}
options = {"outdir": None, "min_size": 1, "max_size": 1000, "threads": 1}


def frame(answer, column):
    wide = answer.res2d.pivot(index="Name", columns="Term", values=column)
    return wide.loc[x.index, list(sets)].astype(float).rename_axis(index=None, columns=None)


# 13 digits: gseapy adds a set's members in an order that differs from run to run
answers = {}
for suffix, weight in {"": 0.25, "_tau1": 1.0}.items():
    # "rank" scales the ranks by 10000 / p, which cancels: ES is raw, NES normalised
    scored = gseapy.ssgsea(x.T, sets, sample_norm_method="rank", weight=weight, **options)
    answers[f"ssgsea{suffix}_raw"] = frame(scored, "ES")
    if weight == 0.25:
        answers["ssgsea"] = frame(scored, "NES")
for name, changes in {
    "gsva": {},
    "gsva_max": {"mx_diff": False},
    "gsva_abs": {"abs_rnk": True},
    "gsva_tau025": {"weight": 0.25},
}.items():
    answers[name] = frame(gseapy.gsva(x.T, sets, kcdf="Gaussian", **changes, **options), "ES")

lines = []
for name, answer in answers.items():
    answer.to_csv(f"gseapy_{name}.csv", float_format="%.13g")
    r = pd.read_csv(f"{name}.csv", index_col=0)
    lines.append(f"{name},{(answer - r[list(sets)]).abs().to_numpy().max():.0e}")
Path("gseapy_distance.csv").write_text(
    "answer,largest_difference_to_gsva\n" + "\n".join(lines) + "\n"
)
Path("versions_gseapy.txt").write_text(f"gseapy {version('gseapy')}\n")
