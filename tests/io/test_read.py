"""One call for every file: recognised by content, its errors named."""

from __future__ import annotations

import gzip
import io
import zipfile

import numpy as np
import pandas as pd
import pytest

import exerkine_omics as exo
from exerkine_omics.errors import InputError, UsageError
from exerkine_omics.io._source import look_at

HOW = {
    "subject": "who", "timepoint": "visit", "baseline": "pre", "units": "NPX",
    "modality": "proteomics",
}  # fmt: skip
CSV = b"sample_id,who,visit,IL6\na,P1,pre,1.5\nb,P1,post,2.5\n"


def zipped(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in members.items():
            archive.writestr(name.replace("__", "."), data)
    return buffer.getvalue()


def test_the_kind_is_in_the_content(vendor_files, tmp_path):
    kinds = {"csv": "text", "tsv": "text", "xlsx": "xlsx", "parquet": "parquet"}
    for name, content in vendor_files.items():
        path = tmp_path / "nameless"
        path.write_bytes(content)
        wanted = kinds.get(name.rsplit(".", 1)[1])
        assert wanted is None or look_at(path).kind == wanted, name
    path.write_bytes(gzip.compress(CSV))
    assert look_at(path).head[0] == "sample_id,who,visit,IL6"
    path.write_bytes(zipped(readme__md=b"x", data__csv=CSV))
    source = look_at(path)
    assert (source.kind, source.member, source.head[1]) == ("text", "data.csv", "a,P1,pre,1.5")


def test_every_vendor_file_is_recognised_under_any_name(vendor_files, tmp_path):
    known = set(exo.io.show_formats()["format"])
    for name, content in vendor_files.items():
        if name.startswith("table"):
            continue
        path = tmp_path / "nameless"
        path.write_bytes(content)
        adata = exo.io.read(path)
        assert adata.uns["exerkine"]["format"] in known, name
        # and the same from a stored cohort
        exo.io.write(adata, tmp_path / "one.h5ad")
        back = exo.io.read(tmp_path / "one.h5ad")
        np.testing.assert_array_equal(back.X, adata.X)
        pd.testing.assert_frame_equal(
            back.obs.astype(str), adata.obs.astype(str), check_index_type=False
        )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"hello", "no known vendor format"),
        (CSV, "say also subject, timepoint, baseline, units, modality"),
        (b"\xd0\xcf\x11\xe0" + bytes(100), "old Excel file"),
        (b"PK\x03\x04" + bytes(100), "cannot be read as zip"),
        (b"PAR1" + bytes(100), "no known vendor format"),
        (zipped(a__csv=CSV, b__csv=CSV), "2 tables"),
        (zipped(a__zip=zipped(a__csv=CSV)), "packed twice"),
        (gzip.compress(zipped(a__csv=CSV)), "packed twice"),
        (gzip.compress(CSV)[:-9], "cannot be read as gzip"),
        (CSV + b"c,P2,pre,\x00\n", "zero bytes"),
    ],
    ids=lambda v: v if isinstance(v, str) else "",
)
def test_what_is_no_cohort(content, message, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        exo.io.read(path)
    assert str(path) in str(caught.value)


def test_options_that_do_not_fit(tmp_path, vendor_files):
    path = tmp_path / "t.csv"
    path.write_bytes(CSV)
    with pytest.raises(UsageError, match="'olinc' is not known"):
        exo.io.read(path, format="olinc")
    with pytest.raises(UsageError, match="backed=True needs"):
        exo.io.read(path, backed=True)
    adata = exo.io.read(path, **HOW)
    exo.io.write(adata, tmp_path / "t.h5ad")
    with pytest.raises(UsageError, match="'units' do not belong"):
        exo.io.read(tmp_path / "t.h5ad", units="NPX")
    with pytest.raises(UsageError, match="needs 'timepoint', 'baseline' too"):
        exo.io.read(tmp_path / "t.h5ad", subject="who")


def test_controls_need_no_row_in_the_sheet(trial):
    """A pool on the plate has no person; the people's tubes still must have one."""
    adata = trial[:6].copy()
    adata.obs = pd.DataFrame(
        {"sample_type": pd.Categorical(["sample"] * 5 + ["qc"])}, index=adata.obs_names
    )
    sheet = pd.DataFrame(
        {"who": ["A", "A", "B", "B", "C"], "when": ["pre", "post", "pre", "post", "pre"]},
        index=adata.obs_names[:5],
    )
    how = {"subject": "who", "timepoint": "when", "baseline": "pre"}
    exo.io.set_samples(adata, sheet, **how)
    assert adata.obs["subject_id"].isna().tolist() == [False] * 5 + [True]
    assert adata.obs["timepoint"].cat.ordered
    # the vendor's own columns as the sheet: the pool's are empty
    exo.io.set_samples(
        adata, adata.obs, subject="subject_id", timepoint="timepoint", baseline="post"
    )
    assert list(adata.obs["timepoint"].cat.categories) == ["post", "pre"]
    assert "subject_missing" not in {f.id for f in exo.pp.check(adata).findings}
    with pytest.raises(InputError, match="are not in the sample sheet"):
        exo.io.set_samples(adata, sheet.iloc[:4], **how)
    sheet.iloc[0, 0] = None
    with pytest.raises(InputError, match="have no subject_id"):
        exo.io.set_samples(adata, sheet, **how)


def test_a_formula_without_its_value_is_no_empty_cell(tmp_path):
    """A workbook that a program wrote holds formulas and no values: they are not NaN."""
    import openpyxl

    book = openpyxl.Workbook()
    for row in (["sample_id", "who", "visit", "IL6"], ["a", "P1", "pre", 1.5]):
        book.active.append(row)
    book.active.append(["b", "P1", "post", "=D2+1"])
    book.save(tmp_path / "t.xlsx")
    with pytest.raises(InputError, match="Cell D3 holds a formula without its value.*t.xlsx"):
        exo.io.read(tmp_path / "t.xlsx", **HOW)


def test_a_lost_worksheet_is_said(tmp_path, vendor_files):
    content = vendor_files["table.xlsx"]
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(buffer, "w") as new:
        for name in old.namelist():
            if not name.endswith("sheet1.xml"):
                new.writestr(name, old.read(name))
    (tmp_path / "t.xlsx").write_bytes(buffer.getvalue())
    with pytest.raises(InputError, match="lacks 'xl/worksheets/sheet1.xml'"):
        exo.io.read(tmp_path / "t.xlsx", **HOW)


def test_the_sheet_s_ids_may_be_called_as_the_vendor_calls_them(tmp_path, trial):
    sheet = pd.DataFrame({"person": "A", "SampleID": trial.obs_names[:3], "visit": list("abc")})
    sheet.to_csv(tmp_path / "sheet.csv", index=False)
    adata = trial[:3].copy()
    del adata.obs["subject_id"], adata.obs["timepoint"]
    exo.io.set_samples(
        adata, tmp_path / "sheet.csv", subject="person", timepoint="visit", baseline="a"
    )
    assert adata.obs["timepoint"].astype(str).tolist() == list("abc")
