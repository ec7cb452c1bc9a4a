"""HERITAGE, on generated files of the published layout; the real file was never seen."""

from __future__ import annotations

import importlib.util
import json
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import exerkine_omics as exo
from exerkine_omics.datasets import HeritageTraining
from exerkine_omics.datasets._heritage_columns import per_minute, plain
from exerkine_omics.datasets._registry import registry
from exerkine_omics.errors import ExerkineWarning, InputError

_SPEC = importlib.util.spec_from_file_location(
    "make_heritage", Path(__file__).with_name("make_heritage.py")
)
assert _SPEC is not None and _SPEC.loader is not None
make = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(make)

HEADER = 3
PRE, DELTA = (
    make.CLINICAL.index("Baseline VO2MX (ml/min)"),
    make.CLINICAL.index("Delta VO2MX (ml/min)"),
)


def load(folder: Path) -> HeritageTraining:
    with exo.settings.override(data_dir=folder):
        return exo.datasets.load("heritage_somascan")


def edited(folder: Path, change: Callable[[list, list], object], **options) -> HeritageTraining:
    return load(make.write(folder, change, **options))


def rename(at: int, label: str) -> Callable[[list, list], object]:
    return lambda people, analytes: people[HEADER].__setitem__(at, label)


def column(people: list, label: str) -> np.ndarray:
    at = people[HEADER].index(label)
    return np.array([r[at] for r in people[HEADER + 1 :]])


def findings(study: HeritageTraining) -> dict[str, str]:
    found = study.adata.uns["exerkine"]["findings"]
    return dict(zip(found["id"].astype(str), found["rows"].astype(str), strict=True))


def test_values_units_and_names(tmp_path: Path, round_trip):
    people, _ = make.rows()
    study = load(make.write(tmp_path))
    adata, outcomes = study.adata, study.outcomes
    assert adata.shape == (40, 8) and list(adata.var_names) == [f"B{k}" for k in range(8)]
    for k in range(8):
        np.testing.assert_array_equal(np.asarray(adata[:, f"B{k}"].X).ravel(),
                                      column(people, f"B{k}"))  # fmt: skip
    state = adata.uns["exerkine"]
    assert (state["units"], state["platform"], state["species"]) == ("RFU", "SomaScan", "human")
    assert (state["baseline"], state["matrix"]) == ("pre", "unknown")
    assert set(adata.obs["timepoint"].astype(str)) == {"pre"} and "arm" not in adata.obs
    assert adata.var.loc["B1", "uniprot"] == "P29459|P29460"
    assert (
        adata.var.loc["B1", "seq_id"] == "2501-2" and adata.var.loc["B1", "soma_id"] == "SL000001"
    )
    assert list(adata.var.loc["B2", ["gene_symbol", "name"]]) == ["GENE2", "Protein 2"]
    np.testing.assert_array_equal(outcomes["vo2max_pre"], column(people, "Baseline VO2MX (ml/min)"))
    change = column(people, "Delta VO2MX (ml/min)")
    np.testing.assert_array_equal(outcomes["vo2max_post"] - outcomes["vo2max_pre"], change)
    assert list(outcomes["subject_id"]) == [f"H{n + 1:04d}" for n in range(40)]
    assert "heritage_row_ids" in findings(study)
    assert set(outcomes["sex"]) == {"M", "F"} and adata.obs["family_id"].astype(str).iloc[3] == "F1"
    for name in ("age", "bmi", "race", "body_fat_pct", "fat_free_mass_kg"):
        assert outcomes[name].notna().all() and name in adata.obs
    back = round_trip(adata)
    np.testing.assert_array_equal(back.X, adata.X)
    assert "not yet run on the real file" in back.uns["exerkine"]["provenance"]["notes"].lower()


def test_no_column_of_after_training_enters(tmp_path: Path):
    """Change every number of a later visit: nothing that a model may see moves."""
    first = load(make.write(tmp_path / "a"))
    assert findings(first)["heritage_later_visit"].split(" | ")[:2] == ["P0", "R0"]

    def spoil(people, analytes):
        for at, label in enumerate(people[HEADER]):
            if label[0] in "PR" and label[1:].isdigit():
                for row in people[HEADER + 1 :]:
                    row[at] = -1e6

    second = edited(tmp_path / "b", spoil)
    np.testing.assert_array_equal(first.adata.X, second.adata.X)
    for word in ("vo2", "delta", "post", "change"):
        assert not [c for c in first.adata.obs if word in c.casefold()]
        assert not [c for c in first.adata.var_names if word in c.casefold()]


