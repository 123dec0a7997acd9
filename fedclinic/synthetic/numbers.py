"""Telephone numbers, record numbers, net addresses and other identifiers, in many formats."""

from collections.abc import Callable
from random import Random

Maker = Callable[[Random], str]


def from_pattern(rng: Random, pattern: str) -> str:
    """Fill a pattern: `#` a digit, `%` a digit but 0, `?` a capital letter; the rest stays."""
    draw = rng.random
    return "".join(
        str(int(draw() * 10))
        if char == "#"
        else str(1 + int(draw() * 9))
        if char == "%"
        else "ABCDEFGHJKLMNPRSTUVWXYZ"[int(draw() * 23)]
        if char == "?"
        else char
        for char in pattern
    )


def patterns(*choices: str) -> Maker:
    """Return a maker that fills one of `choices`."""
    return lambda rng: from_pattern(rng, choices[int(rng.random() * len(choices))])


phone = patterns(
    "(%##) 555-####", "%##-555-####", "%##-%##-####", "%##.%##.####", "%## %## ####",
    "+1 %## %## ####", "1-%##-%##-####", "(%##)%##-####", "%##/%##-####", "%##-%##-#### x####",
    "%##-####", "%#########",
)  # fmt: skip
pager = patterns("x####", "#####", "%####", "ext. ####", "%##-####")
ssn = patterns("%##-%#-####", "%##-%#-####", "%## %# ####", "%##%#####")
mrn = patterns(
    "%######", "%#######", "%##-##-##", "%###-###-?", "?########", "MR-##-#####", "%##-###-####",
    "?#-######", "00%#####", "H-%#####-?",
)  # fmt: skip
health_plan = patterns(
    "%??#-??#-??##", "?########-##", "???%########", "%########A", "BC-######", "??#######",
    "GRP-#####-##", "%###-####-####",
)  # fmt: skip
account = patterns(
    "V########-####", "%###########", "AC-#######", "HAR%#######", "%####-####", "?###########"
)
license_number = patterns(
    "??#######", "%#########", "RN-######", "MD.####-?", "??-##-######", "?####-####",
    "DL ?#######", "PT#####",
)  # fmt: skip
plate = patterns("%???###", "???-####", "??? ###", "###-???", "?##-???", "%??####")
vin = patterns("%??????#%??######", "%?????###??######")
device_serial = patterns(
    "???######?", "SN-########", "?##-####", "%#######-##", "PJN######?", "LOT ?#####"
)
biometric = patterns(
    "FP-#####-??", "IRIS-??-######", "VP######", "RET-####-?", "fpt:#######", "BIO-?#?#?#"
)
photo = patterns(
    "IMG-20##-##-#####", "DSC_#####", "face_######.jpg", "PHOTO-####-??", "IMG_####.JPG"
)
other_id = patterns(
    "SP-2#-######", "?########", "S2#-#####", "NEJ-####", "CSN######", "RX#######", "CASE-####-???",
    "%########", "TR-###-?", "???-###-####",
)  # fmt: skip


def ip_address(rng: Random) -> str:
    return ".".join(str(rng.randint(1, 254)) for _ in range(4))


_HOSTS = ["mychart", "portal", "records", "imaging", "results", "health", "access", "connect"]
_DOMAINS = ["hospital.org", "clinic.org", "healthcare.net", "medcenter.edu", "carelink.com"]
_MAIL = ["gmail.com", "yahoo.com", "outlook.com", "aol.com", "icloud.com", "comcast.net"]


def url(rng: Random) -> str:
    host = f"{rng.choice(_HOSTS)}.{rng.choice(_DOMAINS)}"
    start = rng.choice(("https://", "http://", "www.", "https://www."))
    return (
        start + host + rng.choice(("", f"/p/{rng.randint(1, 99999)}", f"/id={rng.randint(1, 999)}"))
    )


def email(rng: Random, first: str, last: str) -> str:
    """Write an address that holds the name of its owner."""
    one, two = (part.lower().replace(" ", "").replace("'", "") for part in (first, last))
    name = rng.choice(
        (f"{one}.{two}", f"{one[0]}{two}", f"{two}{rng.randint(1, 99)}", f"{one}_{two}")
    )
    return f"{name}@{rng.choice(_MAIL if rng.random() < 0.7 else _DOMAINS)}"
