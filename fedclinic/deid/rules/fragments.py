"""Pieces of regular expressions that several rules share."""

MONTH = (
    r"(?i:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|"
    r"Sept?(?:ember)?|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)"
)
DAY = r"(?:3[01]|[12]\d|0?[1-9])"
YEAR4 = r"(?:19|20)\d\d"
YEAR = rf"(?:{YEAR4}|\d\d)"
ORDINAL = r"(?i:st|nd|rd|th)"

STATE_NAMES = (
    "Alabama|Alaska|Arizona|Arkansas|California|Colorado|Connecticut|Delaware|Florida|Georgia|"
    "Hawaii|"
    "Idaho|Illinois|Indiana|Iowa|Kansas|Kentucky|Louisiana|Maine|Maryland|Massachusetts|Michigan|"
    "Minnesota|Mississippi|Missouri|Montana|Nebraska|Nevada|New Hampshire|New Jersey|New Mexico|"
    "New York|North Carolina|North Dakota|Ohio|Oklahoma|Oregon|Pennsylvania|Rhode Island|"
    "South Carolina|South Dakota|Tennessee|Texas|Utah|Vermont|Virginia|Washington|West Virginia|"
    "Wisconsin|Wyoming|Puerto Rico"
)
STATE_CODES = (
    "AL|AK|AZ|AR|CA|CO|CT|DE|FL|GA|HI|ID|IL|IN|IA|KS|KY|LA|ME|MD|MA|MI|MN|MS|MO|MT|NE|NV|NH|NJ|NM|"
    "NY|"
    "NC|ND|OH|OK|OR|PA|RI|SC|SD|TN|TX|UT|VT|VA|WA|WV|WI|WY|DC|PR|GU|VI|AS|MP|FM|MH|PW"
)

UPPER = r"[A-ZÀ-ÖØ-ÞĀČĎĐĒĘĚĞĢĪİĶĻŁŃŇŅŐŘŚŞŠŤŪŮŰŹŻŽ]"
LOWER = r"[a-zß-öø-ÿāăąćčďđēęěğģīıķļłńňņőœřśşšţťūůűźżžșț]"
CAPITALIZED = (
    rf"(?:(?:Mc|Mac|O['’]|D['’]|St\. |De|Di|La|Le|Van|Von)?{UPPER}{LOWER}+(?:[-'’]{UPPER}{LOWER}+)*"
    rf"|{UPPER}{{2,}}(?:[-'’]{UPPER}{{2,}})*)"
)
PARTICLE = (
    r"(?:van der|van den|van de|van|von der|von|de la|de los|de|del|della|di|da|dos|du|la|le|el|"
    r"al|bin|"
    r"ibn|ter|ten)"
)
INITIAL = rf"{UPPER}\.?"
PERSON_NAME = (
    rf"{CAPITALIZED}(?:[ ]{INITIAL}(?![\w'’]))?(?:[ ](?:{PARTICLE}[ ])?{CAPITALIZED}){{0,2}}"
)
CREDENTIAL = (
    r"(?:M\.?D\.?|D\.?O\.?|R\.?N\.?|N\.?P\.?|P\.?A\.?(?:-C)?|Ph\.?D\.?|LCSW|LPN|CRNA|PharmD|"
    r"D\.?D\.?S\.?|"
    r"D\.?P\.?M\.?|MSW|BSN|FACP|FACC|FACS|MBBS|APRN|ARNP|CNM|DPT|PT|OT|RD|RRT|EMT|CNA|LMFT|PsyD)\b"
)
RELATION = (
    r"(?:[Ww]ife|[Hh]usband|[Ss]on|[Dd]aughter|[Mm]other|[Ff]ather|[Mm]om|[Dd]ad|[Ss]ister|"
    r"[Bb]rother|"
    r"[Aa]unt|[Uu]ncle|[Nn]iece|[Nn]ephew|[Cc]ousin|[Gg]rand(?:mother|father|son|daughter|ma|pa)|"
    r"[Ff]ianc[eé]e?|[Pp]artner|[Ss]pouse|[Bb]oyfriend|[Gg]irlfriend|[Ff]riend|[Gg]uardian|"
    r"[Cc]aregiver|[Nn]eighbor|[Mm]anager|[Rr]oommate|[Ss]tep(?:son|daughter|mother|father)|"
    r"[Tt]win|[Dd]tr)"
)
