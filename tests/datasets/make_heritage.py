"""Make files of the published HERITAGE layout; no value in them is a person's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from openpyxl import Workbook

PEOPLE, ANALYTES = "HERITAGE_proteomics_somalogic.xlsx", "HERITAGE_somalogic_analytes.xlsx"
# the last one seen in public code to the letter, the others by what they contain
CLINICAL = ("Family", "Age", "Sex", "BMI", "Race", "Body fat (%)", "Fat-free mass (kg)",
            "Baseline VO2MX (ml/min)", "Delta VO2MX (ml/min)")  # fmt: skip
Rows = list[list[Any]]


def rows(n: int = 40, p: int = 8, seed: int = 0, later: bool = True) -> tuple[Rows, Rows]:
    """Rows of the people's and of the analytes' worksheet, headers in the fourth and first row.

    Analyte k is column ``B<k>`` before training; with ``later`` the columns ``P<k>`` and ``R<k>``
    of after training and of the response stand between them, and hold the change of VO2max.
    """
    rng = np.random.default_rng(seed)
    family = np.arange(n) // 3
    woman = rng.random(n) < 0.5
    pre = np.round(2600 - 700 * woman + 350 * rng.standard_normal(n))
    change = np.round(390 + 190 * rng.standard_normal(n))
    log = rng.standard_normal((n, p)) + 10
    # one protein tells half of the variance of the response
    log[:, 0] += (change - 390) / 190
    header = list(CLINICAL)
    columns: list[list[Any]] = [
        [f"F{k}" for k in family],
        [int(a) for a in rng.integers(17, 65, n)],
        ["Female" if w else "Male" for w in woman],
        [round(float(b), 1) for b in rng.normal(26, 4, n)],
        [["Black", "White"][k % 2] for k in family],
        [round(float(b), 1) for b in rng.normal(28, 8, n)],
        [round(float(b), 1) for b in rng.normal(54, 9, n)],
        pre.tolist(),
        change.tolist(),
    ]
    for k in range(p):
        names = [f"B{k}", f"P{k}", f"R{k}"] if later else [f"B{k}"]
        header += names
        rfu = np.round(2 ** log[:, k], 1)
        columns += [rfu.tolist(), (rfu + change).tolist(), change.tolist()][: len(names)]
    people: Rows = [["HERITAGE Family Study"], ["Plasma proteomics, RFU"], [], header]
    people += [list(r) for r in zip(*columns, strict=True)]
    analytes: Rows = [
        ["Baseline", "Post-training", "Response", "SomaId", "SeqId", "TargetFullName", "UniProt",
         "EntrezGeneSymbol"],
    ]  # fmt: skip
    for k in range(p):
        accession = "P29459 P29460" if k == 1 else f"P0000{k}"
        analytes.append([f"B{k}", f"P{k}", f"R{k}", f"SL{k:06d}", f"{2500 + k}-{k + 1}_3",
                         f"Protein {k}", accession, f"GENE{k}"])  # fmt: skip
    return people, analytes


def write(
    folder: Path,
    change: Callable[[Rows, Rows], object] | None = None,
    **options: Any,
) -> Path:
    """Write both workbooks into ``folder/heritage_proteomics``; ``change`` edits the rows first."""
    people, analytes = rows(**options)
    if change is not None:
        change(people, analytes)
    target = folder / "heritage_proteomics"
    target.mkdir(parents=True, exist_ok=True)
    for name, table in ((PEOPLE, people), (ANALYTES, analytes)):
        book = Workbook()
        sheet = book.active
        for row in table:
            sheet.append(row)
        book.save(target / name)
    return folder


if __name__ == "__main__":
    import sys

    write(Path(sys.argv[1]), n=300, p=60)
