"""The rule of direction and level, by hand-made findings and by a slow second writing."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pytest

import exerkine_omics as exo
from exerkine_omics.sig._derive import derive, derive_for, level_of, within
from exerkine_omics.sig._model import Member, Signature
from exerkine_omics.sig._vocabulary import EVIDENCE_COLUMNS, NUMBERS, time_class


def finding(number: int, exerkine: str, paper: str, **changes: str) -> dict[str, str]:
    return {
        "evidence_id": f"ev_p{number:04d}", "exerkine_id": exerkine, "exposure": "acute",
        "exercise_mode": "endurance", "minutes_post": "0", "time_class": "immediate",
        "matrix": "plasma", "direction": "up", "species": "human", "level": "human",
        "reference": f"pmid{paper}",
    } | changes  # fmt: skip


def as_evidence(rows: list[dict[str, str]]) -> pd.DataFrame:
    """Rows as `exo.sig.evidence` gives them."""
    frame = pd.DataFrame(rows, columns=list(EVIDENCE_COLUMNS)).fillna("")
    for column in NUMBERS:
        frame[column] = pd.to_numeric(frame[column].where(frame[column] != "")).astype("float64")
    return frame


def context(rows: list[dict[str, str]], mode: str = "endurance", matrix: str = "blood"):
    frame = derive(as_evidence(rows))
    own = frame[(frame["exercise_mode"] == mode) & (frame["matrix"] == matrix)]
    return None if own.empty else own.iloc[0]


def findings(*codes: str) -> list[dict[str, str]]:
    """Each code is direction:level; every row is another paper."""
    names = {"u": "up", "d": "down", "n": "unchanged", "m": "mixed"}
    return [
        finding(i, "il6", str(100 + i), direction=names[code[0]], level=code[2:])
        for i, code in enumerate(codes)
    ]


@pytest.mark.quick
@pytest.mark.parametrize(
    ("codes", "direction", "level"),
    [
        (["u:human"], "up", "B"),
        (["u:meta"], "up", "A"),
        (["d:human", "d:human"], "down", "A"),
        (["u:human", "u:human", "n:human"], "up", "A"),
        (["u:human", "u:human", "n:human", "d:human"], "up", "B"),
        (["u:human", "n:human"], "up", "B"),
        (["u:meta", "n:human"], "up", "B"),
        (["u:human", "d:human"], "contested", "C"),
        (["n:human", "n:human", "u:human"], "unchanged", "A"),
        (["u:human", "d:human", "n:human"], "contested", "C"),
        (["u:list"], "up", "L"),
        (["u:list", "d:list"], "contested", "C"),
        (["u:list", "u:list", "d:human"], "down", "B"),
        (["u:nominated", "u:review"], "", "C"),
        (["m:human"], "", "C"),
    ],
)
def test_the_rule(codes: list[str], direction: str, level: str) -> None:
    row = context(findings(*codes))
    assert (row["direction"], row["level"]) == (direction, level)


def test_a_paper_counts_once_and_both_its_sides() -> None:
    rows = [finding(i, "il6", "5", minutes_post=str(i)) for i in range(4)]
    rows.append(finding(9, "il6", "5", direction="down"))
    row = context(rows)
    assert (row["n_up"], row["n_down"], row["direction"]) == (1, 1, "contested")
    assert row["references"] == "pmid5"


def test_modes_and_matrices_speak_for_their_families() -> None:
    rows = findings("u:human")
    for mode, families in {
        "any": {"endurance", "hiit", "resistance"},
        "combined": {"endurance", "resistance"},
        "sprint": {"hiit"},
        "activity": set(),
    }.items():
        rows[0]["exercise_mode"] = mode
        assert set(derive(as_evidence(rows))["exercise_mode"]) == families
    rows[0] |= {"exercise_mode": "endurance", "matrix": "ev"}
    assert context(rows) is None
    assert context(rows, matrix="ev")["direction"] == "up"
    rows[0]["matrix"] = "tissue"
    assert derive(as_evidence(rows)).empty


@pytest.mark.parametrize(
    "change",
    [{"species": "mouse"}, {"exposure": "cross_sectional"}, {"exposure": "genetic"}],
)
def test_these_set_no_direction(change: dict[str, str]) -> None:
    assert derive(as_evidence([finding(1, "il6", "1", **change)])).empty


def test_window() -> None:
    rows = [
        finding(1, "il6", "1", minutes_post="30"),
        finding(2, "il6", "2", minutes_post="", time_class="early"),
        finding(3, "il6", "3", minutes_post="", time_class="not_stated"),
        finding(4, "il6", "4", minutes_post="-5", time_class="during"),
        finding(5, "il6", "5", minutes_post="", time_class="immediate"),
        finding(6, "il6", "6", exposure="chronic", minutes_post="", time_class="rest"),
    ]
    frame = as_evidence(rows)
    keep = {w: within(frame, w).to_list() for w in [(0, 0), (0, 60), (60, 90), (-20, -1)]}
    assert keep[0, 0] == [False, False, True, False, True, True]
    assert keep[0, 60] == [True, True, True, False, True, True]
    assert keep[60, 90] == [False, True, True, False, False, True]
    assert keep[-20, -1] == [False, False, True, True, False, True]
    assert within(frame, None).all()
    assert [time_class(m) for m in (-1, 0, 30, 31, 240, 1440, 1441)] == [
        "during", "immediate", "immediate", "early", "early", "late", "days",
    ]  # fmt: skip


def slow(rows: list[dict[str, str]]) -> tuple[str, str]:
    """The rule once more, in plain sets."""

    def papers(direction: str, levels: set[str]) -> set[str]:
        return {
            r["reference"] for r in rows if r["direction"] == direction and r["level"] in levels
        }

    chosen = {d: papers(d, {"meta", "human"}) for d in ("up", "down", "unchanged")}
    lists = not any(chosen.values())
    if lists:
        chosen = {d: papers(d, {"list"}) for d in chosen}
    up, down, same = (len(chosen[d]) for d in ("up", "down", "unchanged"))
    if not up + down + same:
        return "", "C"
    direction = "contested"
    if up > down and up >= same:
        direction = "up"
    elif down > up and down >= same:
        direction = "down"
    elif same > max(up, down):
        direction = "unchanged"
    if direction == "contested":
        return direction, "C"
    if lists:
        return direction, "L"
    own = len(chosen[direction])
    strong = own >= 2 or bool(papers(direction, {"meta"}))
    return direction, "A" if strong and own > up + down + same - own else "B"


def test_the_rule_agrees_with_its_slow_writing() -> None:
    rng = np.random.default_rng(1)
    rows = [
        finding(
            i, f"m{rng.integers(60)}", str(rng.integers(1, 9)),
            direction=str(rng.choice(["up", "down", "unchanged", "mixed"])),
            level=str(rng.choice(["meta", "human", "list", "review"], p=[0.1, 0.5, 0.3, 0.1])),
        )
        for i in range(400)
    ]  # fmt: skip
    frame = derive(as_evidence(rows)).set_index("exerkine_id")
    assert set(frame["level"]) == {"A", "B", "L", "C"}
    for name in frame.index:
        own = [r for r in rows if r["exerkine_id"] == name]
        assert (frame.loc[name, "direction"], frame.loc[name, "level"]) == slow(own), name
    shuffled = as_evidence(rows).sample(frac=1, random_state=0)
    pd.testing.assert_frame_equal(derive(shuffled).set_index("exerkine_id"), frame)


def signature(weights: dict[str, float], **changes: object) -> Signature:
    content = {
        "name": "s", "title": "S", "kind": "panel", "modality": "proteomics", "exposure": "acute",
        "exercise_mode": ["endurance"], "matrix": ["serum"], "level": "B", "weights": "w",
        "limits": "l", "not_for": "n",
        "members": [Member(exerkine_id=k, name=k, weight=w) for k, w in weights.items()],
    }  # fmt: skip
    return Signature.model_validate(content | changes)


def test_level_of_a_signature_is_what_half_its_weight_reaches() -> None:
    rows = [finding(i, "a", str(i)) for i in (1, 2)] + [finding(3, "b", "3")]
    rows += [finding(4, "c", "4", level="list")]
    own = as_evidence(rows)
    for weights, level in [
        ({"a": 1, "b": 1}, "A"),
        ({"a": 1, "b": 2}, "B"),
        ({"a": 1, "c": 2}, "L"),
        ({"a": 1, "unknown": 2}, "C"),
        ({"a": -1}, "C"),  # two studies against its sign speak for no level
    ]:
        chosen = signature(weights)
        assert level_of(chosen, derive_for(own, chosen)) == level, weights


def test_a_signature_s_own_context() -> None:
    rows = [
        finding(1, "a", "1"),
        finding(2, "a", "2", exercise_mode="resistance"),
        finding(3, "a", "3", matrix="ev"),
        finding(4, "a", "4", exposure="chronic", time_class="rest", minutes_post=""),
        finding(5, "a", "5", minutes_post="600", time_class="late"),
        finding(6, "a", "6", exposure="cross_sectional", exercise_mode="none", time_class="rest"),
    ]
    own = as_evidence(rows)

    def counted(**changes: object) -> int:
        return int(derive_for(own, signature({"a": 1}, **changes))["n_up"].sum())

    assert counted() == 2
    assert counted(window_minutes=(0, 60)) == 1
    assert counted(exercise_mode=["endurance", "resistance"]) == 3
    assert counted(exercise_mode=[]) == 3
    assert counted(exercise_mode=["hiit"]) == 0
    assert counted(matrix=[]) == 3
    assert counted(exposure="any") == 3
    assert counted(exposure="any", confounder=True) == 4  # a marker at rest marks the confounder
    assert counted(species="rat") == 0


def test_fast_enough() -> None:
    own = exo.sig.evidence()
    start = time.perf_counter()
    derive(own)
    assert time.perf_counter() - start < 0.5
