"""What drives a signature: its change adjusted to no change of the confounders."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from exerkine_omics import schema
from exerkine_omics.cohort import frame_for_storage, levels, t_quantile, t_tail
from exerkine_omics.cohort._outcomes import as_names
from exerkine_omics.errors import InputError, UsageError, shown
from exerkine_omics.kernels._adjusted_mean import Adjusted, adjust_mean
from exerkine_omics.sig import Signatures, SignatureSet, load
from exerkine_omics.tl._score_test import contrasts_of

JOINTLY = "jointly"
_NEEDED = (schema.SUBJECT, "signature", schema.TIMEPOINT, "baseline", "change")


def score_confounders(
    changes: pd.DataFrame,
    *,
    confounders: str | Sequence[str] | None = None,
    control: str | None = None,
    signatures: Signatures | None = None,
    variance: str = "arm",
) -> pd.DataFrame:
    r"""Adjust each signature's mean change to no change of haemolysis, dilution or leak.

    Use it on the frame of `score_change` where that holds the signatures and the confounder sets:
    is there a change left in people whose confounder did not change? Over the people *i* with
    both changes, :math:`y_i` of the signature and :math:`x_i` of the confounder (or all of them),

    .. math:: y_i = \alpha + \beta^T x_i + e_i, \qquad \hat\alpha = \bar y - \hat\beta^T \bar x

    and between arms, with the slope in common,

    .. math:: y_i = \alpha_{arm(i)} + \beta^T x_i + e_i, \qquad
              \hat\alpha_{a} - \hat\alpha_{c} = (\bar y_a - \bar y_c)
              - \hat\beta^T (\bar x_a - \bar x_c)

    Parameters
    ----------
    changes
        Frame of `score_change`: a row a person, signature and later time point.
    confounders
        Signatures of the frame to adjust for; None means those marked ``confounder`` in
        ``signatures``.
    control
        Arm whose change is subtracted; each arm is also adjusted by itself.
    signatures
        Where the members stand, to count those that a signature shares with the confounder; None
        means the shipped set, looked up by name.
    variance
        Between arms: ``arm`` (default) gives each arm its own residual variance, for arms differ
        in spread where people respond; without confounder it is Welch's t test. ``pooled`` is
        ordinary least squares throughout.

    Returns
    -------
    DataFrame
        A row a contrast (named as in `score_test`), signature and confounder; with several
        measured confounders also one with all of them, ``jointly`` (``adjusted_for`` names them).
        ``estimate``, ``se``, ``p_value``: mean change
        (difference of arms) of the same people by the same model without the confounder, in the
        units of ``change``. ``adjusted_estimate``, ``adjusted_se``, ``adjusted_p_value``,
        ``ci_low``, ``ci_high`` (95%): at no change of the confounder (between arms: at equal
        change), by t on ``df``. ``slope``, ``slope_p_value`` and ``r`` (partial, within arms); for
        ``jointly`` the slope is NaN, its p the F test of all, ``r`` the multiple correlation.
        ``confounder_change``: mean change of the confounder (difference of arms): adjusted =
        estimate - slope x confounder_change. ``extrapolated``: no change lies outside of the
        confounder's range (between arms: their ranges do not meet). ``n_people``; ``n_shared`` and
        ``shared``: members in both sets (NaN where they are not known); ``status``.

    Raises
    ------
    InputError
        If columns are missing, there is no confounder, or a person stands twice.
    UsageError
        If ``control`` is none of the arms.

    Notes
    -----
    Missing values: a person without the change of the signature or of a confounder of the row is
    left out of that row, in all its numbers. Where the status is not ``ok`` the adjusted numbers
    and the slope are NaN; the mean change stays where it has an SE.

    **Adjusted is not corrected.** The confounder's change is measured with error, so that its
    slope is too flat and part of it stays in the adjusted mean (under-adjustment). Leak from
    muscle may be part of the path from exercise to the signature; to adjust for it then takes
    away what is asked for. Where members are shared the slope is partly a signature explaining
    itself. The slope is of differences between people: it need not hold for the mean change,
    least where ``extrapolated`` (docs/signature_drivers.md).

    References
    ----------
    Westfall J, Yarkoni T (2016) Statistically controlling for confounding constructs is harder
    than you think. PLoS ONE 11.

    Examples
    --------
    >>> import exerkine_omics as exo
    >>> adata = exo.datasets.simulate(seed=1).adata
    >>> changes = exo.tl.score_change(adata)
    >>> frame = exo.tl.score_confounders(changes, control="CON")
    >>> frame.loc[frame["status"] == "ok", "confounder"].unique().tolist()
    ['muscle_leak']
    """
    _require(changes)
    if variance not in ("arm", "pooled"):
        raise UsageError(f"variance={variance!r} is neither 'arm' nor 'pooled'")
    members = _members(signatures)
    present = levels(changes["signature"])
    named = _confounders(confounders, signatures, present)
    tested = [s for s in present if s not in named]
    if not tested:
        raise InputError(
            f"The frame holds the confounders {shown(named)} and no other signature",
            fix="Give score_change the signatures together with the confounder sets.",
        )
    seen = {c for c in named if changes.loc[changes["signature"] == c, "change"].notna().any()}
    joint = tuple(c for c in named if c in seen)
    sets = [(c, (c,)) for c in named] + ([(JOINTLY, joint)] if len(joint) > 1 else [])
    shared = {(s, label): _shared(members, s, own) for s in tested for label, own in sets}
    rows: list[dict[str, float | int | bool | str]] = []
    for contrast, wide, group, sign in _contrasts(changes, control):
        for signature in tested:
            y = wide[signature].to_numpy(float)
            for label, own in sets:
                x = wide[list(own)].to_numpy(float)
                fit = adjust_mean(y, x, group, sign, variance == "pooled")
                n_shared, names = shared[signature, label]
                row: dict[str, float | int | bool | str] = {
                    "signature": signature,
                    "contrast": contrast,
                    "confounder": label,
                    **_row(fit),
                    "adjusted_for": "; ".join(own),
                    "n_shared": n_shared,
                    "shared": names,
                    "status": fit.status,
                }
                rows.append(row)
    frame = pd.DataFrame(rows)
    for column in ("signature", "contrast", "confounder"):
        frame[column] = pd.Categorical(frame[column], list(dict.fromkeys(frame[column])))
    return frame_for_storage(frame)


def _require(changes: pd.DataFrame) -> None:
    fix = "Give the frame of exo.tl.score_change."
    if not isinstance(changes, pd.DataFrame):
        raise InputError(f"changes is a {type(changes).__name__}, not a DataFrame", fix=fix)
    missing = [c for c in _NEEDED if c not in changes]
    if missing:
        raise InputError(f"The frame has no column {shown(missing)}", fix=fix)
    if changes.empty:
        raise InputError("The frame has no rows", fix=fix)
    if not pd.api.types.is_numeric_dtype(changes["change"]):
        raise InputError("The column 'change' is not numeric", fix=fix)
    infinite = np.isinf(changes["change"].to_numpy(float))
    if infinite.any():
        people = changes[schema.SUBJECT].astype(str)[infinite].unique()
        raise InputError(f"The column 'change' is infinite for {shown(people)}", fix=fix)
    keys = [schema.SUBJECT, "signature", schema.TIMEPOINT]
    if changes[keys].isna().any(axis=None):
        raise InputError(f"A row has no {', '.join(keys[:2])} or {keys[2]}", fix=fix)
    twice = changes[keys].astype(str).duplicated()
    if twice.any():
        raise InputError(
            f"{shown(changes.loc[twice, schema.SUBJECT].astype(str).unique())} stand twice with "
            "the same signature and time point",
            fix="Give one cohort and one way of scoring at a time.",
        )
    if len(levels(changes["baseline"])) != 1:
        raise InputError("The frame has more than one baseline, or none", fix=fix)


def _confounders(
    confounders: str | Sequence[str] | None, signatures: Signatures | None, present: list[str]
) -> list[str]:
    if confounders is None:
        known = signatures if isinstance(signatures, SignatureSet) else load()
        named = [s for s in present if s in known and known[s].confounder]
        if not named:
            flagged = [s.name for s in known.values() if s.confounder]
            raise InputError(
                "The frame holds no signature that is marked as a confounder",
                fix=f"Score one of {shown(flagged)} too, or name your sets: confounders=[...].",
            )
        return named
    named = [str(c) for c in as_names(confounders)]
    if not named:
        raise UsageError("confounders= names no set", fix="Leave it out for the shipped ones.")
    absent = [c for c in named if c not in present]
    if absent:
        raise InputError(
            f"The frame has no signature {shown(absent)}; it has {shown(present)}",
            where="confounders=",
        )
    if len(set(named)) < len(named):
        raise UsageError("confounders= names a set twice", where="confounders=")
    if JOINTLY in named:
        raise UsageError(f"A set named {JOINTLY!r} cannot be told from all of them", fix="Rename.")
    return named


def _members(signatures: Signatures | None) -> dict[str, dict[str, str]]:
    """Give what each signature holds, by id with the name to show."""
    known = load() if signatures is None else signatures
    if isinstance(known, SignatureSet):
        return {
            s.name: {m.exerkine_id: m.gene_symbol or m.mirbase or m.name for m in s.members}
            for s in known.values()
        }
    if not isinstance(known, Mapping):
        raise UsageError(
            "signatures is a SignatureSet, or a mapping of name to var names or to weights",
            fix="Give what score_change was given.",
        )
    return {str(s): {str(m): str(m) for m in own} for s, own in known.items()}


def _shared(
    members: dict[str, dict[str, str]], signature: str, confounders: tuple[str, ...]
) -> tuple[float, str]:
    if signature not in members or any(c not in members for c in confounders):
        return np.nan, ""
    theirs = set().union(*(members[c] for c in confounders))
    both = [name for key, name in members[signature].items() if key in theirs]
    return float(len(both)), "; ".join(both)


def _contrasts(
    changes: pd.DataFrame, control: str | None
) -> Iterator[tuple[str, pd.DataFrame, np.ndarray, np.ndarray]]:
    """Give each contrast's name, people x signatures, group of each person, sign of each group."""
    has_arms = schema.ARM in changes
    table = pd.DataFrame({k: changes[k].astype(str) for k in (schema.SUBJECT, "signature")})
    table["change"] = changes["change"].astype(float)
    table["time"] = changes[schema.TIMEPOINT].astype(str)
    table["arm"] = changes[schema.ARM].astype(str) if has_arms else ""
    moved = table.groupby(schema.SUBJECT)["arm"].nunique() > 1
    if moved.any():
        raise InputError(
            f"{shown(moved.index[moved])} stand in more than one arm", where=schema.ARM
        )
    arms = levels(changes[schema.ARM]) if has_arms else [""]
    start = levels(changes["baseline"])[0]
    for job in contrasts_of(levels(changes[schema.TIMEPOINT]), arms, start, control):
        part = table[(table["time"] == job.timepoint) & table["arm"].isin(job.arms)]
        wide = part.pivot(index=schema.SUBJECT, columns="signature", values="change").sort_index()
        wide = wide.reindex(columns=levels(changes["signature"]))
        arm = part.drop_duplicates(schema.SUBJECT).set_index(schema.SUBJECT)["arm"]
        group = (arm.reindex(wide.index) != job.arms[0]).to_numpy().astype(int)
        yield job.name, wide, group, np.array([1.0, -1.0][: len(job.arms)])


def _row(fit: Adjusted) -> dict[str, float | int | bool | str]:
    """Numbers of one regression as the frame has them."""
    plain, adjusted = (
        float(t_tail(np.array(estimate / se), np.array(df))) if se > 0 else np.nan
        for estimate, se, df in (
            (fit.estimate, fit.se, fit.df),
            (fit.adjusted, fit.adjusted_se, fit.adjusted_df),
        )
    )
    half = np.nan
    if fit.adjusted_se > 0:
        half = float(t_quantile(np.array(fit.adjusted_df), 0.975)) * fit.adjusted_se
    return {
        "estimate": fit.estimate,
        "se": fit.se,
        "p_value": plain,
        "adjusted_estimate": fit.adjusted,
        "adjusted_se": fit.adjusted_se,
        "adjusted_p_value": adjusted,
        "ci_low": fit.adjusted - half,
        "ci_high": fit.adjusted + half,
        "df": fit.adjusted_df,
        "slope": fit.slope,
        "slope_p_value": fit.slope_p,
        "r": fit.r,
        "confounder_change": fit.step,
        "extrapolated": fit.extrapolated,
        "n_people": fit.n,
    }
