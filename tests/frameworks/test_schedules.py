import numpy as np
import pytest

from d2lutils.schedules import SCHEDULES, learning_rate


def rates(name, num_steps=400):
    return [learning_rate(name, 0.5, i, num_steps) for i in range(num_steps)]


@pytest.mark.parametrize("name", SCHEDULES)
def test_between_zero_and_the_largest(name):
    assert 0 < min(rates(name)) <= max(rates(name)) <= 0.5
    assert max(rates(name)) == pytest.approx(0.5, rel=0.01)


def test_constant():
    assert set(rates("constant")) == {0.5}


def test_cosine_falls_from_all_to_nothing():
    values = rates("cosine")
    assert values == sorted(values, reverse=True)
    assert np.mean(values) == pytest.approx(0.25)
    assert values[-1] < 1e-4


def test_step_divides_by_ten_twice():
    assert rates("step", 8) == pytest.approx(
        [0.5] * 4 + [0.05] * 2 + [5e-3] * 2
    )


def test_one_cycle_rises_for_a_quarter():
    values = rates("one_cycle")
    assert np.argmax(values) in (99, 100)
    assert np.mean(values) == pytest.approx(0.25)
