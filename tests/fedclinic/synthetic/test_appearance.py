from hypothesis import given
from hypothesis import strategies as st

from fedclinic.synthetic.appearance import change_case, wrap

TEXTS = st.text(alphabet="ab é\n", max_size=200)


@given(TEXTS, st.integers(1, 40))
def test_wrapping_only_turns_spaces_into_line_ends(text: str, width: int):
    wrapped = wrap(text, width=width)
    assert len(wrapped) == len(text)
    changed = {(old, new) for old, new in zip(text, wrapped, strict=True) if old != new}
    assert changed <= {(" ", "\n")}


@given(st.lists(st.text(alphabet="ab", min_size=1, max_size=9), min_size=1, max_size=40))
def test_no_line_is_longer_than_the_width_where_words_are_shorter(words: list[str]):
    assert all(len(line) <= 10 for line in wrap(" ".join(words), width=10).split("\n"))


def test_a_stratum_sets_the_case_of_the_whole_text():
    assert change_case("Dr. Émile", "upper") == "DR. ÉMILE"
    assert change_case("Dr. Émile", "lower") == "dr. émile"
    assert change_case("Dr. Émile", "composed") == change_case("Dr. Émile", "mixed") == "Dr. Émile"
