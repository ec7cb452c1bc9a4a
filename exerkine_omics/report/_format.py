"""Numbers as a reader wants them: three digits, an en dash where nothing is known."""

from __future__ import annotations

import math
from typing import Any

from markupsafe import Markup, escape

from exerkine_omics import schema
from exerkine_omics.kernels._scorers import SCORERS

DASH = "–"


def known(value: Any) -> bool:
    """Tell whether a number is there: neither None nor NaN."""
    return value is not None and not (isinstance(value, float) and math.isnan(value))


def number(value: Any, reason: str = "") -> str | Markup:
    """Three significant digits; an en dash that carries the reason where there is none."""
    if not known(value):
        return _dash(reason)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    if isinstance(value, int):
        return f"{value:,}"
    if abs(value) >= 999.5:
        return f"{value:,.0f}"
    if value != 0 and abs(value) < 1e-3:
        return f"{value:.2e}"
    return f"{value:.3g}"


def p_value(value: Any, reason: str = "") -> str | Markup:
    """Write a p value: ``0.034``, ``1.2e-05``, ``< 1e-16``."""
    if not known(value):
        return _dash(reason)
    if value < 1e-16:
        return "< 1e-16"
    return f"{value:.1e}" if value < 1e-3 else f"{value:.2g}"


def percent(value: Any, reason: str = "") -> str | Markup:
    """Write a share as a percentage without decimals."""
    return f"{100 * value:.0f}%" if known(value) else _dash(reason)


def interval(low: Any, high: Any, reason: str = "") -> str | Markup:
    """Write an interval: ``-0.2 to 1.4``."""
    if not known(low) and not known(high):
        return _dash(reason)
    return Markup("{} to {}").format(number(low), number(high))


def pair_range(low: Any, high: Any) -> str | Markup:
    """Write how many pairs features rest on: ``7`` or ``7 to 11``."""
    if not known(low) or not known(high):
        return _dash("no feature was tested")
    low, high = int(low), int(high)
    return str(low) if low == high else f"{low} to {high}"


def raw(value: Any) -> str:
    """Value a table sorts by; empty where there is none, which sorts last."""
    return repr(float(value)) if known(value) else ""


def duration(seconds: float) -> str:
    """Write a duration: ``12 s`` or ``3 min 5 s``."""
    if not known(seconds):
        return DASH
    whole = round(seconds)
    return f"{whole // 60} min {whole % 60} s" if whole >= 60 else f"{seconds:.3g} s"


def estimate_unit(units: str) -> str:
    """Name the unit of a difference on the scale ``units``."""
    scale = schema.UNIT_TABLE.get(units)
    if scale is not None and scale.base == "log2":
        return f"log2 fold change ({units})" if units != "log2" else "log2 fold change"
    if scale is not None and scale.base == "sd":
        return "SD"
    return units


def score_unit(method: str) -> str:
    """Name the unit of a score."""
    return SCORERS[method].units if method in SCORERS else f"units of {method}"


def plain(value: Any) -> str | Markup:
    """Write a free-form value of a summary: numbers formatted, dicts and lists as a list."""
    if isinstance(value, dict):
        rows = [Markup("<li>{}: {}</li>").format(_words(k), plain(v)) for k, v in value.items()]
        return Markup("<ul>{}</ul>").format(Markup("").join(rows))
    if isinstance(value, list | tuple):
        if all(not isinstance(v, dict | list | tuple) for v in value):
            return Markup(", ").join([escape(number(v)) for v in value]) or DASH
        rows = [Markup("<li>{}</li>").format(plain(v)) for v in value]
        return Markup("<ul>{}</ul>").format(Markup("").join(rows))
    return number(value)


def _words(key: Any) -> str:
    return str(key).replace("_", " ")


def _dash(reason: str) -> str | Markup:
    if not reason or reason == schema.OK:
        return DASH
    return Markup('<abbr title="{}">{}</abbr>').format(reason, DASH)
