"""The worked example of singscore: ranks typed by hand, the rest exact fractions of them.

Run in this folder: ``python make_singscore.py``. Standard library only.
"""

from fractions import Fraction as F
from math import ceil, floor
from pathlib import Path
from statistics import median

FEATURES = "ABCDEFGHIJ"
VALUES = {
    "S1": "9.1 2.0 8.4 5.5 4.0 7.2 3.1 1.3 6.0 9.9",
    "S2": "3.0 7.7 4.1 1.2 9.4 2.6 5.8 8.3 6.9 0.5",
    "S3": "6.0 2.0 6.0 5.0 2.0 8.0 4.0 1.0 6.0 9.0",  # B = E, A = C = I
}
RANKS = {  # read off VALUES by hand, 1 = smallest
    ("average", "S1"): "9 2 8 5 4 7 3 1 6 10",
    ("average", "S2"): "4 8 5 2 10 3 6 9 7 1",
    ("average", "S3"): "7 2.5 7 5 2.5 9 4 1 7 10",
    ("min", "S1"): "9 2 8 5 4 7 3 1 6 10",
    ("min", "S2"): "4 8 5 2 10 3 6 9 7 1",
    ("min", "S3"): "6 2 6 5 2 9 4 1 6 10",
}
SETS = {  # members up, members down, members of unknown direction
    "up_down": ("ACF", "BH", ""),
    "up_only": ("ACF", "", ""),
    "unknown": ("", "", "ABDJ"),
}
N = len(FEATURES)
rows, ranks = [], []


def mean(r, members):
    return sum(r[f] for f in members) / len(members)


def bounds(k, n):
    return F(k + 1, 2), F(2 * n - k + 1, 2)


for (ties, sample), typed in RANKS.items():
    r = dict(zip(FEATURES, map(F, typed.split()), strict=True))
    ranks.append([ties, sample, *(float(v) for v in r.values())])
    for name, (up, down, unknown) in SETS.items():
        total = F(0)
        for part, members in (("up", up), ("down", down)):
            if not members:
                continue
            low, high = bounds(len(members), N)
            # the down set's rank is reversed, r -> N + 1 - r; its bounds are the same ones
            turned = {f: N + 1 - v for f, v in r.items()}
            raw = mean(r if part == "up" else turned, members)
            score = (raw - low) / (high - low) - F(1, 2)
            total += score
            rows.append([ties, sample, name, part, len(members), raw, low, high, score])
        if unknown:
            k = len(unknown)
            middle = ceil(median(r.values()))
            raw = mean({f: abs(v - middle) for f, v in r.items()}, unknown)
            low, high = bounds(floor(k / 2), ceil(N / 2))
            total = (raw - low) / (high - low)  # not centred
            rows.append([ties, sample, name, "unknown", k, raw, low, high, total])
            folded = {f: abs(v - F(N + 1, 2)) for f, v in r.items()}
            sizes = sorted(abs(F(2 * i - N - 1, 2)) for i in range(1, N + 1))
            low, high = sum(sizes[:k]) / k, sum(sizes[-k:]) / k
            raw = mean(folded, unknown)
            rows.append(
                [ties, sample, name, "unknown_exact", k, raw, low, high, (raw - low) / (high - low)]
            )
        rows.append([ties, sample, name, "total", len(up + down + unknown), "", "", "", total])


def write(name, header, lines):
    text = [
        ",".join(format(float(v), ".17g") if isinstance(v, F) else str(v) for v in line)
        for line in lines
    ]
    Path(name).write_text("\n".join([header, *text]) + "\n")


matrix = [[sample, *typed.split()] for sample, typed in VALUES.items()]
listed = [
    [name, f, direction]
    for name, parts in SETS.items()
    for part, direction in zip(parts, (1, -1, 0), strict=True)
    for f in part
]
write("singscore_matrix.csv", "," + ",".join(FEATURES), matrix)
write("singscore_ranks.csv", "ties,sample," + ",".join(FEATURES), ranks)
write("singscore_sets.csv", "set,feature,direction", listed)
write("singscore_scores.csv", "ties,sample,set,part,n_members,mean_rank,low,high,score", rows)
