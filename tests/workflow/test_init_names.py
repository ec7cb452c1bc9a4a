"""A first config for a folder: whatever the files are called, what is written reads back."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from exerkine_omics import workflow
from exerkine_omics.errors import InputError, UsageError
from exerkine_omics.workflow._init import init_config
from exerkine_omics.workflow._inputs import load_cohort


def fill(folder: Path, sheet: str = "sheet.csv", data: str = "data.csv", **columns: object) -> None:
    ids = [f"s{i}" for i in range(12)]
    values = np.random.default_rng(0).normal(5, 1, (12, 8))
    folder.mkdir(exist_ok=True)
    pd.DataFrame(values, ids, [f"G{i}" for i in range(8)]).to_csv(folder / data)
    people = [f"P{i // 2}" for i in range(12)]
    frame = {"subject_id": people, "timepoint": ["pre", "post"] * 6, **columns}
    pd.DataFrame({"sample_id": ids, **frame}).to_csv(folder / sheet, index=False)


def levels(folder: Path) -> list[str]:
    """Time points of the cohort that the written config reads."""
    path, _ = init_config(folder)
    (cohort,) = workflow.load_config(path).cohorts
    return list(load_cohort(cohort, 0).adata.obs["timepoint"].cat.categories)


@pytest.mark.parametrize(
    "name", ["plain", 'it\'s "quoted" #1', "ünï {x}: y", "two\nlines", "1e3", "x" * 200]
)
def test_names_of_folders_and_files(tmp_path: Path, name: str) -> None:
    file = name.replace("\n", " ")
    fill(tmp_path / name, f"{file} sheet.csv", f"{file}.csv")
    assert levels(tmp_path / name) == ["pre", "post"]


@pytest.mark.parametrize(
    ("first", "second", "read"),
    [
        ("pre ", "post", ["pre ", "post"]),
        ("pre\nrest", "post", ["pre\nrest", "post"]),
        ("pre: rest", "post, 'x'", ["pre: rest", "post, 'x'"]),
        (0, 8, ["0", "8"]),
        ("week0", "week8", ["week0", "week8"]),
    ],
)
def test_levels_are_read_back_as_they_are(
    tmp_path: Path, first: object, second: object, read: list[str]
) -> None:
    fill(tmp_path / "d", timepoint=[first, second] * 6)
    assert levels(tmp_path / "d") == read


def test_levels_that_are_no_whole_numbers(tmp_path: Path) -> None:
    fill(tmp_path / "d", timepoint=[0.0, 1.5] * 6)
    assert "timepoint_order: ['0.0', '1.5']" in init_config(tmp_path / "d")[0].read_text()


def test_headers_with_line_breaks(tmp_path: Path) -> None:
    fill(tmp_path / "d")
    path = tmp_path / "d" / "sheet.csv"
    frame = pd.read_csv(path).rename(columns={"subject_id": "Subject\nID", "timepoint": "a\nb"})
    frame.assign(**{"Visit ": frame["a\nb"]}).to_csv(path, index=False)
    assert levels(tmp_path / "d") == ["pre", "post"]
    fill(tmp_path / "e", data="x.csv")  # no column is the person: all are told, in one line
    pd.DataFrame({"tube\n1": ["a"], **{f"v\n{i}": [1.0] for i in range(6)}}).to_csv(
        tmp_path / "e" / "x.csv", index=False
    )
    workflow.load_config(init_config(tmp_path / "e")[0])


def test_two_sheets_are_told(tmp_path: Path) -> None:
    fill(tmp_path / "d")
    fill(tmp_path / "d", sheet="sheet2.csv")
    assert "sheet.csv   # CHECK or sheet2.csv" in init_config(tmp_path / "d")[0].read_text()


def test_a_folder_of_junk(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for name in ("a.bin", "b.csv", "c.xlsx", "d.parquet", "e.csv.gz", "f.zip", "g.xls"):
        (tmp_path / name).write_bytes(b"PK\x03\x04" * (name[0] in "cf") + rng.bytes(500))
    for name, text in (("h.csv", ""), ("i.csv", "\n\n"), ("j.csv", ","), ("k.adat", "!Checksum")):
        (tmp_path / name).write_text(text)
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "gone.csv").symlink_to("nowhere")
    with pytest.raises(InputError, match=r"(?s)No file here is.*k\.adat"):
        init_config(tmp_path)
    fill(tmp_path)
    path, told = init_config(tmp_path)
    assert "data.csv: a plain matrix" in told
    with pytest.raises(UsageError, match="there already"):
        init_config(tmp_path)
    assert len(workflow.load_config(path).cohorts) == 1
