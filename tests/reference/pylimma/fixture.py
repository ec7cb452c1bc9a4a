"""The variance prior of limma 3.62 and later, by pylimma, in an environment of its own.

pip install pylimma==0.2.0 && python fixture.py
"""

from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
import pylimma

rows, answers = [], []
for case, (prior_df, n) in enumerate([(4, 120), (10, 200), (50, 200), (1, 150)]):
    rng = np.random.default_rng(case)
    df = rng.integers(5, 16, n).astype(float)
    variance = 0.3 * prior_df / rng.chisquare(prior_df, n) * rng.chisquare(df) / df
    found = pylimma.squeeze_var(variance, df)
    rows.append(pd.DataFrame({"case": case, "variance": variance, "df": df}))
    answers.append(
        {
            "case": case,
            "df_prior": float(np.ravel(found["df_prior"])[0]),
            "var_prior": float(np.ravel(found["var_prior"])[0]),
        }
    )
folder = Path(__file__).parent
pd.concat(rows).to_csv(folder / "variances.csv", index=False)
pd.DataFrame(answers).to_csv(folder / "prior.csv", index=False)
(folder / "versions.txt").write_text(f"pylimma {version('pylimma')}\nnumpy {np.__version__}\n")
