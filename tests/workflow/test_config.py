"""The config: what it takes, and one message for what it does not."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from exerkine_omics.errors import ConfigError
from exerkine_omics.workflow import load_config

GOOD = {
    "cohorts": [
        {
            "name": "one",
            "input": {
                "table": {
                    "matrix": "m.csv",
                    "samples": "s.csv",
                    "subject": "who",
                    "timepoint": "when",
                    "baseline": "pre",
                    "units": "NPX",
                    "modality": "proteomics",
                }
            },
        }
    ]
}


def written(tmp_path: Path, change) -> Path:
    content = yaml.safe_load(yaml.safe_dump(GOOD))
    change(content)
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


@pytest.mark.quick
def test_relative_paths_count_from_the_config(tmp_path: Path) -> None:
    config = load_config(written(tmp_path, lambda c: None))
    table = config.cohorts[0].input.table
    assert table is not None
    assert table.matrix == tmp_path.resolve() / "m.csv"
    assert table.samples == tmp_path.resolve() / "s.csv"


def _in(content, *keys):
    for key in keys:
        content = content[key]
    return content


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda c: c["cohorts"][0].update(scor={}), "Did you mean 'score'"),
        (lambda c: c.update(cohort=[]), "Did you mean 'cohorts'"),
        (lambda c: _in(c, "cohorts", 0, "input", "table").update(basline="x"), "'baseline'"),
        (lambda c: _in(c, "cohorts", 0, "input", "table").pop("subject"), "subject"),
        (lambda c: _in(c, "cohorts", 0, "input").update(dataset="x"), "exactly one"),
        (lambda c: _in(c, "cohorts", 0).update(name="My cohort"), "name"),
        (lambda c: c["cohorts"].append(c["cohorts"][0]), "same name"),
        (lambda c: c.update(cohorts=[]), "cohorts"),
        (lambda c: c["cohorts"][0].update(score={"min_coverage": 2}), "min_coverage"),
        (lambda c: c["cohorts"][0].update(score={"signatures": []}), "at least 1"),
        (lambda c: c["cohorts"][0].update(name="a" * 101), "at most 100"),
        (lambda c: c["cohorts"][0].update(keep_timepoints=[0]), "not '0'.*in quotes"),
        (lambda c: c["cohorts"][0].update(keep_timepoints=[False]), "yes, no, on and off"),
        (lambda c: c["cohorts"][0].update(input=None), "section of keys.*leave the key out"),
        (lambda c: c.update(meta=[{"name": "m", "contrasts": {}}]), "at least 1"),
        (lambda c: c["cohorts"][0].update(differential={"method": "anova"}), "method"),
        (lambda c: c["cohorts"][0].update(score=None, enrich={}), "needs the score section"),
        (
            lambda c: c["cohorts"][0].update(prediction={"feature_time": 0, "outcome_time": 1}),
            "responders section",
        ),
        (
            lambda c: c["cohorts"][0].update(
                responders={
                    "outcome": "x",
                    "unit": "y",
                    "pre": "a",
                    "post": "b",
                    "threshold": 1,
                    "reliability": "control",
                }
            ),
            "needs arm and control",
        ),
        (
            lambda c: c["cohorts"][0].update(
                responders={
                    "outcome": "x",
                    "unit": "y",
                    "pre": "a",
                    "post": "b",
                    "threshold": 1,
                    "reliability": {"typical_error": 1, "source": "z"},
                    "adherence": "sessions",
                }
            ),
            "adherence and min_adherence go together",
        ),
    ],
)
def test_wrong_configs_name_the_place(tmp_path: Path, change, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        load_config(written(tmp_path, change))
    assert "config.yaml" in str(caught.value)
    assert caught.value.exit_code == 3


def test_files_that_are_no_config(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such"):
        load_config(tmp_path / "none.yaml")
    path = tmp_path / "bad.yaml"
    path.write_text("cohorts:\n  - name: [1, 2\n")
    with pytest.raises(ConfigError, match="line"):
        load_config(path)
    path.write_text("- 1\n")
    with pytest.raises(ConfigError, match="mapping"):
        load_config(path)
    path.write_bytes(b"\xff\xfe\x00bad")
    with pytest.raises(ConfigError, match="YAML"):
        load_config(path)


def test_the_config_of_the_page_is_right(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "qc.md").read_text(encoding="utf-8")
    text = page.split("```yaml\n")[1].split("```")[0]
    (tmp_path / "c.yaml").write_text(text)
    first, _, last = load_config(tmp_path / "c.yaml").cohorts
    assert first.prepare is not None and first.input.file is not None
    assert first.prepare.options("filter_features") == {"max_missing": 0.5, "min_pairs": 10}
    assert first.input.file.path == tmp_path.resolve() / "npx.parquet"
    assert last.differential is not None and last.differential.layer == "below_lod"


def test_mcnemar_needs_its_mask(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="layer: below_lod"):
        load_config(
            written(tmp_path, lambda c: c["cohorts"][0].update(differential={"method": "mcnemar"}))
        )


def meta(**section: object) -> dict[str, object]:
    cohorts = [{"name": name, "input": {"simulate": {}}} for name in "ab"]
    return {"cohorts": cohorts, "meta": [{"name": "m", **section}]}


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ({"cohorts": ["a", "a"]}, "named twice"),
        ({"min_cohorts": 3}, "and min_cohorts"),
        ({"contrasts": {"x": {}}}, "'x' names fewer than 2"),
        ({"contrasts": {"x": {"a": "u", "b": "v"}, "y": {"a": "u", "b": "w"}}}, "'u' of a stands"),
    ],
)
def test_meta_that_would_pool_nothing(tmp_path: Path, section: dict, words: str) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(yaml.safe_dump(meta(**section)))
    with pytest.raises(ConfigError, match=words):
        load_config(path)


def test_yaml_that_python_chokes_on(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    body = yaml.safe_dump(GOOD)
    for text, words in (
        ("seed: 1\nseed: 2\n" + body, "'seed' stands there twice .*line 2"),
        (body + "  differential: {control: A, control: B}\n", "'control' stands there twice"),
        ("title: 2020-13-45\n" + body, "month must be"),
        ("seed: " + "9" * 5000, "digits"),
        ("[" * 5000, "nested too deep"),
    ):
        path.write_text(text)
        with pytest.raises(ConfigError, match=words):
            load_config(path)
    merged = "cohorts:\n- &a {name: one, input: {simulate: {}}}\n- {<<: *a, name: two}\nmeta:\n"
    path.write_text(merged)  # a merged key may be told again; a section of comments is none
    assert [c.name for c in load_config(path).cohorts] == ["one", "two"]
