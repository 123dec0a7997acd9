import pytest

from fedclinic.deid.clinical import find_identifiers
from fedclinic.deid.lexicon import lexicon

LINES = """
Medications: Eliquis 5 mg BID, Synthroid 88 mcg daily, Lipitor 40 mg qHS, Flonase prn.
Kerlix and Xeroform dressing changed; Silvadene applied to the burn.
Trach 6 Shiley cuffless, suctioned for scant white secretions.
Epstein-Barr IgM negative; Clostridium difficile toxin by PCR positive.
GCS 15, NIHSS 2, modified Rankin 1, ABCD2 score 4, CHA2DS2-VASc 5.
Colles fracture reduced, sugar tong splint; Salter-Harris II cannot be excluded.
"""


@pytest.mark.parametrize("recase", [str, str.upper, str.lower], ids=["mixed", "upper", "lower"])
@pytest.mark.parametrize("line", LINES.strip().splitlines())
def test_medicines_devices_and_scores_are_no_names_in_any_case(line, recase):
    assert find_identifiers(recase(line), lexicon()) == ()
