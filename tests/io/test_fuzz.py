"""Damaged files of every format: an AnnData that agrees, or an `InputError` that names the file.

The long form is tests/benchmarks/fuzz_readers.py.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

import exerkine_omics as exo

_SPEC = importlib.util.spec_from_file_location("mutations", Path(__file__).parent / "mutations.py")
mutations = importlib.util.module_from_spec(_SPEC)
sys.modules["mutations"] = mutations  # dataclasses look their module up
_SPEC.loader.exec_module(mutations)

MUTANTS = 40


@pytest.mark.parametrize("seed", range(3))
def test_damaged_files(seed, vendor_files, tmp_path):
    faults, done = [], {"read": 0, "refused": 0}
    for name, content in vendor_files.items():
        (tmp_path / name).write_bytes(content)
        whole = exo.io.read(tmp_path / name, **mutations.options_of(name))
        for number in range(seed * MUTANTS // 3, (seed + 1) * MUTANTS // 3):
            mutant = mutations.mutate(name, content, number)
            verdict = mutations.judge(name, mutant, whole, tmp_path)
            if verdict in done:
                done[verdict] += 1
            else:
                faults.append(f"{name}, seed {number}, {mutant.how}: {verdict}")
    assert not faults, "\n".join(faults)
    assert (
        done["read"] > 20 and done["refused"] > 20
    )  # the mutants are neither too kind nor all dead


def test_the_judge_sees_a_silent_change(vendor_files, tmp_path):
    """A value that changed, one that went, and a wrong file are told apart."""
    name = "table_comma.csv"
    content = vendor_files[name]
    (tmp_path / name).write_bytes(content)
    whole = exo.io.read(tmp_path / name, **mutations.options_of(name))
    other = whole.copy()
    assert mutations.compare(whole, other) == (0, 0)
    other.X[0, 0] += 1
    other.X[1, 0] = np.nan
    assert mutations.compare(whole, other) == (1, 1)
    field = content.split(b"\n")[1].split(b",")[3]
    changed = mutations.Mutant("by hand", content.replace(field, b"9.99", 1), touched=0)
    assert "differ silently" in mutations.judge(name, changed, whole, tmp_path)
    assert mutations.judge(name, mutations.Mutant("none", b""), whole, tmp_path) == "refused"


def test_a_zip_bomb_is_refused(tmp_path):
    import io
    import zipfile

    for name in ("bomb.zip", "bomb.xlsx"):
        buffer = io.BytesIO()
        inner = "a.csv" if name.endswith("zip") else "xl/workbook.xml"
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(inner, bytes(200 << 20))
        (tmp_path / name).write_bytes(buffer.getvalue())
        with pytest.raises(exo.errors.InputError, match=f"unpack to .*{name}"):
            exo.io.read(tmp_path / name)
    import gzip

    (tmp_path / "bomb.csv.gz").write_bytes(gzip.compress(bytes(200 << 20)))
    with pytest.raises(exo.errors.InputError, match="unpack to|zero bytes"):
        exo.io.read(tmp_path / "bomb.csv.gz", **mutations.TABLE)
