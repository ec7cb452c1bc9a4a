"""Robust and trended priors of limma 3.62 and later, by pylimma, in its own environment.

pip install pylimma==0.2.0 && python newer.py
"""

from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
import pylimma

folder = Path(__file__).parent
given = pd.read_csv(folder / "prior_variances.csv").dropna()
answers = []
for case in (2, 3):
    data = given[(given["case"] == case) & (given["df"] > 0)]
    found = pylimma.squeeze_var(data["variance"].to_numpy(), data["df"].to_numpy(), robust=True)
    frame = pd.DataFrame({"case": case, "df_prior": np.broadcast_to(found["df_prior"], len(data))})
    answers.append(frame.assign(var_prior=found["var_prior"]).round(6))
pd.concat(answers).to_csv(folder / "newer.csv", index=False)
answers = []
for case in (2, 3):
    for robust in (False, True):
        data = given[(given["case"] == case) & (given["df"] > 0)]
        variance, df, level = (data[k].to_numpy() for k in ("variance", "df", "level"))
        found = pylimma.squeeze_var(variance, df, covariate=level, robust=robust)
        frame = pd.DataFrame({"case": case, "robust": robust, "var_prior": found["var_prior"]})
        answers.append(
            frame.assign(df_prior=np.broadcast_to(found["df_prior"], len(data))).round(6)
        )
pd.concat(answers).to_csv(folder / "newer_trend.csv", index=False)
(folder / "newer_versions.txt").write_text(f"pylimma {version('pylimma')}\n")
