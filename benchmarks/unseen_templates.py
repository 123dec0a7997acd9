"""What unseen notes are written from: two splits of templates, made after the rules and the tagger.

Split `first` was scored once before anybody looked at what it missed; rules were then made more
general. Split `kept` has other headers, sentences and footers, and no miss of it was looked at.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Templates:
    """Headers, sentences with identifiers, sentences without, and footers."""

    headers: tuple[str, ...]
    identifying: tuple[str, ...]
    plain: tuple[str, ...]
    footers: tuple[str, ...]


FIRST = Templates(
    headers=(
        "EMERGENCY DEPARTMENT TRIAGE\nPt: {lastfirst}\t{age90} y/o\tVisit no. {account}\n"
        "Arrived {date} 03:40 by ambulance from {street}, {city}\nTriage RN {other}\n",
        "{hospital}\nDepartment of Radiology\n\nEXAM DATE: {date}    ACCESSION: {accession}\n"
        "PATIENT: {name}    MR#: {mrn}\nORDERING: {doctor}\n",
        "{date}\n\n{doctor}\n{street}\n{citystate} {zip}\n\nRE: {name}, D.O.B. {date2}\n\n"
        "Dear Colleague,\n",
        "Home Health Visit Note | Client: {name} | DOB {date2} | Episode {account}\n"
        "Address: {street}, {citystate} {zip} | Ph {phone}\nClinician: {other}, RN\n",
        "PSYCHIATRIC INTAKE\nIdentifying data: {first} {last} is a patient of {hospital}, "
        "referred by {doctor}.\nInsurance ID {policy}. "
        "Emergency contact {other} ({rel}) {phone}.\n",
        "SURGICAL PATHOLOGY\nCase: {accession}\nName: {lastfirst}   Collected: {date}   "
        "Received: {date2}\nSubmitting physician: {doctor}, {hospital}\n",
        "Visit Date: {date}; Provider: {doctor}; Location: {hospital}; Patient: {name}; "
        "Chart: {mrn}\n",
    ),
    identifying=(
        "{first} drove {rel_his} own car, tag {plate}, to the clinic, although {doctor_last} had "
        "advised against it.",
        "We were faxed the outside films by {hospital} on {date}; their fax is {phone}.",
        "{title} {last} retired from {employer} in {year} and now spends winters in {city}.",
        "Spoke at length with {rel_his} {rel} {other} (cell {phone}), who is the proxy.",
        "{name} was last admitted to {hospital} between {date} and {date2}.",
        "Her case was presented by {other} at tumor board on {shortdate}.",
        "Old records list the name as {other_first} {last}, MRN {mrn}.",
        "The pump (model 37612, S/N {serial}) was interrogated by {other} of {employer}.",
        "Outside labs drawn {date} at {hospital} were reviewed with {doctor}.",
        "Lives with {rel} {other_first} at {street} in {city}, on the second floor.",
        "Photo ID shown: license {license}, SSN {ssn}.",
        "Per {other}, the charge nurse, {title} {last} refused the evening dose.",
        "E-mail for results: {email}; pharmacy on {street}.",
        "{doctor_last} will be covered by {doctor} until {date}.",
        "A letter to {employer} confirming absence from {date} to {date2} was given to {first}.",
        "Claim {account} was denied by the plan; member number {policy}.",
        "On {weekday} {rel_his} {rel} found {first} on the floor of their home in {citystate}.",
        "I discussed the scan with {other} in {hospital}'s transfer center.",
        "{first}'s teacher at {school} has noticed the same staring spells.",
        "The family ({other}, {other2}) arrived from {city} late that night.",
        "Home monitoring uploads come from {ip} through {url}.",
        "Interpreter ID {badge} was used; {other} translated for the {rel}.",
        "{last}, {first} - seen and examined with the team; agree with {doctor_last}.",
        "He grew up in {city}, served in the navy, and worked for {employer} thereafter.",
        "Will see {doctor} at {hospital} in {month}.",
        "{title} {last}'s {rel}, {other_first}, had the same disease at the age of 61.",
    ),
    plain=(
        "The abdomen was prepped and draped in the usual sterile fashion.",
        "Pupils are equal, round and reactive; extraocular movements are full.",
        "Troponin was flat at 0.02 on three draws, and the ECG shows sinus rhythm at 64.",
        "No acute intracranial hemorrhage, mass effect or midline shift.",
        "Started on ceftriaxone 1 g IV q24h with azithromycin 500 mg for five days.",
        "Gross description: a tan-brown ellipse of skin, 2.1 x 0.9 x 0.4 cm.",
        "Mood is described as okay; affect is constricted, thought process linear.",
        "A1c fell from 9.1 to 7.4 on metformin and glipizide.",
        "Wound vac was changed; granulation tissue covers about 80 percent of the bed.",
        "Gait belt used for all transfers, minimal assist of one.",
        "Estimated blood loss 150 mL, complications none, counts correct twice.",
        "The Epley maneuver was repeated, with relief of vertigo.",
        "Warfarin was held for an INR of 4.8; vitamin K was not given.",
        "The patient declined influenza and pneumococcal vaccines today.",
        "Wells score 1.5, so a D-dimer was sent and was negative.",
        "Impression: mild degenerative change of the lumbar spine, most at L4-L5.",
        "Sleep is poor, appetite fair, energy low; no suicidal thoughts.",
        "Use the walker at all times, and keep the incision dry for 48 hours.",
    ),
    footers=(
        "\n{doctor}\nElectronically authenticated {date} at 16:05\n",
        "\nDD: {date}  DT: {date2}  JOB: {account}\n{other}, MD\n",
        "\nWith kind regards,\n\n{doctor}, {hospital}\nDirect line {phone}\n",
        "\n/s/ {other}, NP-C {date}\n",
    ),
)
KEPT = Templates(
    headers=(
        "AMBULANCE RUN SHEET  Incident {account}  {date}\nScene: {street}, {citystate}\n"
        "Patient {name}, age {age90}\nCrew {other} / {other2}\n",
        "CARDIOLOGY CONSULTATION\n\nPatient name ......: {name}\nRecord no. .......: {mrn}\n"
        "Date of birth ......: {date2}\nConsulted by .....: {doctor}\n",
        "{hospital}, {city}\nICU DAILY NOTE {date}\nBed 12 -- {last} {first} -- {mrn}\n",
        "From: {other} <{email}>\nTo: {doctor}\nDate: {date}\nSubject: my {rel}, {name}\n",
        "PHYSICAL THERAPY EVALUATION\n| Name | {name} | DOB | {date2} |\n"
        "| Referring | {doctor} | Payer ID | {policy} |\n",
        "TRANSFER SUMMARY\nTransferring facility: {hospital}   Accepting: {doctor}\n"
        "Name {lastfirst}  Sex F  Born {date2}  SSN {ssn}\n",
        "Well-child visit, {date}. {first} {last} comes with {rel_his} {rel}, {other}. "
        "School: {school}.\n",
    ),
    identifying=(
        "Neighbors called 911 when {title} {last} had not been seen since {weekday}.",
        "{hospital} sent a disc with the study of {date}, labelled {accession}.",
        "{name} asked that {other} at {employer} not be told of the diagnosis.",
        "Callback: {phone}, ask for {other_first}.",
        "According to a note by {doctor} of {date}, the mass was there in {year}.",
        "The {rel} ({other}, {phone}) wants to take {first} home to {city}.",
        "{doctor_last} reviewed the plan, and so did {other}, the pharmacist on duty.",
        "Stent card: lot {serial}, placed {date} by {doctor} in {hospital}.",
        "Bills go to {street}, {citystate} {zip}, account {account}.",
        "{first} is employed by {employer} as a welder and has two children, {other_first} among "
        "them.",
        "{last} was discussed with the on-call surgeon, {other}.",
        "Chart merged with {mrn} on {date}.",
        "Came in a van with plates {plate}, with {other} at the wheel.",
        "{title} {last} signed with {rel_his} {rel} {other} as witness on {date}.",
        "Next infusion {shortdate} at {hospital}, room to be told by phone at {phone}.",
        "Before moving to {city} in {month}, {first} was cared for by {doctor}.",
        "Portal user {email} opened the report from {ip}.",
        "The school nurse of {school}, {other}, gave the second dose.",
        "Licence {license} was suspended after the seizure of {date}.",
        "Was told by {other2} and by {doctor_last} to stop smoking.",
        "{first} and {other_first} were married in {city} and run {employer} together.",
        "See the instructions at {url}, or write to {street}, {city}.",
        "Seen for {doctor_last}, who is away until {date}.",
        "Study subject {badge}, enrolled {date} by {other}.",
        "{other} ({rel}) and {other2} ({rel}) were at the bedside when {first} died.",
        "Her preferred pharmacy is near {employer} in {citystate}.",
    ),
    plain=(
        "Airway patent, breathing unlabored, skin warm and dry.",
        "Twelve-lead shows left bundle branch block, old by report.",
        "Norepinephrine is being weaned; lactate is down to 1.8.",
        "Range of motion of the left shoulder: flexion 110, abduction 95.",
        "Weight is at the 60th percentile, and milestones are met.",
        "Ejection fraction was 35 percent with global hypokinesis.",
        "Furosemide 40 mg was doubled for three days with good effect.",
        "Skin: a 3 cm stage 2 ulcer over the sacrum, no tunneling.",
        "Urine culture grew more than 100,000 colonies of Klebsiella.",
        "Brudzinski and Kernig signs are absent, and the neck is supple.",
        "Cefazolin was given before the incision, and a tourniquet was used for 47 minutes.",
        "He is oriented to person, place and time; speech is fluent.",
        "Diet advanced to soft; bowel sounds are present in all four quadrants.",
        "The Apgar scores were 8 and 9, and the cord gases were normal.",
        "Return if the fever is above 38.5 or the rash spreads.",
        "Sertraline 50 mg is tolerated without nausea.",
        "Goals: walk 150 feet with a cane and climb one flight of stairs.",
        "Hearing is reduced on the right; Weber lateralizes to the left.",
    ),
    footers=(
        "\nSigned: {other}, DO, {date} 07:12\ncc {doctor}\n",
        "\nThank you for asking me to see {title} {last}.\n{doctor}\n{hospital}\n",
        "\nReport prepared by {other}, paramedic, badge {badge}\n",
        "\nT: {date}   R: {date2}   {doctor} (attending)\n",
    ),
)
SPLITS = {"first": FIRST, "kept": KEPT}
