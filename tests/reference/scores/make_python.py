"""Scores of gseapy and decoupler for the matrix and sets in this folder.

Run in this folder with Python 3.12 or later, gseapy and decoupler installed, after make.R.
"""

import sys

import decoupler as dc
import gseapy
import numpy as np
import pandas as pd

values = pd.read_csv("matrix.csv", index_col=0)
sets = {line.split("\t")[0]: line.split()[1:] for line in open("sets.tsv")}


def save(frame: pd.DataFrame, name: str) -> None:
    frame.loc[values.index].to_csv(name, float_format="%.17g")


def wide(result: pd.DataFrame, column: str) -> pd.DataFrame:
    frame = result.pivot(index="Name", columns="Term", values=column).astype(float)
    return frame.rename_axis(index=None, columns=None)


options = {"min_size": 1, "max_size": 1000, "threads": 1}
es = gseapy.ssgsea(values.T, sets, sample_norm_method="rank", **options).res2d
save(wide(es, "ES"), "gseapy_ssgsea_raw.csv")
save(wide(es, "NES"), "gseapy_ssgsea.csv")
save(wide(gseapy.gsva(values.T, sets, **options).res2d, "ES"), "gseapy_gsva.csv")

# signed weights for decoupler: the members in turn +1, -1, +2, -0.5
turn = [1.0, -1.0, 2.0, -0.5]
net = pd.DataFrame(
    [
        {"source": name, "target": member, "weight": turn[i % 4]}
        for name, members in sets.items()
        for i, member in enumerate(members)
    ]
)
net.to_csv("weights.csv", index=False)
score, p_value = dc.mt.ulm(data=values, net=net, tmin=1)
save(score, "decoupler_ulm.csv")
score, _ = dc.mt.waggr(data=values, net=net, tmin=1, fun="wmean", times=0)
save(score, "decoupler_waggr.csv")
with open("versions_python.txt", "w") as file:
    python = ".".join(str(v) for v in sys.version_info[:3])
    print(f"Python {python}", f"numpy {np.__version__}", sep="\n", file=file)
    print(f"gseapy {gseapy.__version__}", f"decoupler {dc.__version__}", sep="\n", file=file)
