"""What a site says of its budget."""

from fedclinic.rounds import BudgetLeft


def test_a_budget_shows_the_cap_that_binds() -> None:
    life = BudgetLeft(spent_epsilon=10.0, cap_epsilon=16.0, delta=1e-5)
    assert (life.caps, life.left_epsilon) == ("16", 6.0)
    year = life.model_copy(update={"year_spent_epsilon": 10.0, "year_cap_epsilon": 12.0})
    assert (year.caps, year.left_epsilon) == ("16, 12 a year", 2.0)


def test_nothing_is_left_of_a_cap_that_was_lowered_below_what_was_spent() -> None:
    assert BudgetLeft(spent_epsilon=9.0, cap_epsilon=8.0, delta=1e-5).left_epsilon == 0
