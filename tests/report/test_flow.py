"""From samples to people to pairs, as boxes."""

from __future__ import annotations

from exerkine_omics.report import render
from exerkine_omics.report._flow import flow

STAGES = [
    ("tubes read", "tubes", "", 60),
    ("tubes in the data", "tubes", "", 52),
    ("tubes of people", "tubes", "", 49),
    ("with person, time and values", "tubes", "", 48),
    ("people", "people", "A", 6),
    ("people", "people", "B", 5),
    ("with a sample at pre", "people", "A", 6),
    ("with a sample at pre", "people", "B", 4),
    ("paired at h1", "people", "A", 5),
    ("paired at h1", "people", "B", 4),
    ("paired at h2", "people", "A", 2),
    ("paired at h2", "people", "B", 1),
]


def cohort(summary: dict) -> dict:
    one = summary["cohorts"][0]
    stages = [dict(zip(("stage", "unit", "arm", "n"), row, strict=True)) for row in STAGES]
    steps = [("pp.lod", 58), ("pp.clean", 55), ("pp.impute", 55), ("pp.clean", 52)]
    one["qc"] = {
        "flow": stages,
        "steps": [
            {"step": s, "parameters": "", "n_samples": n, "n_features": 9, "notes": []}
            for s, n in steps
        ],
        "mended": [], "notes": [], "plates": [], "lod": None, "pca": None, "drift": None,
        "haemolysis": None, "plasma_volume": [],
    }  # fmt: skip
    one["dropped"] = [
        {"subject_id": f"P{i}", "timepoint": t, "reason": r}
        for i, (t, r) in enumerate([("h1", "no h1 sample")] * 2 + [("h2", "<no> h2")] * 3)
    ]
    return one


def test_every_stage_and_every_loss(summary):
    rows = flow(cohort(summary))
    numbers = [[box["n"] for box in row["boxes"]] for row in rows]
    assert numbers == [[60], [52], [49], [48], [11], [10], [9, 3]]
    assert [row["boxes"][0]["words"] for row in rows[:3]] == [
        "samples read",
        "samples in the data",
        "samples of people",
    ]
    assert rows[4]["boxes"][0]["arms"] == [("A", 6), ("B", 5)]
    assert [row["lost"] for row in rows] == [
        [],
        [
            "8 left out when they were read and prepared",
            "3 of them in clean",
            "3 of them in clean",
        ],
        ["3 of no person: controls, blanks, pools"],
        ["1 without"],
        [],  # people are no fewer samples
        ["1 without"],
        ["2 without a pair at h1: no h1 sample", "3 without a pair at h2: <no> h2"],
    ]


def test_a_summary_without_stages_is_counted(summary):
    one = summary["cohorts"][0]
    rows = flow(one)
    assert [[b["n"] for b in row["boxes"]] for row in rows] == [[49], [11], [7, 9]]
    assert rows[-1]["lost"] == ["1 without a pair: no finish sample"]


def test_the_drawing_takes_the_place_of_its_picture(summary, tmp_path):
    one = cohort(summary)
    picture = {**one["figures"][0], "section": "qc", "caption": "From tubes to people to pairs."}
    (tmp_path / "qc_flow.png").write_bytes((tmp_path / picture["path"]).read_bytes())
    one["figures"].append({**picture, "path": "qc_flow.png"})
    text = render(summary, tmp_path / "r.html").read_text(encoding="utf-8")
    assert picture["caption"] not in text
    assert "&lt;no&gt; h2" in text
    assert "<b>10</b> with a sample at pre" in text
