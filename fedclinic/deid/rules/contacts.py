"""Rules for ways to reach a person: e-mail, web and IP addresses, telephone and fax numbers."""

from fedclinic.deid.kinds import EntityKind as Kind
from fedclinic.deid.rules.pattern import rule

_EXTENSION = r"(?:\s?(?:[xX]|ext\.?|Ext\.?|extension)\s?\d{1,6})?"
_NORTH_AMERICAN = (
    rf"(?:\+?1[-. ]?)?(?:\(\d{{3}}\)[ -]?|\d{{3}}[-./ ])\d{{3}}[-. ]\d{{4}}{_EXTENSION}"
)
_CUE = (
    r"(?i:phone|tel(?:ephone)?|cell|mobile|pager|beeper|bleep|call(?:ed)?(?: (?:at|back|me|us))?|"
    r"ext(?:ension)?|"
    r"contact|reached (?:at|on)|number|page[dr]?|home|work|voicemail)"
)
_LOCAL = r"(?:\d{3}[-. ]\d{4}|[xX]?\d{4,5}|\d{10}|\(?\d{3}\)?[-. /]?\d{3}[-. ]?\d{4})"

CONTACT_RULES = (
    rule(
        Kind.EMAIL_ADDRESS,
        1.0,
        r"[\w.%+-]+\s?@\s?[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+",
        needs="@",
    ),
    rule(
        Kind.URL,
        1.0,
        r"\b(?:(?i:https?|ftp)://|(?i:www)\.)[^\s<>\"]*[^\s<>\".,;:)\]]",
        opens="http https ftp www",
    ),
    rule(
        Kind.URL,
        0.8,
        r"\b(?:[a-z0-9-]+\.)+(?:com|org|net|edu|gov|io|health|"
        r"info)(?:/[^\s<>\"]*[^\s<>\".,;:)])?\b(?!@)",
        needs=".com .org .net .edu .gov .io .health .info",
    ),
    rule(
        Kind.IP_ADDRESS,
        0.9,
        r"\d(?<![\d.]\d)\d{0,2}(?:\.(?:25[0-5]|2[0-4]\d|1?\d?\d)){3}(?![\d.]\d)",
    ),
    rule(
        Kind.IP_ADDRESS,
        0.8,
        r"(?<![\w:])(?:[0-9a-fA-F]{1,4}:){4,7}[0-9a-fA-F]{1,4}(?![\w:])",
        needs=":",
    ),
    rule(
        Kind.IP_ADDRESS,
        0.8,
        r"(?<![\w:])(?:[0-9a-fA-F]{1,4}:){1,6}:(?:[0-9a-fA-F]{1,4}:?){1,4}(?![\w:])",
        needs="::",
    ),
    rule(
        Kind.FAX_NUMBER,
        0.9,
        rf"(?i:\bfax(?:ed)?(?: (?:number|no\.?|to|at))?)\b[:#. ]{{0,3}}(?:is "
        rf")?(?P<value>{_NORTH_AMERICAN}|{_LOCAL})(?![\w/-])",
        opens="fax faxed",
    ),
    rule(Kind.PHONE_NUMBER, 0.85, rf"(?<![\w.-]){_NORTH_AMERICAN}(?![\w-])"),
    rule(
        Kind.PHONE_NUMBER,
        0.85,
        r"(?<!\w)\+\d{1,3}[-. ]?\(?\d{1,4}\)?(?:[-. ]?\d{2,4}){2,4}(?!\d)",
        needs="+",
    ),
    rule(
        Kind.PHONE_NUMBER,
        0.7,
        rf"\b{_CUE}\b[:#. ]{{0,3}}(?:is )?(?P<value>{_LOCAL}(?:\s?x\s?\d+)?)(?![\w/-]|\.\d)",
        opens="phone tel telephone cell mobile pager beeper bleep call called ext extension "
        "contact reached number page paged pager home work voicemail",
    ),
    rule(Kind.PHONE_NUMBER, 0.6, r"(?<![\w/.-])\d{3}-\d{4}(?![\w-])", digits=(3,)),
)
