"""Scripts and styles of a page: which of them it asks for, and the policy that admits no others."""

from __future__ import annotations

import base64
import re
from functools import cache
from hashlib import sha256
from pathlib import Path

from markupsafe import Markup

_HERE = Path(__file__).parent
_OWN = ("tables.js", "plots.js", "explore.js")
_LIBRARIES = {"tables": "tabulator.min.js", "plots": "plotly-basic.min.js"}
_STYLES = {"tables": "tabulator_simple.min.css"}


class Assets:
    """What one page needs; a template calls `want` where it writes what needs it."""

    def __init__(self) -> None:
        self._wanted: set[str] = set()

    def want(self, *names: str) -> str:
        """Ask for the libraries ``tables`` or ``plots``; returns nothing to write."""
        self._wanted.update(names)
        return ""

    @property
    def styles(self) -> list[Markup]:
        """Style sheets of the libraries."""
        return [_text(f"vendor/{_STYLES[n]}") for n in sorted(self._wanted & set(_STYLES))]

    @property
    def scripts(self) -> list[Markup]:
        """Libraries, then the page's own script, which unfolds a printed page on any page."""
        libraries = [_text(f"vendor/{_LIBRARIES[n]}") for n in sorted(self._wanted)]
        return [*libraries, Markup("\n").join(_text(f"js/{name}") for name in _OWN)]

    @property
    def policy(self) -> str:
        """Content security policy: these scripts by their hash, and no request to anywhere.

        A browser that honours it runs no markup of a feature's name even where escaping failed.
        """
        hashes = " ".join(f"'sha256-{_digest(text)}'" for text in self.scripts)
        return (
            f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; "
            "img-src data: blob:; base-uri 'none'; form-action 'none'"
        )


@cache
def _text(name: str) -> Markup:
    text = (_HERE / name).read_text(encoding="utf-8")
    # a map of the source would be asked for beside the page, where there is none
    return Markup(re.sub(r"\n/[/*]# sourceMappingURL=\S+( \*/)?\s*$", "\n", text))


def _digest(text: str) -> str:
    return base64.b64encode(sha256(text.encode("utf-8")).digest()).decode("ascii")
