"""The plan as a timeline: blocks, labels that fit, and where now is."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gui.presenters.timeline import Timeline, timeline
from tests.gui.fakes import STARTED_NS, S, state, step

STEPS = st.lists(
    st.tuples(st.sampled_from(["infuse", "wait", "operator", "mark"]), st.floats(0, 5000)), min_size=1, max_size=25
)


def laid_out(now_s: float | None, *steps: object, width: float = 1000.0) -> Timeline:
    """Plan time ``now_s``; the plan began when the session did."""
    started = None if now_s is None else STARTED_NS
    return timeline(state(steps=steps, plan_started_ns=started), STARTED_NS + round((now_s or 0) * S), width)


@given(steps=STEPS, width=st.floats(200, 3000))
def test_blocks_fill_the_strip_in_order_and_every_one_can_be_seen(steps: list[tuple[str, float]], width: float) -> None:
    plan = [step(n + 1, kind, "x", 0.0 if kind in {"mark", "operator"} else s) for n, (kind, s) in enumerate(steps)]

    blocks = laid_out(None, *plan, width=width).blocks

    assert blocks[0].left_px == 0.0
    for block, following in pairwise(blocks):
        assert following.left_px == pytest.approx(block.left_px + block.width_px)
    assert all(block.width_px > 0 for block in blocks)
    assert blocks[-1].left_px + blocks[-1].width_px <= width + 1e-6


def test_the_now_line_moves_with_time_and_stands_in_the_running_step() -> None:
    plan = (
        step(1, "wait", "baseline", 100, state="done", started_ns=STARTED_NS, ended_ns=STARTED_NS + 100 * S),
        step(2, "infuse", "ketamine", 100, state="running", started_ns=STARTED_NS + 100 * S),
    )

    early, late = laid_out(125, *plan), laid_out(150, *plan)

    assert early.now_px is not None
    assert late.now_px is not None
    assert early.blocks[1].left_px < early.now_px < late.now_px
    assert late.now_px == pytest.approx(late.blocks[1].left_px + late.blocks[1].width_px / 2, abs=0.5)
    assert late.headline == "Step 2 of 2 · ketamine · 0:50 left"
    assert late.clock == "2:30 of 3:20"


def test_what_waits_for_a_person_pushes_the_rest_along() -> None:
    plan = (
        step(1, "operator", "ok?", 0, state="running", started_ns=STARTED_NS),
        step(2, "infuse", "ketamine", 60),
    )

    shown = laid_out(300, *plan)

    assert [(b.start_s, b.end_s) for b in shown.blocks] == [(0.0, 300.0), (300.0, 360.0)]
    assert shown.headline == "Step 1 of 2 · ok?"


def test_a_plan_that_was_stopped_says_so() -> None:
    plan = (
        step(1, "infuse", "a", 60, state="aborted", started_ns=STARTED_NS, ended_ns=STARTED_NS + 5 * S),
        step(2, "wait", "b", 60, state="missed"),
    )
    assert laid_out(30, *plan).headline == "Plan aborted"
    assert "ABORTED" in laid_out(30, *plan).blocks[0].tooltip


def test_a_plan_not_started_has_no_now_line() -> None:
    shown = laid_out(None, step(1, "wait", "a", 3600))
    assert (shown.now_px, shown.headline, shown.clock) == (None, "1 step, not started", "plan of 1:00:00")
    assert laid_out(None).headline == "No plan: recording only"


def test_a_finished_plan_says_so() -> None:
    done = step(1, "wait", "a", 10, state="done", started_ns=STARTED_NS, ended_ns=STARTED_NS + 10 * S)
    assert laid_out(60, done).headline == "Plan finished"
