"""A bar chart as SVG, so that a table can be looked at. `--out FOLDER` of each measurement writes them there."""

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

_WIDTH, _LEFT, _BAR, _GAP = 720, 220, 16, 14
_COLOURS = ("#1d4ed8", "#9ca3af", "#0f766e", "#d1d5db")


def write_bars(path: Path, title: str, unit: str, groups: Sequence[tuple[str, Mapping[str, float]]]) -> None:
    """Write horizontal bars: for each group one bar a name, as long as its value."""
    names = list(dict.fromkeys(name for _, values in groups for name in values))
    most = max(value for _, values in groups for value in values.values()) or 1
    lines, y = [], 64
    for label, values in groups:
        lines.append(_text(_LEFT - 10, y + _BAR * len(values) / 2 + 4, label, "end"))
        for name, value in values.items():
            length = (_WIDTH - _LEFT - 90) * value / most
            colour = _COLOURS[names.index(name) % len(_COLOURS)]
            lines.append(f'<rect x="{_LEFT}" y="{y}" width="{length:.1f}" height="{_BAR - 3}" fill="{colour}"/>')
            lines.append(_text(_LEFT + length + 6, y + _BAR - 5, f"{value:,.{0 if value >= 100 else 1}f}", "start"))
            y += _BAR
        y += _GAP
    legend = [
        f'<rect x="{_LEFT + 130 * place}" y="38" width="12" height="12" fill="{_COLOURS[place % len(_COLOURS)]}"/>'
        + _text(_LEFT + 130 * place + 18, 48, name, "start")
        for place, name in enumerate(names)
    ]
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{y}" viewBox="0 0 {_WIDTH} {y}" '
        'font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="#fff"/>'
    )
    top = _text(16, 24, f"{title} ({unit})", "start", ' font-weight="bold"')
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([head, top, *legend, *lines, "</svg>\n"]))


def _text(x: float, y: float, text: str, anchor: str, more: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="#111"{more}>{escape(text)}</text>'
