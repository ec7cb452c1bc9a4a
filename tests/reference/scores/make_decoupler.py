"""ULM, weighted mean and z score by decoupler on matrix.csv with signed, weighted sets.

Run in this folder, in an environment that has decoupler >= 2.3: ``python make_decoupler.py``.
Each set is scored in a call of its own: decoupler returns p adjusted (Benjamini-Hochberg) over the
sets of one sample only, and adjusting one p leaves it as it is.
"""

from importlib.metadata import version
from pathlib import Path

import decoupler as dc
import numpy as np
import pandas as pd

x = pd.read_csv("matrix.csv", index_col=0)  # samples x features
rng = np.random.default_rng(20260203)
features = list(x.columns)


def pick(size):
    return list(rng.choice(features, size, replace=False))


chosen = {
    "signed_trend": (features[:6] + features[60:66], [1.0] * 6 + [-1.0] * 6),
    "weighted": (pick(12), rng.uniform(0.1, 3, 12).round(3)),
    "signed_weighted": (pick(20), (rng.normal(0, 1, 20)).round(3)),
    "all_negative": (pick(8), [-1.0] * 8),
    "unsigned": (pick(15), [1.0] * 15),
    "three": (pick(3), [2.0, -0.5, 1.0]),
}
net = pd.concat(
    pd.DataFrame({"source": name, "target": targets, "weight": np.asarray(weights, float)})
    for name, (targets, weights) in chosen.items()
)
net.rename(columns={"source": "set", "target": "feature"}).to_csv("signed_sets.csv", index=False)

centred = x - x.mean()  # what a user should score: features on one level
calls = {
    "ulm": (dc.mt.ulm, {}),
    "zscore_rokai": (dc.mt.zscore, {"flavor": "RoKAI"}),
    "zscore_ksea": (dc.mt.zscore, {"flavor": "KSEA"}),
    "wmean": (dc.mt.waggr, {"fun": "wmean", "times": 0}),
    "wmean_z": (dc.mt.waggr, {"fun": "wmean", "times": 5000, "seed": 1}),
}


def score(data, method, options):
    scores, p = {}, {}
    for name in chosen:
        es, pv = method(data, net[net["source"] == name], tmin=1, **options)
        scores[name], p[name] = es[name], pv[name]
    return pd.DataFrame(scores), pd.DataFrame(p)


for prefix, data in {"": x, "centred_": centred}.items():
    for name, (method, options) in calls.items():
        scores, p = score(data, method, options)
        scores.to_csv(f"decoupler_{prefix}{name}.csv", float_format="%.17g")
        if name in ("ulm", "wmean_z") or (name == "zscore_rokai" and not prefix):
            p.to_csv(f"decoupler_{prefix}{name}_p.csv", float_format="%.17g")
adjusted = dc.mt.ulm(x, net, tmin=1)[1][list(chosen)]
adjusted.to_csv("decoupler_ulm_p_adj.csv", float_format="%.17g")
coefficient, _ = dc.mt.ulm(x, net, tmin=1, tval=False)
coefficient[list(chosen)].to_csv("decoupler_ulm_coefficient.csv", float_format="%.17g")
Path("versions_decoupler.txt").write_text(
    f"decoupler {version('decoupler')}\nnumpy {version('numpy')}\nscipy {version('scipy')}\n"
)
