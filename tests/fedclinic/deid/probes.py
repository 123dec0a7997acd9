"""Short texts with one identifier each, by HIPAA kind; ⟦ and ⟧ enclose what must be found."""

FIRST_PROBES = {
    "A names": """
seen by ⟦Linda Okafor⟧ today
Mr. ⟦Alvarez⟧ denies pain
wife ⟦Carla⟧ at bedside
cc: ⟦Nguyen, Peter⟧
""",
    "B geography": """
lives at ⟦412 Cornwallis St⟧
from ⟦Hillsborough, NC 27278⟧
moved to ⟦Tucson⟧
transferred from ⟦Bertie County Hospital⟧
zip ⟦02115⟧
""",
    "C dates": """
DOB ⟦03/14/1958⟧
on ⟦April 12, 2023⟧
on ⟦5/12⟧
⟦12 Mar 2021⟧
⟦2024-03-01⟧
since ⟦March⟧ of last year
discharged ⟦Christmas Eve⟧
Date ⟦03142021⟧
a ⟦93⟧-year-old woman
age ⟦101⟧
""",
    "D telephone": """
call ⟦(617) 555-0199⟧
pager ⟦4421⟧
cell ⟦555-0134⟧
""",
    "E fax": """
fax ⟦617-555-0101⟧
""",
    "F e-mail": """
⟦j.doe@site.org⟧
""",
    "G social security": """
SSN ⟦378-05-1120⟧
SS# ⟦378051120⟧
""",
    "H medical record": """
MRN: ⟦4029-887-A⟧
MR # ⟦4827193⟧
medical record number ⟦H12345678⟧
""",
    "I health plan": """
Member ID ⟦W22884310-01⟧
Medicare ⟦1EG4-TE5-MK73⟧
policy ⟦BC-998877⟧
""",
    "J account": """
Acct ⟦V20260428-7741⟧
""",
    "K licence": """
DEA ⟦AB1234563⟧
NPI ⟦1234567893⟧
RN license ⟦NC-RN-228814⟧
""",
    "L vehicle": """
VIN ⟦1HGCM82633A004352⟧
plate ⟦7ABC123⟧
""",
    "M device": """
pacemaker serial ⟦PJN482910S⟧
lot ⟦A77-2231⟧
""",
    "N web address": """
⟦https://portal.x.org/p/1⟧
⟦www.mychart.org⟧
""",
    "O IP address": """
from ⟦10.2.3.4⟧
""",
    "P biometric": """
fingerprint template ⟦FP-99210-AA⟧
""",
    "Q photograph": """
image ref ⟦IMG-2026-04-77129⟧
""",
    "R other": """
specimen ⟦SP-26-018824⟧
accession ⟦A26104772⟧
trial ID ⟦NEJ-0042⟧
UUID ⟦123e4567-e89b-12d3-a456-426614174000⟧
""",
}
"""The probes that the design was measured with."""

