"""Plain tables that hold matrix and sheet in one file, in several dialects."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd


def files() -> dict[str, bytes]:
    rng = np.random.default_rng(5)
    people = [f"P{i:02d}" for i in range(1, 7)]
    sheet = pd.DataFrame(
        [(f"{p}_{v}", p, v) for p in people for v in ("pre", "post")],
        columns=["sample_id", "who", "visit"],
    )
    values = pd.DataFrame(
        rng.normal(5, 1, (len(sheet), 4)).round(4), columns=["IL6", "MSTN", "12,13-DiHOME", "BDNF"]
    )
    values.iloc[2, 1] = np.nan
    table = pd.concat([sheet, values], axis=1)
    excel, parquet = io.BytesIO(), io.BytesIO()
    table.to_excel(excel, index=False)
    table.to_parquet(parquet, write_page_checksum=True)
    return {
        "table_comma.csv": table.to_csv(index=False).encode(),
        "table_german.csv": b"\xef\xbb\xbf"
        + table.to_csv(index=False, sep=";", decimal=",").encode(),
        "table.tsv": table.to_csv(index=False, sep="\t").encode(),
        "table.xlsx": excel.getvalue(),
        "table.parquet": parquet.getvalue(),
    }
