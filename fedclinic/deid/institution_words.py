"""Words that names of institutions are made of, besides the name of a place or person."""

import functools

from fedclinic.deid.lexicon import Lexicon
from fedclinic.deid.rules.fragments import STATE_NAMES
from fedclinic.deid.word_lists import NAMES_THAT_ARE_WORDS, PLACES_THAT_ARE_WORDS, TRADES, words

FACILITY_HEADS = words(
    """
    ctr hospital hospitals hosp clinic clinics infirmary hospice sanatorium pharmacy laboratory
    laboratories institute center centre manor healthcare rehab rehabilitation dermatology
    cardiology pediatrics orthopedics orthopaedics oncology urology gastroenterology neurology
    nephrology ophthalmology psychiatry radiology imaging dialysis podiatry dentistry
    """
)
"""Which make an institution of care of the name before them."""

PLAIN_HEADS = words(
    """
    university college school schools academy inc llc ltd plc corp corporation company church bank
    gmbh industries logistics group construction trucking motors farms bakery library steel diner
    enterprises foundation insurance manufacturing plumbing landscaping hardware brewing realty
    associates partners airlines
    """
)
"""Which make an institution of whatever word stands before them."""

LATE_HEADS = words(
    """
    memorial health presbyterian methodist baptist lutheran children's care living home facility
    practice medicine nursing campus pavilion system network alliance village residence services
    surgical general elementary med sinai permanente samaritan
    """
)
"""Qualifiers that also end the name of an institution of care, as in Baylor Health."""

FIRM_HEADS = TRADES | words(
    """
    auto public cathedral chapel industries logistics group construction trucking motors farms
    bakery steel diner library department enterprises foundation manufacturing insurance district
    plumbing electric landscaping grocery hardware brewing realty consulting associates partners
    brothers sons heating market markets builders contractors contracting electronics engineering
    exteriors painting towing rentals tires appliances cement concrete paving excavating welding
    tools mills mill plastics rubber ceramics authority council commission bureau airport prison
    shelter kindergarten preschool daycare nursery club association society league accounting
    """
)
"""Which make an institution of another kind of the name before them."""

QUALIFIERS = words(
    """
    medical health heart vascular eye ear nose throat spine surgery surgical cancer care nursing
    skilled family community regional general memorial university children's childrens women's
    womens veterans va county city state national public private works behavioral mental physical
    occupational therapy sports medicine primary urgent assisted living senior home house day high
    middle elementary junior charter preparatory prep technical fire police sheriff's water sewer
    parks recreation transit auto body repair machine tool shop baptist methodist lutheran
    presbyterian catholic episcopal orthodox united first second holy facility services service
    system systems network partners alliance campus pavilion and of pain sleep wound joint bone
    allergy asthma arthritis digestive kidney lung breast foot ankle hand hearing vision dental oral
    maxillofacial plastic cosmetic reconstructive specialty specialists physicians outpatient
    inpatient ambulatory endoscopy emergency trauma burn neuroscience neurosciences diagnostic
    diagnostics practice internal pediatric psychiatric counseling recovery treatment wellness
    retirement village residence convalescent extended long-term adult child development
    international global american business management marketing financial
    """
)
"""Which stand before or behind those words and name nothing by themselves."""

NAMING_WORDS = words(
    """
    willow oak oaks maple cedar pine pines elm birch aspen cypress magnolia evergreen juniper laurel
    creek river rivers brook lake lakes valley hills hill mountain mount ridge meadow meadows spring
    springs falls canyon prairie forest grove glen harbor bay beach coast island shore ocean summit
    peak sunrise sunset morning golden silver diamond crystal eagle falcon hawk cardinal bluebird
    liberty heritage pioneer frontier providence mercy grace trinity redeemer shepherd samaritan
    sacred blessed cross angels saint st. mt. sunny pleasant grand royal imperial metro metropolitan
    northern southern eastern western northeast northwest southeast southwest midwest atlantic
    pacific tri-county piedmont
    """
)
"""Ordinary words that institutions are often called by."""

GENERIC_NAMES = words(
    """
    general community central regional city county children's children memorial methodist baptist
    presbyterian lutheran veterans va downtown university jewish mercy state
    """
)
"""By which a hospital is called without another name, as in Memorial Hospital."""

INSTITUTION_WORDS = FACILITY_HEADS | PLAIN_HEADS | LATE_HEADS | FIRM_HEADS | QUALIFIERS
"""Words that say what an institution is, not which."""

_DENOMINATIONS = words("baptist methodist lutheran presbyterian catholic episcopal orthodox")
_STATES = words(STATE_NAMES.lower().replace("|", " "))
_NAMING = (
    NAMING_WORDS | _DENOMINATIONS | _STATES | NAMES_THAT_ARE_WORDS | PLACES_THAT_ARE_WORDS
) - words("case long short best good day young will may general central normal new")


@functools.lru_cache(maxsize=50_000)
def is_naming(word: str, lexicon: Lexicon) -> bool:
    """Tell whether a lower-case word may name an institution before its key word."""
    if word in _NAMING or word in lexicon.places:
        return True
    if word in lexicon.never or word in INSTITUTION_WORDS:
        return False
    return word not in lexicon.ordinary