MORE_PROBES = {
    "A names": """
Dr. ⟦Okonkwo⟧ was paged at 0300
Patient Name: ⟦Kowalczyk, Agnieszka⟧
Dictated by: ⟦Margaret O'Sullivan⟧, MD
PCP: ⟦H. Lindqvist⟧
⟦Priya Raghunathan⟧, PharmD, reviewed the list
Nurse ⟦Delacroix⟧ notified
Mrs. ⟦van der Berg⟧ was tearful
his daughter ⟦Yolanda⟧ drove him here
Attending: ⟦J. R. Hathaway⟧
electronically signed by ⟦Tomasz Zielinski⟧, DO
Pt ⟦Marcus Whitfield⟧ arrived by ambulance
HCP is ⟦Beatriz Almeida⟧
Spoke with ⟦Jonathan Pruitt⟧ by telephone
PATIENT: ⟦GARCIA, MARIA⟧
MR. ⟦THOMPSON⟧ WAS SEEN
dr. ⟦patel⟧ will follow this patient as an outpatient next week
Emergency contact: ⟦Ruth Abernathy⟧
Thank you for referring ⟦Samuel Oyelaran⟧ to us
Her mother, ⟦Ingrid⟧, is alive and well
Interpreter ⟦Nguyen⟧ present
⟦Jean-Luc Moreau⟧ is a pleasant gentleman
Ms. ⟦De la Cruz⟧ reports nausea
Surgeon: ⟦A. Fitzgerald⟧
Referred by: ⟦Chukwuemeka Eze⟧, MD
Sincerely,\n⟦Hannah Goldstein⟧
""",
    "B geography": """
lives in ⟦Albuquerque⟧
resides at ⟦77 Maple Avenue, Apt 3B⟧
⟦Springfield, IL⟧
was born in ⟦Kyoto⟧
PO Box: ⟦P.O. Box 4410⟧
seen at ⟦Riverside Community Hospital⟧
admitted to ⟦St. Brendan's⟧ overnight
works at ⟦Harrison Logistics⟧
⟦1600 N Beaumont Blvd⟧ is her address
transferred to ⟦Lakeview Nursing Home⟧
zip code ⟦98109-1024⟧
moved here from ⟦Reykjavik⟧
⟦Maplewood Elementary School⟧ called
in room ⟦4B12⟧
traveled to ⟦Guatemala⟧ last year
native of ⟦Ethiopia⟧
employed by ⟦Stanton Steel⟧
⟦Baton Rouge, Louisiana 70808⟧
followed at ⟦Cleveland Clinic⟧
⟦4512 SW 12th Street, Suite 200⟧
""",
    "C dates": """
admitted ⟦10/03/2019⟧ with chest pain
seen ⟦3-7-21⟧
DOB: ⟦1948-11-30⟧
on the ⟦4th of July⟧
on ⟦14-FEB-2022⟧
since ⟦September 2017⟧
in ⟦Aug 2020⟧
since ⟦11/2018⟧
last seen on ⟦January 3rd⟧
⟦Tuesday⟧ clinic
before ⟦Thanksgiving⟧
Date: ⟦20.06.2015⟧
on ⟦Dec. 9, 2023⟧
on ⟦31 August 1999⟧
⟦2021/07/04⟧
Birth date ⟦070441⟧
discharged on ⟦6/30⟧
the ⟦22nd of October, 2016⟧
collected ⟦2023-05-06T08:30:00⟧
a ⟦97⟧ y.o. man
Age: ⟦92⟧
⟦104⟧-year-old
""",
    "D telephone": """
Phone: ⟦212-555-0147⟧
tel ⟦415.555.0122⟧
home ⟦+1 303 555 0188⟧
beeper ⟦20913⟧
ext. ⟦5512⟧
call back at ⟦(808)555-0110 x22⟧
cell: ⟦6175550199⟧
mobile ⟦555-0177⟧
reached at ⟦1-800-555-0104⟧
Contact ⟦770 555 0161⟧
""",
    "E fax": """
Fax: ⟦(312) 555-0155⟧
FAX ⟦555-0190⟧
fax number ⟦404.555.0139⟧
faxed to ⟦206-555-0175⟧
Fax# ⟦6025550123⟧
fax no. ⟦+1 503-555-0166⟧
""",
    "F e-mail": """
write to ⟦maria_garcia77@example.com⟧
Email: ⟦DrSmith@hospital.edu⟧
e-mail ⟦a.b-c+d@sub.domain.co.uk⟧
<⟦lena.müller@posteo.de⟧>
mailto:⟦x99@univ.edu⟧
contact ⟦first.last@health-system.org⟧, please
""",
    "G social security": """
SSN: ⟦219-09-9999⟧
Social Security Number ⟦457-55-5462⟧
social security no. ⟦078 05 1120⟧
ssn ⟦219099999⟧
SS# ⟦001-23-4567⟧
SSN ending in ⟦4567⟧
""",
    "H medical record": """
MRN ⟦00451298⟧
mrn: ⟦a1234567⟧
Medical Record #⟦77-81-223⟧
Chart No. ⟦C-449921⟧
Patient ID: ⟦PT99812⟧
Record number: ⟦5567231⟧
MRN#⟦E882201⟧
Unit number ⟦MR-04-11287⟧
(MRN ⟦9981723⟧)
Hospital number: ⟦H0099123⟧
""",
    "I health plan": """
Policy number ⟦XYZ123456789⟧
Subscriber ID: ⟦ABC-887712345⟧
Medicaid # ⟦AB12345C⟧
Group number ⟦778812-01⟧
Beneficiary ID ⟦H55512398⟧
Insurance ID ⟦UHC-88123455⟧
MBI ⟦1EG4TE5MK72⟧
Member number: ⟦880012339⟧
health plan ID ⟦HP-22190-7⟧
HICN ⟦123456789A⟧
Claim number ⟦CLM-2023-00981⟧
""",
    "J account": """
Account number: ⟦110022334⟧
ACCT# ⟦99-887766⟧
Account ⟦A0099812⟧
FIN ⟦100293847⟧
CSN: ⟦4478123390⟧
card ⟦4111 1111 1111 1111⟧
invoice ⟦INV-20931⟧
guarantor account ⟦GA772213⟧
HAR ⟦60009912⟧
Acct no. ⟦7712-4456⟧
""",
    "K licence": """
License number ⟦MD-0099123⟧
medical licence ⟦A88123⟧
NPI: ⟦1770589906⟧
DEA# ⟦BX9912345⟧
driver's license ⟦D1234567⟧
certificate ⟦CE-51-478032⟧
passport ⟦X12345678⟧
state license no. ⟦TX-77120⟧
registration ⟦RN-882139⟧
UPIN ⟦H00991⟧
""",
    "L vehicle": """
VIN ⟦JH4KA8260MC000000⟧
license plate ⟦ABC-1234⟧
plate number ⟦XK7 29L⟧
Plate: ⟦8XYZ921⟧
vehicle identification number ⟦2FMDK3GC4BBA12345⟧
license plate ⟦HZD 013⟧
tag ⟦868-PWZ⟧
chassis no. ⟦WBA3A5C51CF256651⟧
""",
    "M device": """
ICD serial number ⟦BLH660132H⟧
device ID ⟦DX-77123-B⟧
Lot # ⟦L2023-118⟧
s/n ⟦SN99812-4⟧
UDI ⟦00844588003288⟧
pump serial ⟦NKU710224H⟧
implant lot ⟦77AK-2291⟧
generator model ⟦W1DR01-9923⟧
serial no. ⟦RPS112233S⟧
lead serial ⟦LFF998812V⟧
""",
    "N web address": """
see ⟦http://clinic.example.com/patients/77⟧
⟦https://www.facebook.com/jane.roe.90⟧
at ⟦www.janes-blog.net⟧
portal ⟦myhealth.stelsewhere.org/login⟧
⟦ftp://files.example.org/u/jroe⟧
visit ⟦example.com⟧ for details
""",
    "O IP address": """
IP ⟦192.168.14.77⟧
logged in from ⟦203.0.113.9⟧
address ⟦2001:db8:0:0:0:ff00:42:8329⟧
⟦172.16.254.1⟧ was recorded
host ⟦8.8.4.4⟧
from ⟦fe80::1ff:fe23:4567:890a⟧
""",
    "P biometric": """
fingerprint ID ⟦FPT:7213359⟧
retina scan ⟦RS-2023-1182⟧
voiceprint ⟦VP639725⟧
iris scan ID ⟦IR-11823-K⟧
palm print ⟦PP-90012-LH⟧
biometric template ⟦BIO-K6V3B7⟧
face ID ⟦FID-99120-3⟧
""",
    "Q photograph": """
photo ⟦DSC_16797⟧
full-face photo ⟦face_274535.jpg⟧
photograph ID ⟦PH-77123⟧
image number ⟦IMG20231104-22⟧
picture ⟦IMG_2372.JPG⟧
Photo ref: ⟦WND-2023-0091⟧
""",
    "R other": """
accession number ⟦S23-10441⟧
Specimen #: ⟦AP-99-12345⟧
study ID ⟦ONC-2291-0007⟧
Encounter ⟦E-55120934⟧
order number ⟦99120034⟧
Rx # ⟦7712345⟧
Job #: ⟦118822⟧
case number ⟦2023-CV-1182⟧
employee ID ⟦EMP-44120⟧
visit number ⟦V00991823⟧
badge ⟦B77123⟧
prescription no. ⟦RX8812334⟧
report ⟦RAD-2023-99120⟧
subject ⟦0042-118⟧
reference number ⟦REF99128812⟧
specimen ID ⟦23:MB0012345⟧
tracking number ⟦1Z999AA10123456784⟧
EMS run ⟦20-118273⟧
order ID ⟦550e8400-e29b-41d4-a716-446655440000⟧
barcode ⟦0199823412⟧
""",
}
"""Two hundred of our own."""


def probes(table: dict[str, str]) -> list[tuple[str, str]]:
    """Pairs of kind and marked text; a backslash and an n stand for a line break."""
    return [
        (kind, line.replace("\\n", "\n"))
        for kind, lines in table.items()
        for line in lines.strip().splitlines()
    ]