def test_a_column_of_two_visits_is_left_out_and_said(tmp_path: Path):
    def both(people, analytes):
        analytes[3][1] = "B2"

    with pytest.warns(ExerkineWarning, match="1 columns stand under 'Baseline' and a later"):
        study = edited(tmp_path, both)
    assert "B2" not in study.adata.var_names and study.adata.n_vars == 7
    assert findings(study)["heritage_visit_unclear"] == "B2"


def test_clinical_columns_of_later_visits_are_no_covariates(tmp_path: Path):
    def more(people, analytes):
        people[HEADER] += ["Post BMI", "Delta body fat (%)", "Weight after training (kg)"]
        for row in people[HEADER + 1 :]:
            row += [99.0, 99.0, 99.0]

    study = edited(tmp_path, more)
    assert study.outcomes["bmi"].max() < 99 and study.outcomes["body_fat_pct"].max() < 99
    assert "weight_kg" not in study.outcomes
    assert findings(study)["heritage_columns_unread"].startswith("Post BMI | Delta body fat")


@pytest.mark.parametrize(
    ("at", "label"),
    [
        (DELTA, "ΔVO₂max (mL·min⁻¹)"),
        (DELTA, "  delta vo2 max, ml/min "),
        (DELTA, "Change in VO2peak"),
        (PRE, "VO2max, baseline (mL/min)"),
        (PRE, "Pre VO2max"),
        (2, "GENDER"),
        (1, "Age (years)"),
        (5, "% Body Fat"),
        (6, "FFM"),
        (6, "Lean body mass (kg)"),
        (3, "Body Mass Index"),
    ],
)
def test_headers_in_other_words(tmp_path: Path, at: int, label: str):
    same, other = load(make.write(tmp_path / "a")), edited(tmp_path / "b", rename(at, label))
    assert same.outcomes.equals(other.outcomes)


@pytest.mark.parametrize("above", [0, 1, 9])
def test_header_row_and_sheet_are_found_by_content(tmp_path: Path, above: int):
    def move(people, analytes):
        people[:HEADER] = [[f"line {k}"] for k in range(above)]
        analytes[:0] = [["HERITAGE analytes"], []]
        people += [[], ["* RFU, median normalised"]]

    study = edited(tmp_path, move)
    assert study.adata.shape == (40, 8)
    assert findings(study)["heritage_rows_left_out"] == "* RFU, median normalised"
    import openpyxl

    file = tmp_path / "heritage_proteomics" / make.PEOPLE
    book = openpyxl.load_workbook(file)
    book.create_sheet("Read me", 0).append(["See the page"])
    book.save(file)
    assert load(tmp_path).outcomes.equals(study.outcomes)


def test_order_of_columns_and_analytes_changes_nothing(tmp_path: Path):
    def shuffle(people, analytes):
        order = np.random.default_rng(1).permutation(len(people[HEADER]))
        people[HEADER:] = [[row[k] for k in order] for row in people[HEADER:]]
        analytes[1:] = analytes[:0:-1]

    same, other = load(make.write(tmp_path / "a")), edited(tmp_path / "b", shuffle)
    assert same.outcomes.equals(other.outcomes)
    moved = other.adata[:, same.adata.var_names]
    np.testing.assert_array_equal(moved.X, same.adata.X)
    assert moved.var.astype(str).equals(same.adata.var.astype(str))


def test_missing_cells_stay_missing(tmp_path: Path):
    def holes(people, analytes):
        at = people[HEADER].index("B3")
        for k, cell in enumerate((None, ".", "NA", "  ")):
            people[HEADER + 1 + k][at] = cell
        people[HEADER + 1][DELTA] = "."
        people[HEADER + 2][2] = None

    study = edited(tmp_path, holes)
    lost = np.isnan(np.asarray(study.adata[:, "B3"].X).ravel())
    assert list(np.flatnonzero(lost)) == [0, 1, 2, 3] and study.adata.n_obs == 40
    first = study.outcomes.iloc[0]
    assert np.isnan(first["vo2max_post"]) and np.isfinite(first["vo2max_pre"])
    assert study.outcomes["sex"].isna().sum() == 1


def test_ids_of_people_are_taken_where_there_are_any(tmp_path: Path):
    def number(people, analytes):
        people[HEADER].insert(0, "Subject ID")
        for k, row in enumerate(people[HEADER + 1 :]):
            row.insert(0, float(700 + k))

    study = edited(tmp_path, number)
    assert study.outcomes["subject_id"][0] == "700" and "heritage_row_ids" not in findings(study)


