"""Counts behind the decision curve of the dcurves tutorial: 750 people, 105 with cancer.

Run in this folder, with dcurves installed: python fixture.py
"""

import sys
from importlib.metadata import version
from importlib.resources import files

import pandas as pd
from dcurves import dca

MODELS = ["famhistory", "cancerpredmarker"]
THRESHOLDS = [0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35]

people = pd.read_csv(files("dcurves") / "data" / "df_binary.csv")
found = dca(data=people, outcome="cancer", modelnames=MODELS, thresholds=THRESHOLDS)
rows = []
for model in MODELS:
    for t in THRESHOLDS:
        positive = people[model] >= t
        tp, fp = int((positive & people["cancer"]).sum()), int((positive & ~people["cancer"]).sum())
        theirs = found[(found["model"] == model) & (found["threshold"] == t)].iloc[0]
        if round(theirs["tp_rate"] * 750) != tp or round(theirs["fp_rate"] * 750) != fp:
            raise SystemExit(f"{model} at {t}: other counts than dcurves")
        rows.append((model, t, tp, fp, theirs["net_benefit"]))
pd.DataFrame(rows, columns=["model", "threshold", "tp", "fp", "net_benefit"]).to_csv(
    "counts.csv", index=False
)
with open("versions.txt", "w") as file:
    print(f"Python {sys.version.split()[0]}", file=file)
    for name in ("dcurves", "pandas"):
        print(name, version(name), file=file)
