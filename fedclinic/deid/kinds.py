"""The kinds of identifier that detectors name, and the eighteen HIPAA kinds that they answer."""

from enum import StrEnum


class EntityKind(StrEnum):
    """What a span identifies; the names follow Presidio where Presidio has one."""

    PERSON = "PERSON"
    LOCATION = "LOCATION"
    ORGANIZATION = "ORGANIZATION"
    DATE_TIME = "DATE_TIME"
    AGE = "AGE"
    PHONE_NUMBER = "PHONE_NUMBER"
    FAX_NUMBER = "FAX_NUMBER"
    EMAIL_ADDRESS = "EMAIL_ADDRESS"
    US_SSN = "US_SSN"
    MEDICAL_RECORD = "MEDICAL_RECORD"
    HEALTH_PLAN = "HEALTH_PLAN"
    ACCOUNT = "ACCOUNT"
    LICENSE = "LICENSE"
    VEHICLE = "VEHICLE"
    DEVICE = "DEVICE"
    URL = "URL"
    IP_ADDRESS = "IP_ADDRESS"
    BIOMETRIC = "BIOMETRIC"
    PHOTO = "PHOTO"
    OTHER_ID = "OTHER_ID"


HIPAA_KINDS: dict[str, tuple[EntityKind, ...]] = {
    "A names": (EntityKind.PERSON,),
    "B geography smaller than a state": (EntityKind.LOCATION, EntityKind.ORGANIZATION),
    "C dates and ages over 89": (EntityKind.DATE_TIME, EntityKind.AGE),
    "D telephone numbers": (EntityKind.PHONE_NUMBER,),
    "E fax numbers": (EntityKind.FAX_NUMBER,),
    "F e-mail addresses": (EntityKind.EMAIL_ADDRESS,),
    "G social security numbers": (EntityKind.US_SSN,),
    "H medical record numbers": (EntityKind.MEDICAL_RECORD,),
    "I health plan beneficiary numbers": (EntityKind.HEALTH_PLAN,),
    "J account numbers": (EntityKind.ACCOUNT,),
    "K certificate and licence numbers": (EntityKind.LICENSE,),
    "L vehicle identifiers": (EntityKind.VEHICLE,),
    "M device identifiers": (EntityKind.DEVICE,),
    "N web addresses": (EntityKind.URL,),
    "O IP addresses": (EntityKind.IP_ADDRESS,),
    "P biometric identifiers": (EntityKind.BIOMETRIC,),
    "Q photographs": (EntityKind.PHOTO,),
    "R any other unique identifier": (EntityKind.OTHER_ID,),
}
"""45 CFR 164.514(b)(2)(i), (A) to (R), and the kinds of span that answer each."""