@pytest.mark.parametrize(
    ("label", "factor"),
    [
        ("VO2 (ml/min)", 1.0),
        ("VO2 (mL·min−1)", 1.0),
        ("VO2 [L/min]", 1000.0),
        ("VO2max (l·min⁻¹)", 1000.0),
        ("VO2 (ml/kg/min)", np.nan),
        ("VO2 (mL·kg⁻¹·min⁻¹)", np.nan),
        ("VO2 (ml/min/kg)", np.nan),
        ("VO2", 1.0),
    ],
)
def test_unit_in_a_header(label: str, factor: float):
    assert np.array_equal(per_minute(label), factor, equal_nan=True)
    assert "vo2" in plain(label).split(" ")


def test_litres_become_millilitres(tmp_path: Path):
    def litres(people, analytes):
        people[HEADER][PRE], people[HEADER][DELTA] = "Baseline VO2 (L/min)", "Delta VO2 (L/min)"
        for row in people[HEADER + 1 :]:
            row[PRE], row[DELTA] = row[PRE] / 1000, row[DELTA] / 1000

    same, other = load(make.write(tmp_path / "a")), edited(tmp_path / "b", litres)
    for name in ("vo2max_pre", "vo2max_post", "vo2max_change"):
        np.testing.assert_allclose(same.outcomes[name], other.outcomes[name], rtol=1e-12)


def per_kg(people: list, analytes: list) -> None:
    people[HEADER][PRE] = "Baseline VO2max (ml/kg/min)"
    for row in people[HEADER + 1 :]:
        row[PRE] = row[PRE] / 80


def test_per_kg_is_converted_by_the_weight_only(tmp_path: Path):
    def weighed(people, analytes):
        per_kg(people, analytes)
        people[HEADER].append("Weight (kg)")
        for row in people[HEADER + 1 :]:
            row.append(80.0)

    same, other = load(make.write(tmp_path / "a")), edited(tmp_path / "b", weighed)
    np.testing.assert_allclose(same.outcomes["vo2max_post"], other.outcomes["vo2max_post"])
    with pytest.warns(ExerkineWarning, match="no weight is known"):
        none = edited(tmp_path / "c", per_kg)
    assert none.outcomes[["vo2max_pre", "vo2max_post"]].isna().all(axis=None)
    np.testing.assert_array_equal(none.outcomes["vo2max_change"], same.outcomes["vo2max_change"])


def test_of_two_baselines_the_one_per_minute_is_taken(tmp_path: Path):
    def two(people, analytes):
        people[HEADER].append("Baseline VO2max (ml/kg/min)")
        for row in people[HEADER + 1 :]:
            row.append(30.0)

    same, other = load(make.write(tmp_path / "a")), edited(tmp_path / "b", two)
    assert same.outcomes.equals(other.outcomes)


def _cell(row: int, at: int | str, value: object) -> Callable[[list, list], object]:
    def change(people, analytes):
        number = people[HEADER].index(at) if isinstance(at, str) else at
        people[HEADER + row][number] = value

    return change


def _all(at: int, value: float) -> Callable[[list, list], object]:
    def change(people, analytes):
        for row in people[HEADER + 1 :]:
            row[at] = row[at] / value

    return change


def _no_baseline_ids(people, analytes):
    for row in analytes[1:]:
        row[0] = f"X{row[0]}"


def _one_visit_only(people, analytes):
    for row in analytes[1:]:
        row[1] = row[0]


def _people_twice(people, analytes):
    people[HEADER].insert(0, "ID")
    for k, row in enumerate(people[HEADER + 1 :]):
        row.insert(0, k // 2)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (rename(DELTA, "Outcome"), "no header with VO2max at baseline and its change"),
        (rename(PRE, "Fitness"), r"they hold 'HERITAGE Family Study'"),
        (rename(1, "Years"), r"No column is 'age'; columns that are no analyte: 'Family', 'Years'"),
        (rename(3, "Gender"), r"Several columns may be sex: 'Sex', 'Gender'"),
        (lambda p, a: a[0].__setitem__(0, "Before"), "no header with a column 'Baseline'"),
        (_no_baseline_ids, "Of 8 ids under 'Baseline' .* none is a column"),
        (_one_visit_only, "8 of them stand under a later visit too"),
        (_cell(0, "B4", "B3"), "'B3' stand more than once"),
        (lambda p, a: a.append(list(a[1])), "'B0' stand in more than one row"),
        (_cell(1, "B3", "high"), "Column 'B3' holds 'high', not numbers"),
        (_cell(2, 1, "young"), "Column 'Age' holds 'young'"),
        (_cell(2, "B1", "inf"), "Column 'B1' holds 'inf'"),
        (_all(PRE, 80), r"'Baseline VO2MX \(ml/min\)', a median of .* is not in ml/min"),
        (_all(DELTA, 1000), r"'Delta VO2MX \(ml/min\)', a median of .* is not in ml/min"),
        (rename(DELTA, "Delta VO2MX (ml/kg/min)"), "is not in ml/min"),
        (lambda p, a: p.__delitem__(slice(HEADER + 1, None)), "There are no people"),
        (_people_twice, "has people twice or without an id: '0'"),
    ],
)
def test_bad_input_is_named(tmp_path: Path, change, text: str):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExerkineWarning)
        with pytest.raises(InputError, match=text) as caught:
            edited(tmp_path, change)
    assert caught.value.where and caught.value.fix is not None


