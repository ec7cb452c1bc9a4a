"""Whatever table is written in a dialect is read back to the bit."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import exerkine_omics as exo

QUIET = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
NUMBER = st.one_of(
    st.floats(-1e12, 1e12, allow_nan=False, width=64), st.just(float("nan")), st.integers(-9, 9)
)
# names as laboratories write them: separators, quotes, blanks, Greek, digits
NAME = (
    st.text(
        st.characters(codec="utf-8", exclude_categories=("C", "Z")) | st.sampled_from(" ,;'\"-._"),
        min_size=1,
        max_size=12,
    )
    .map(str.strip)
    .filter(lambda n: n and n not in ("NA", "nan", "null", "NULL", "NaN", "n/a", "N/A"))
)


@st.composite
def tables(draw):
    n, k = draw(st.integers(2, 7)), draw(st.integers(1, 5))
    names = draw(st.lists(NAME, min_size=k, max_size=k, unique=True))
    names = [n for n in names if n not in ("tube", "who", "when") and "/" not in n] or ["IL6"]
    values = draw(
        st.lists(st.lists(NUMBER, min_size=len(names), max_size=len(names)), min_size=n, max_size=n)
    )
    frame = pd.DataFrame(np.array(values, dtype=float), columns=names)
    frame.insert(0, "tube", [f"T{i:03d}" for i in range(n)])
    frame.insert(1, "who", [f"P{i // 2}" for i in range(n)])
    frame.insert(2, "when", ["pre", "post"] * (n // 2) + ["pre"] * (n % 2))
    return frame, names


@pytest.mark.parametrize(
    ("sep", "decimal", "encoding"),
    [(",", ".", "utf-8"), (";", ",", "utf-8-sig"), ("\t", ".", "utf-16"), (";", ".", "utf-8")],
)
@QUIET
@given(made=tables())
def test_tables_come_back_to_the_bit(made, sep, decimal, encoding, tmp_path):
    frame, names = made
    path = tmp_path / "t.csv"
    frame.to_csv(path, index=False, sep=sep, decimal=decimal, encoding=encoding)
    adata = exo.io.read(
        path, subject="who", timepoint="when", baseline="pre", sample_id="tube", units="log2",
        modality="proteomics", analytes=names, sep=sep, decimal=decimal,
    )  # fmt: skip
    np.testing.assert_array_equal(adata.to_df()[names].to_numpy(), frame[names].to_numpy())
    assert adata.obs_names.tolist() == frame["tube"].tolist()


@QUIET
@given(
    values=st.lists(
        st.lists(st.floats(0.1, 1e6).map(lambda v: round(v, 1)), min_size=3, max_size=3),
        min_size=1,
        max_size=6,
    )
)
def test_an_adat_comes_back_to_the_bit(values, vendor_files, tmp_path):
    (tmp_path / "one.adat").write_bytes(vendor_files["somascan_v4.adat"])
    adata = exo.io.read(tmp_path / "one.adat")
    rows, columns = min(len(values), adata.n_obs), min(3, adata.n_vars)
    adata.X[:rows, :columns] = np.array(values)[:rows, :columns]
    exo.io.write(adata, tmp_path / "two.adat")
    back = exo.io.read(tmp_path / "two.adat")
    np.testing.assert_array_equal(back.X, adata.X)
    pd.testing.assert_frame_equal(back.obs, adata.obs)
    pd.testing.assert_frame_equal(back.var, adata.var)


@QUIET
@given(
    npx=st.lists(
        st.lists(st.floats(-5, 25, width=64), min_size=3, max_size=3), min_size=1, max_size=6
    ),
    order=st.randoms(use_true_random=False),
)
def test_long_olink_rows_in_any_order(npx, order, tmp_path):
    rows = [
        (f"S{i}", f"OID{j:05d}", f"G{j}", "P1", "Pass", 0.5, v)
        for i, sample in enumerate(npx)
        for j, v in enumerate(sample)
    ]
    order.shuffle(rows)
    columns = ["SampleID", "OlinkID", "Assay", "PlateID", "QC_Warning", "LOD", "NPX"]
    pd.DataFrame(rows, columns=columns).to_csv(tmp_path / "n.csv", sep=";", index=False)
    frame = exo.io.read(tmp_path / "n.csv").to_df()
    for tube, oid, *_, v in rows:
        assert frame.loc[tube, oid] == v
