"""The colours: readable in both editions, and told apart by people who see colours differently."""

from __future__ import annotations

import pytest

from gui.palette import DARK, LIGHT, Palette, greyed, style_sheet


def luminance(color: str) -> float:
    """WCAG 2.1, relative luminance."""
    parts = [int(color[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(a: str, b: str) -> float:
    low, high = sorted((luminance(a), luminance(b)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("palette", [DARK, LIGHT, greyed(DARK), greyed(LIGHT)], ids=lambda p: p.name)
def test_every_text_can_be_read_on_its_ground(palette: Palette) -> None:
    pairs = [(color, palette.surface) for color in (*palette.traces, *palette.pumps)]
    for tone in ("text", "dim", "good", "busy", "warn", "alarm"):
        pairs += [(getattr(palette, tone), ground) for ground in (palette.surface, palette.ground)]
    pairs += [
        (palette.alarm, palette.alarm_ground),
        (palette.text, palette.raised),
        (palette.warn, palette.warn_ground),
        *((palette.tone(tone), palette.alarm_lit) for tone in ("alarm", "normal", "dim")),
        *((palette.tone(tone), palette.warn_lit) for tone in ("warn", "normal", "dim")),
        (palette.simulated_text, palette.simulated_ground),
        (palette.stop_text, palette.stop),
        (palette.surface, palette.accent),
    ]
    for text, ground in pairs:
        assert contrast(text, ground) >= 4.5, (text, ground)


@pytest.mark.parametrize("palette", [DARK, LIGHT], ids=lambda p: p.name)
def test_channels_and_pumps_have_colours_of_their_own(palette: Palette) -> None:
    assert len(set(palette.traces)) == len(palette.traces)
    assert len(set(palette.pumps)) == len(palette.pumps)


def test_R52_old_values_lose_every_lively_colour_but_stop_and_warnings_do_not() -> None:
    old = greyed(DARK)
    assert {old.good, old.busy, *old.traces, *old.pumps, old.text} == {DARK.dim}
    assert (old.stop, old.alarm, old.warn) == (DARK.stop, DARK.alarm, DARK.warn)


@pytest.mark.parametrize("palette", [DARK, LIGHT], ids=lambda p: p.name)
def test_the_style_sheet_leaves_no_hole(palette: Palette) -> None:
    sheet = style_sheet(palette)
    assert "$" not in sheet
    assert sheet.count("{") == sheet.count("}")
