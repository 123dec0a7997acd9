"""Coarsen ZIP codes as Safe Harbor asks: three digits, and none where few people live."""

import re

from fedclinic.deid.word_lists import words

SPARSE_ZIP3 = words(
    """
    036 059 063 102 202 203 204 205 369 556 692 753 772 790 821 823 830 831 878 879 884 890
    893
    """
)
"""Three-digit areas with 20,000 people or fewer in the census of 2000 or of 2010.

Source: HHS, Guidance Regarding Methods for De-identification (2012), 17 areas of 2000; the Census
Bureau's 2010 ZIP code tabulation areas for the rest. The union is taken.
"""

UNASSIGNED_ZIP3 = words(
    """
    000 001 002 003 004 099 213 269 343 345 348 353 419 428 429 517 518 519 529 533 536 552
    568 578 579 589 621 632 642 643 659 663 682 694 695 696 697 698 699 702 709 715 732 742
    771 817 818 819 839 848 849 851 854 858 861 862 866 867 868 869 876 886 887 888 892 896
    899 909 929 987
    """
)
"""Three-digit areas without ordinary addresses: a code there is no ZIP code that we know."""

_ZIP = re.compile(r"(?<!\d)(\d{5})(?:-\d{4})?(?!\d)")


def zip3(code: str) -> str:
    """Three digits of a ZIP code and XX; 000XX where the area is sparse or unassigned."""
    area = code[:3]
    return "000XX" if area in SPARSE_ZIP3 | UNASSIGNED_ZIP3 else f"{area}XX"


def coarsen_zips(text: str) -> str:
    """Coarsen every ZIP code in `text`."""
    return _ZIP.sub(lambda match: zip3(match.group(1)), text)
