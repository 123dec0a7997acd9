"""A site numbers the versions of its policies, and says what each replaced."""

from site_agent.policy_book import put_in_force

FIRST, SECOND = "sha256:" + "1" * 64, "sha256:" + "2" * 64


def test_each_version_has_the_next_number_and_names_the_one_before(tmp_path):
    book = tmp_path / "policies.json"
    told = [put_in_force(book, "north", {"privacy": d}, 1.0)[0] for d in (FIRST, SECOND, FIRST)]
    assert [change.number for change in told] == [1, 2, 3]
    assert [change.before for change in told] == [None, FIRST, SECOND]
    assert [change.after for change in told] == [FIRST, SECOND, FIRST]


def test_what_did_not_change_is_told_as_before_and_with_its_own_time(tmp_path):
    book = tmp_path / "policies.json"
    policies = {"privacy": FIRST, "auditing": SECOND}
    first = put_in_force(book, "north", policies, 1.0)
    kept = book.read_bytes()
    assert put_in_force(book, "north", policies, 2.0) == first
    assert book.read_bytes() == kept
    changed = put_in_force(book, "north", {**policies, "privacy": SECOND}, 3.0)
    assert [change.at for change in changed] == [1.0, 3.0]
