"""Sleep, arousal, movement, and what they do to ascorbate and temperature."""

import numpy as np
import pytest

from sim_devices.mouse.behaviour import Behaviour, Condition

AWAKE = Behaviour()


def condition(seconds: int, parameters: Behaviour = AWAKE, seed: int = 1, *, handled_at: int = -1) -> Condition:
    mouse = Condition(parameters, np.random.default_rng(seed), np.random.default_rng([seed, 1]))
    for second in range(1, seconds):
        mouse.advance(parameters.handling_arousal if second == handled_at else 0.0)
    return mouse


def series(mouse: Condition, name: str) -> np.ndarray:
    return np.array([mouse.at(name, second) for second in range(mouse.seconds)])


CALM = Behaviour(arousals_per_h=0.0, ascorbate_wander_um=0.0)
ASLEEP_NEVER = CALM.model_copy(update={"sleep_wake_swing_um": 0.0})


def test_glutamate_swings_by_0_9_um_between_sleep_and_wakefulness_within_tens_of_minutes() -> None:
    swing_um = series(condition(6 * 3600), "swing_um")

    assert swing_um.max() == pytest.approx(0.9, abs=0.1)
    assert swing_um.min() == pytest.approx(-0.9, abs=0.1)
    crossings = np.count_nonzero(np.diff(np.sign(swing_um[60:])))
    assert 8 <= crossings <= 30  # episodes of 10 to 30 min in 6 h


def test_an_injection_by_hand_raises_ascorbate_towards_1000_um_and_the_brain_by_1_to_2_degrees() -> None:
    mouse = condition(3600, CALM, handled_at=600)
    ascorbate_um, temperature_c = series(mouse, "ascorbate_um"), series(mouse, "temperature_c")

    assert ascorbate_um[:600] == pytest.approx(250.0)
    assert 700 < ascorbate_um.max() <= 1000
    assert 600 < ascorbate_um.argmax() < 720
    assert ascorbate_um[-1] == pytest.approx(250.0, abs=1.0)
    assert 37.5 < temperature_c.max() < 39.0
    assert temperature_c.argmax() > ascorbate_um.argmax() + 60


def test_an_anaesthetised_animal_neither_sleeps_nor_moves_nor_minds() -> None:
    still = Behaviour(state="anaesthetised", ascorbate_wander_um=0.0, motion_per_min=5.0)
    mouse = condition(3600, still, handled_at=600)

    for name in ("swing_um", "ascorbate_um", "temperature_c"):
        assert len(set(series(mouse, name))) == 1, name
    assert not any(mouse.bursts(second) for second in range(3600))


def test_ascorbate_wanders_slowly_around_its_level_at_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sim_devices.mouse.history.KEPT_S", 24 * 3600)
    levels_um = series(condition(12 * 3600, Behaviour(arousals_per_h=0.0)), "ascorbate_um")

    assert levels_um.mean() == pytest.approx(250, abs=20)
    assert levels_um.std() == pytest.approx(50, rel=0.3)
    assert np.abs(np.diff(levels_um)).max() < 20


def test_an_awake_animal_moves_about_once_a_minute_and_more_when_it_is_handled() -> None:
    awake = ASLEEP_NEVER.model_copy(update={"episode_low_min": 120.0, "episode_high_min": 240.0})
    counts = []
    for handled_at in (-1, 10):
        found = [condition(300, awake, seed, handled_at=handled_at) for seed in range(60)]
        counts.append(np.mean([len({b.number for s in range(300) for b in m.bursts(s)}) for m in found]))

    assert counts[0] == pytest.approx(5.0, rel=0.25)
    assert counts[1] > 1.8 * counts[0]


def test_movements_last_0_2_to_2_s_and_are_the_same_whenever_they_are_asked_for() -> None:
    mouse, later = condition(3600, seed=3), condition(3600, seed=3)
    backward = [later.bursts(second) for second in reversed(range(3600))][::-1]

    forward = [mouse.bursts(second) for second in range(3600)]

    assert forward == backward
    assert all(0.2 <= burst.duration_s <= 2.0 for bursts in forward for burst in bursts)


def test_arousals_come_by_themselves_a_few_times_an_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sim_devices.mouse.history.KEPT_S", 24 * 3600)
    ascorbate_um = series(condition(10 * 3600, CALM.model_copy(update={"arousals_per_h": 4.0})), "ascorbate_um")

    assert 5 <= np.count_nonzero((ascorbate_um[1:] > 400) & (ascorbate_um[:-1] <= 400)) <= 60