def test_a_file_that_is_no_workbook(tmp_path: Path):
    make.write(tmp_path)
    file = tmp_path / "heritage_proteomics" / make.PEOPLE
    file.write_text("<html>503 Service Unavailable</html>")
    with pytest.raises(InputError, match=make.PEOPLE):
        load(tmp_path)


@pytest.mark.parametrize("absent", [make.PEOPLE, make.ANALYTES])
def test_absent_file_and_unreachable_host(monkeypatch, tmp_path: Path, absent: str):
    """Without the analytes nothing tells the visits apart: no other way is tried."""
    import pooch

    def offline(*args, **kwargs):
        raise OSError("no route to host")

    monkeypatch.setattr(pooch, "retrieve", offline)
    make.write(tmp_path)
    (tmp_path / "heritage_proteomics" / absent).unlink()
    with pytest.raises(InputError, match="no route to host") as caught:
        load(tmp_path)
    text = str(caught.value)
    assert f"http://related-studies.motrpac-data.org/heritage_proteomics/{absent}" in text
    assert f"heritage_proteomics/{absent} into a folder" in text and "EXERKINE_DATA_DIR" in text


def test_download_is_of_the_address_and_unchecked(monkeypatch, tmp_path: Path):
    import pooch

    made = make.write(tmp_path) / "heritage_proteomics"
    asked = []

    def fetch(url, known_hash, fname, path):
        asked.append((url, known_hash))
        return str(made / fname)

    monkeypatch.setattr(pooch, "retrieve", fetch)
    with exo.settings.override(data_dir=None):
        study = exo.datasets.load("heritage_somascan")
    assert study.adata.n_obs == 40
    assert [u.rsplit("/", 1)[1] for u, _ in asked] == [make.PEOPLE, make.ANALYTES]
    assert {h for _, h in asked} == {None}


@pytest.mark.quick
def test_it_is_listed_and_says_what_it_is():
    row = exo.datasets.available().set_index("name").loc["heritage_somascan"]
    assert row["download"] and "Not yet run on the real file" in row["notes"]
    assert "no control" in row["description"]
    assert all(f["sha256"] is None for f in registry()["heritage_somascan"]["files"])


def test_one_arm_tells_no_sd_ir_and_the_noise_is_named(tmp_path: Path):
    study = load(make.write(tmp_path))
    noise = exo.Reliability.from_typical_error(53.5, source="Bonafiglia 2016, 0.0535 L/min")
    with exo.settings.override(seed=1):
        result = exo.tl.responders(
            study.outcomes, pre="vo2max_pre", post="vo2max_post", threshold=0.0, reliability=noise
        )
    assert result.verdict == "cannot be known" and np.isnan(result.sd_ir.estimate)
    with pytest.raises(exo.errors.AnalysisError):
        exo.tl.check_design(arms=1, ask="sd_ir")


EXAMPLE = Path(__file__).parents[2] / "examples" / "heritage.yaml"


def test_the_example_names_its_noise():
    from exerkine_omics.workflow._config import load_config

    cohort = load_config(EXAMPLE).cohorts[0]
    assert cohort.input.dataset == "heritage_somascan"
    noise = cohort.responders.reliability
    assert noise.typical_error == 108 and cohort.responders.unit == "mL/min"
    assert "Bouchard et al. 2022, doi 10.1249/MSS.0000000000002859" in noise.source
    assert (cohort.prediction.feature_time, cohort.prediction.outcome_time) == (0, 20)


@pytest.mark.slow
def test_the_example_runs_and_refuses_sd_ir(tmp_path: Path):
    from exerkine_omics import workflow

    make.write(tmp_path, n=100, p=10)
    with exo.settings.override(data_dir=tmp_path):
        page = workflow.run_config(EXAMPLE, tmp_path / "out")
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())["cohorts"][0]
    (responders,), (prediction,) = summary["responders"], summary["prediction"]
    assert responders["verdict"] == "cannot be known"
    assert "one arm cannot tell them apart" in responders["verdict_reason"]
    assert "Bouchard" in responders["noise_source"]
    assert prediction["kind"] == "prediction" and prediction["n_features"] == 10
    assert any("No control arm" in n for n in prediction["notes"])
    assert "not attributable to exercise" in page.read_text()
