"""read_table: dialects, layouts, and ten kinds of bad file."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import exerkine_omics as exo
from exerkine_omics.errors import ExerkineError, InputError, UsageError


def same(adata, expected, rtol=0.0):
    values = adata[expected.obs_names, expected.var_names].X
    np.testing.assert_allclose(np.asarray(values), expected.X, rtol=rtol, atol=0)
    pd.testing.assert_frame_equal(adata.obs.loc[expected.obs_names], expected.obs)


@pytest.mark.quick
@pytest.mark.parametrize("kind", ["csv", "tsv", "txt", "csv.gz", "xlsx", "parquet"])
def test_kinds_of_file(frames, tmp_path, kind):
    matrix, sheet, how = frames
    expected = exo.io.from_frames(matrix, sheet, **how)
    paths = []
    for name, frame in (("matrix", matrix), ("samples", sheet)):
        path = tmp_path / f"{name}.{kind}"
        if kind == "parquet":
            frame.to_parquet(path)
        elif kind == "xlsx":
            frame.to_excel(path)
        else:
            frame.to_csv(path, sep="," if kind.startswith("csv") else "\t")
        paths.append(path)
    adata = exo.io.read_table(*paths, **how)
    rtol = 1e-15 if kind == "xlsx" else 0.0  # openpyxl writes 16 digits
    same(adata, expected, rtol)
    assert list(adata.uns["exerkine"]["steps"]["step"]) == ["io.from_frames", "io.read_table"]
    same(exo.io.read_table(paths[0], sheet, **how), expected, rtol)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
@pytest.mark.parametrize(("sep", "decimal"), [(",", "."), (";", ","), ("\t", ","), ("|", ".")])
def test_dialects(frames, tmp_path, encoding, sep, decimal):
    matrix, sheet, how = frames
    sheet = sheet.assign(site="Jyväskylä")
    expected = exo.io.from_frames(matrix, sheet, **how)
    for name, frame in (("m.csv", matrix), ("s.csv", sheet)):
        frame.to_csv(tmp_path / name, sep=sep, decimal=decimal, encoding=encoding)
    same(exo.io.read_table(tmp_path / "m.csv", tmp_path / "s.csv", **how), expected)


_names = st.lists(
    st.text("abcIL6-,; \"'()äβ", min_size=1, max_size=8).map(str.strip).filter(bool),
    min_size=1,
    max_size=4,
    unique=True,
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    analytes=_names,
    data=st.data(),
    dialect=st.sampled_from([(",", "."), (";", ","), (";", "."), ("\t", ",")]),
)
def test_dialect_round_trip(tmp_path, analytes, data, dialect):
    number = st.floats(-1e12, 1e12, allow_nan=False) | st.just(np.nan)
    values = data.draw(st.lists(st.tuples(*[number] * len(analytes)), min_size=2, max_size=5))
    ids = [f"S{i}" for i in range(len(values))]
    matrix = pd.DataFrame(values, index=ids, columns=analytes, dtype=float)
    sheet = pd.DataFrame({"who": "P1", "visit": ["pre", "post", "a", "b", "c"][: len(ids)]}, ids)
    matrix.to_csv(tmp_path / "m.csv", sep=dialect[0], decimal=dialect[1])
    adata = exo.io.read_table(
        tmp_path / "m.csv",
        sheet,
        subject="who",
        timepoint="visit",
        baseline="pre",
        units="log2",
        modality="metabolomics",
    )
    assert list(adata.var_names) == analytes
    np.testing.assert_array_equal(adata.X, matrix.to_numpy())


def test_analytes_in_rows(frames, tmp_path):
    matrix, sheet, how = frames
    matrix.T.to_csv(tmp_path / "m.csv")
    sheet.to_csv(tmp_path / "s.csv")
    adata = exo.io.read_table(tmp_path / "m.csv", tmp_path / "s.csv", orientation="features", **how)
    same(adata, exo.io.from_frames(matrix, sheet, **how))
    with pytest.raises(InputError, match="orientation='features'"):
        exo.io.read_table(tmp_path / "m.csv", tmp_path / "s.csv", **how)


def test_one_file_for_all(frames, tmp_path):
    matrix, sheet, how = frames
    both = sheet.assign(plate="A", code="007").join(matrix)
    both.to_csv(tmp_path / "all.csv", index=False)
    adata = exo.io.read_table(tmp_path / "all.csv", None, sample_columns=["age", "code"], **how)
    assert set(adata.var_names) == set(matrix.columns)
    assert adata.obs_names[0] == "P04|pre"
    assert {"age", "plate"} <= set(adata.obs) and set(adata.obs["code"]) == {"007"}
    np.testing.assert_array_equal(adata[:, list(matrix)].X, matrix.loc[both.index].to_numpy())
    chosen = exo.io.read_table(tmp_path / "all.csv", None, analytes=["IL6"], **how)
    assert list(chosen.var_names) == ["IL6"] and "MSTN" in chosen.obs
    both.to_csv(tmp_path / "named.csv")
    named = exo.io.read_table(
        tmp_path / "named.csv", None, sample_id="tube", sample_columns=["age", "code"], **how
    )
    assert set(named.obs_names) == set(matrix.index)


def test_leading_zeros_and_r_row_names(tmp_path):
    # as R's write.table writes it: no name above the row names
    (tmp_path / "m.txt").write_text("IL6\tIL8\n001\t1.5\t2\n002\t1.25\tNA\n")
    (tmp_path / "s.csv").write_text("tube;id;visit;age\n002;07;post;30,5\n001;07;pre;30,5\n")
    adata = exo.io.read_table(
        tmp_path / "m.txt",
        tmp_path / "s.csv",
        subject="id",
        timepoint="visit",
        baseline="pre",
        units="NPX",
        modality="proteomics",
    )
    assert list(adata.obs_names) == ["001", "002"]
    assert list(adata.obs["subject_id"]) == ["07", "07"]
    assert list(adata.obs["age"]) == [30.5, 30.5]
    np.testing.assert_array_equal(adata.X, [[1.5, 2.0], [1.25, np.nan]])


def test_thousands_or_decimals_is_said(frames, tmp_path):
    _, sheet, how = frames
    rows = "".join(f"{i};1,234\n" for i in sheet.index)
    (tmp_path / "m.csv").write_text("id;IL6\n" + rows)
    adata = exo.io.read_table(tmp_path / "m.csv", sheet, **how)
    assert "decimal_comma_ambiguous" in set(adata.uns["exerkine"]["findings"]["id"])


def test_commas_and_points_in_one_column(frames, tmp_path):
    _, sheet, how = frames
    rows = [f"{i};{v};1,5\n" for i, v in zip(sheet.index, ["1,5"] * 7 + ["1.234"], strict=True)]
    (tmp_path / "m.csv").write_text("id;IL6;IL8\n" + "".join(rows))
    with pytest.raises(InputError, match="'IL6' holds decimal commas and decimal points"):
        exo.io.read_table(tmp_path / "m.csv", sheet, decimal=",", **how)
    with pytest.raises(InputError, match="'1,5'.*decimal="):
        exo.io.read_table(tmp_path / "m.csv", sheet, **how)


def test_words_in_a_decimal_comma_sheet(frames, tmp_path):
    matrix, sheet, how = frames
    matrix.to_csv(tmp_path / "m.csv", sep=";", decimal=",")
    sheet = sheet.assign(bmi=["21,5", "NA", "23,5", "", "25,5", "26,5", "27,5", "28,5"])
    sheet.assign(code="12345678901234567").to_csv(tmp_path / "s.csv", sep=";", decimal=",")
    obs = exo.io.read_table(tmp_path / "m.csv", tmp_path / "s.csv", **how).obs
    assert obs.loc[sheet.index, "bmi"].tolist()[::2] == [21.5, 23.5, 25.5, 27.5]
    assert obs["bmi"].isna().sum() == 2
    assert set(obs["code"]) == {"12345678901234567"}


def test_a_tall_file_is_read_in_blocks(tmp_path):
    # the text stands beyond the first block of rows
    n = 2500
    values = [str(i / 4) for i in range(n)]
    ids = [f"S{i}" for i in range(n)]
    sheet = pd.DataFrame({"who": [f"P{i // 2}" for i in range(n)], "t": ["pre", "post"] * (n // 2)})
    sheet.index = ids
    how = {"subject": "who", "timepoint": "t", "baseline": "pre", "units": "NPX"}
    path = tmp_path / "m.csv"

    def write():
        rows = [f"{i},{v}\n" for i, v in zip(ids, values, strict=True)]
        path.write_text("id,IL6\n" + "".join(rows))

    write()
    adata = exo.io.read_table(path, sheet, modality="proteomics", **how)
    np.testing.assert_array_equal(adata.X[:, 0], np.arange(n) / 4)
    values[2300] = "<LOD"
    write()
    with pytest.raises(InputError, match="sample 'S2300': '<LOD'"):
        exo.io.read_table(path, sheet, modality="proteomics", **how)


def test_worksheets(frames, tmp_path):
    matrix, sheet, how = frames
    path = tmp_path / "book.xlsx"
    with pd.ExcelWriter(path) as book:
        pd.DataFrame({"a": [1]}).to_excel(book, sheet_name="read me")
        matrix.to_excel(book, sheet_name="NPX")
        sheet.to_excel(book, sheet_name="people")
    adata = exo.io.read_table(path, path, sheet={"matrix": "NPX", "samples": "people"}, **how)
    same(adata, exo.io.from_frames(matrix, sheet, **how), 1e-15)
    with pytest.raises(InputError, match="'npx'.*'read me', 'NPX', 'people'"):
        exo.io.read_table(path, sheet, sheet="npx", **how)


def test_ids_in_another_column(frames, tmp_path):
    matrix, sheet, how = frames
    matrix.to_csv(tmp_path / "m.csv")
    sheet.reset_index()[["who", "tube", "visit"]].to_csv(tmp_path / "s.csv", index=False)
    with pytest.raises(InputError, match="sample_id='tube'"):
        exo.io.read_table(tmp_path / "m.csv", tmp_path / "s.csv", **how)
    matrix.rename_axis("tube").to_csv(tmp_path / "m.csv")
    adata = exo.io.read_table(tmp_path / "m.csv", tmp_path / "s.csv", sample_id="tube", **how)
    assert list(adata.obs["subject_id"]) == [i[:3] for i in matrix.index]


GOOD = "id,IL6,IL8\nP01_pre,1,2\nP01_post,2,3\n"
BAD = {
    "empty": ("m.csv", b"", "The file is empty"),
    "blank": ("m.csv", b"\n\n  \n", "The file is empty"),
    "header only": ("m.csv", b"id,IL6\n", "a header and no rows"),
    "uneven": ("m.csv", GOOD.encode() + b"P02_pre,1,2,3\n", "Line 4 has 4 fields.*header has 3"),
    "short": ("m.csv", GOOD.encode() + b"\nP02_pre,1\n", "Line 5 has 2 fields"),
    "one column": ("m.csv", b"id\nP01_pre\n", "one column"),
    "extension": ("m.doc", GOOD.encode(), "'?.doc'? is no table.*\\.csv"),
    "no extension": ("matrix", GOOD.encode(), "without extension"),
    "old excel": ("m.xls", b"\xd0\xcf\x11\xe0", "Save it as .xlsx"),
    "not excel": ("m.xlsx", GOOD.encode(), "cannot be read as Excel"),
    "not parquet": ("m.parquet", GOOD.encode(), "cannot be read as parquet"),
    "zip as csv": ("m.csv", b"PK\x03\x04zzzz", "looks like .xlsx"),
    "binary": ("m.csv", bytes(range(256)) * 8, "no text"),
    "damaged gzip": ("m.csv.gz", gzip.compress(GOOD.encode() * 50)[:40], "cannot be read as gzip"),
    "text": ("m.csv", GOOD.replace("3", "<0.5").encode(), "IL8.*P01_post.*<0.5.*detection"),
    "twice": ("m.csv", GOOD.replace("IL8", "IL6").encode(), "'IL6' stand more than once"),
    "nameless": ("m.csv", GOOD.replace("IL6", "").encode(), "Column 2 has values and no name"),
}


@pytest.mark.parametrize("name", list(BAD))
def test_bad_files(frames, tmp_path, name):
    _, sheet, how = frames
    file, content, message = BAD[name]
    (tmp_path / file).write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        exo.io.read_table(tmp_path / file, sheet, **how)
    assert caught.value.exit_code == 4


def test_bad_places(frames, tmp_path):
    matrix, sheet, how = frames
    matrix.to_csv(tmp_path / "matrix.csv")
    with pytest.raises(InputError, match="no such file.*'matrix.csv'"):
        exo.io.read_table(tmp_path / "matrx.csv", sheet, **how)
    with pytest.raises(InputError, match="folder is not there"):
        exo.io.read_table(tmp_path / "no" / "matrix.csv", sheet, **how)
    with pytest.raises(InputError, match="a folder, not a file"):
        exo.io.read_table(tmp_path, sheet, **how)
    with pytest.raises(UsageError, match="orientation"):
        exo.io.read_table(tmp_path / "matrix.csv", sheet, orientation="rows", **how)
    with pytest.raises(UsageError, match="samples=None"):
        exo.io.read_table(tmp_path / "matrix.csv", None, orientation="features", **how)
    with pytest.raises(InputError, match="no column 'who'"):
        exo.io.read_table(tmp_path / "matrix.csv", None, **how)


def test_two_rows_for_one_visit(frames, tmp_path):
    matrix, sheet, how = frames
    both = sheet.join(matrix)
    pd.concat([both, both.iloc[:1]]).to_csv(tmp_path / "all.csv", index=False)
    with pytest.raises(InputError, match=r"More than one row for 'P04\|pre'"):
        exo.io.read_table(tmp_path / "all.csv", None, **how)


@settings(max_examples=80, deadline=None,
          suppress_health_check=[HealthCheck.function_scoped_fixture])  # fmt: skip
@given(
    content=st.binary(max_size=300) | st.text("ab1;,.\t\n\"' <>NA", max_size=200).map(str.encode)
)
def test_any_bytes_are_one_error_or_a_cohort(frames, tmp_path, content):
    _, sheet, how = frames
    (tmp_path / "m.csv").write_bytes(content)
    with pytest.raises(ExerkineError):
        exo.io.read_table(tmp_path / "m.csv", sheet, **how)


ULTRA = "ultramarathon_50km_cytokines/samples_by_analyte.csv"


@pytest.mark.real_data
def test_ultramarathon(data_dir: Path):
    adata = exo.io.read_table(
        data_dir / ULTRA,
        None,
        subject="subject",
        timepoint="timepoint",
        baseline="pre",
        units="concentration",
        modality="proteomics",
        analytes=["IL6_pg_ml", "IL8_pg_ml", "TNFa_pg_ml", "IL1b_pg_ml"],
        timepoint_order=["visit1_rest", "pre", "lap1_10km", "finish_50km", "post_24h"],
    )
    assert adata.shape == (55, 4)
    exo.pp.log2(adata)
    counts = exo.pp.pair(adata).counts.set_index("timepoint")["n_pairs"]
    assert counts.to_dict() == {
        "visit1_rest": 0, "lap1_10km": 8, "finish_50km": 7, "post_24h": 10
    }  # fmt: skip
    change = exo.pp.delta(adata, timepoint="finish_50km")
    assert change.n_obs == 7
    assert change[:, "IL6_pg_ml"].X.mean() == pytest.approx(5.004, abs=5e-4)
    assert not exo.pp.check(adata).errors


@pytest.mark.real_data
def test_semicolon_comma_and_bom(data_dir: Path):
    path = data_dir / "erythrocyte_eccentric_crossover/original/complete_database.csv"
    wide = [f"lac_con_{t}" for t in ("rest", "post0")]
    table = pd.read_csv(path, sep=";", decimal=",", encoding="utf-8-sig")
    sheet = pd.DataFrame({"who": table["ID"], "when": "rest"}).set_axis(table["ID"], axis=0)
    adata = exo.io.read_table(
        path,
        sheet,
        subject="who",
        timepoint="when",
        baseline="rest",
        units="concentration",
        modality="metabolomics",
    )
    assert adata.shape == (20, 519)
    np.testing.assert_array_equal(adata[:, wide].X, table[wide].to_numpy(float))
    assert adata.to_df().loc["01-P", "BMI"] == 27.02


@pytest.mark.real_data
def test_exscidata(data_dir: Path):
    folder = data_dir / "exscidata_training"
    adata = exo.io.read_table(
        folder / "heatxc.csv",
        None,
        subject="participant",
        timepoint="time",
        arm="group",
        baseline="pre",
        units=None,
        modality="proteomics",
    )
    assert set(adata.obs["arm"]) == {"exp", "con"}
    assert list(adata.obs["timepoint"].cat.categories)[0] == "pre"
    assert "units_unknown" in {f.id for f in exo.pp.check(adata).findings}
    raw = pd.read_csv(folder / "heatxc.csv")
    assert adata.n_obs == len(raw)
    np.testing.assert_array_equal(adata[:, "hb"].X[:, 0], raw["hb"].to_numpy())


class TestChartSheets:
    """A chart sheet has no cells."""

    def book(self, path, table=True):
        import openpyxl
        from openpyxl.chart import BarChart, Reference

        book = openpyxl.Workbook()
        page = book.active
        page.title = "matrix"
        for row in (["sample", "IL6", "BDNF"], ["a", 1.5, 2.5], ["b", 3.5, 4.5]):
            page.append(row)
        for name in ("figure one", "figure two"):
            chart = BarChart()
            chart.add_data(Reference(page, min_col=2, min_row=1, max_row=3))
            book.create_chartsheet(name, 0).add_chart(chart)
        if not table:
            book.remove(page)
        book.save(path)
        return path

    def test_they_are_passed_over(self, tmp_path):
        from exerkine_omics.io._excel import rows_of, workbook

        path = self.book(tmp_path / "charts.xlsx")
        for styles in (False, True):
            with workbook(path, styles=styles) as book:
                assert book.sheetnames == ["matrix"]
                assert rows_of(book, "matrix", path)[1] == ("a", 1.5, 2.5)

    def test_nothing_but_charts(self, tmp_path):
        from exerkine_omics.io._excel import workbook

        path = self.book(tmp_path / "charts.xlsx", table=False)
        for styles in (False, True):
            with pytest.raises(InputError, match="no worksheet, only 'figure"):
                with workbook(path, styles=styles):
                    pass
