"""Sentence frames, headings and titles of the training split; none of them occurs in the test split.

One frame a line; `{slot}` is filled (see slots.py), `¶` is a new line.
"""

# ruff: noqa: E501 -- one line is one frame; a broken line would be another frame

TITLES = {
    "discharge_summary": "Discharge Summary|Hospital Discharge Summary|Discharge Note|Final Discharge Summary",
    "progress_note": "Progress Note|Daily Progress Note|Inpatient Progress Note|SOAP Note",
    "consult_note": "Consultation|Consult Note|Inpatient Consultation|Initial Consult",
    "ed_note": "ED Note|Emergency Department Note|ED Provider Note|Emergency Room Report",
    "radiology_report": "Radiology Report|Imaging Report|Diagnostic Imaging|Radiology Consultation",
    "operative_note": "Operative Note|Procedure Note|Operative Report|Brief Op Note",
    "nursing_note": "Nursing Note|Nursing Shift Note|RN Note|Nursing Assessment",
    "clinic_letter": "Clinic Letter|Outpatient Letter|Letter to Referring Physician|Office Letter",
    "telephone_encounter": "Telephone Encounter|Phone Note|Phone Call|Telephone Message",
    "pathology_report": "Pathology Report|Surgical Pathology|Tissue Report|Anatomic Pathology Report",
}

HEADINGS = {
    "reason": "Chief Complaint|CC|Reason for Visit|Indication|Presenting Complaint",
    "history": "HPI|History of Present Illness|Interval History|Subjective|Present Illness",
    "letter": "Summary of Visit|Update|Visit Summary|Impression",
    "past": "PMH|Past Medical History|Past History|PMHx|Medical and Surgical History",
    "medications": "Medications|Meds|Current Medications|Home Medications|Discharge Medications",
    "examination": "Physical Exam|Exam|PE|Objective|Physical Examination",
    "results": "Results|Labs|Data|Labs and Studies|Pertinent Results",
    "course": "Hospital Course|Course|ED Course|Brief Hospital Course|Clinical Course",
    "plan": "Plan|A/P|Assessment and Plan|Recommendations|Disposition",
    "social": "Social History|SH|Social|Psychosocial|Social Hx",
    "operation": "Procedure Details|Description of Procedure|Technique|Operative Findings",
    "imaging": "Findings|Report|Comparison and Findings|Result",
    "pathology": "Diagnosis|Final Diagnosis|Gross and Microscopic|Microscopic Description",
    "nursing": "Narrative|Shift Events|Nursing Narrative|Events",
    "call": "Call Details|Message|Reason for Call|Documentation",
}

FRAMES = {
    "header": """
{patient}  MRN {mrn}  {today}
Patient: {patient}¶DOB: {birthday}  MRN: {mrn}
Name: {last_first}   DOB {birthday}¶Date: {today}
{hospital}¶Pt: {patient} ({mrn})  Date of service {today}
{last_first} | {age}{sex_letter} | MRN {mrn} | {today}
Patient name: {patient}¶Admitted: {admitted}   Attending: {doctor}, {cred}
{hospital}, {city}, {state}¶{patient}, born {birthday}
Pt {patient}, acct {account}, seen {today}
RE: {patient}¶MR # {mrn}¶{today}
Name {patient} / DOB {birthday} / PCP {doctor}
MRN: {mrn}¶NAME: {last_first}¶D.O.B.: {birthday}
{patient} ({age} y.o. {sex_letter})¶Date of visit: {today}¶Provider: {doctor}, {cred}
Medical record number {mrn}¶{patient}¶Service date: {today}
Encounter {other_id}   {patient}   {today}
Adm date {admitted}   D/C date {today}¶{last_first}, MRN {mrn}
{patient}¶{street}¶{city}, {state} {postcode}¶{today}
Attending: Dr. {doctor_plain}   Pt: {last_first}   Date: {today}
PT: {patient} DOB: {birthday} ACCT: {account}
{last_first}  ({sex_letter}, {age})  #{mrn}¶{today} {time}
{today} - {patient} - MRN# {mrn} - {hospital}
""",
    "long_header": """
{hospital}¶{other_street}, {other_city}, {state} {postcode}¶Patient: {patient}¶MRN: {mrn}¶DOB: {birthday}¶Admission date: {admitted}¶Discharge date: {today}¶Attending: {doctor}, {cred}
PATIENT NAME: {last_first}¶MEDICAL RECORD NUMBER: {mrn}¶ACCOUNT: {account}¶DATE OF BIRTH: {birthday}¶SSN: {ssn}¶INSURANCE: {insurer}, member {plan_id}¶DATE: {today}
{hospital} - {city}, {state}¶Name: {patient}    Age: {age}    Sex: {sex_letter}¶Home: {street}, {city}, {state} {postcode}¶Phone: {phone}¶Referring: {doctor}, {cred}, fax {fax}
Date: {today}¶Patient Name: {patient}¶MRN: {mrn}   CSN: {other_id}¶Emergency contact: {relative_name} ({relative}), {other_phone}¶PCP: {doctor}¶Payer: {insurer} ID {plan_id}
{today}¶¶{doctor}, {cred}¶{other_street}¶{other_city}, {state} {postcode}¶Fax: {fax}¶¶Re: {patient}¶DOB: {birthday}¶MRN: {mrn}
Pt Name | {last_first}¶DOB | {birthday}¶MRN | {mrn}¶Phone | {phone}¶Email | {email}¶Address | {street}, {city}, {state} {postcode}
NAME: {last_first}¶UNIT NUMBER: {mrn}¶ADMITTED: {admitted}¶DISCHARGED: {today}¶DICTATED BY: {doctor}, {cred}¶CC: {stranger}, MD; {stranger}, MD
==== {hospital} ====¶Patient........: {last_first}¶MRN............: {mrn}¶Visit..........: {other_id}¶Birth..........: {birthday}¶Next of kin....: {relative_name} ({relative}) {other_phone}¶Insurance......: {insurer} {plan_id}
From: {doctor}, {cred}, {hospital}¶To: {stranger}, {cred}, {other_hospital}¶Fax: {fax}¶Re: {patient}, DOB {birthday}, SSN {ssn}¶Date: {today}
""",
    "reason": """
{Complaint} and {complaint}.
{Complaint} for {n} days.
{Severity} {complaint}.
{Problem}.
{Complaint}, known {problem}.
Evaluate for {problem}.
{Age}-year-old {sex} with {complaint}.
Follow-up of {problem}.
Eval {complaint}, r/o {problem}.
{Complaint} x {n} weeks.
"I have had {complaint}."
{Problem} with {complaint}.
Referred by Dr. {stranger_last} for {problem}.
{Complaint} and {finding}.
""",
    "opening": """
{title} {last} is a {age}-year-old {sex} who presents with {complaint} and {complaint}.
{patient} is a {age} y.o. {gender} here with {n} days of {severity} {complaint}.
{Age}yo {sex_letter} with {problem}, now with {complaint}.
This is a {age}-year-old {sex} with a history of {past_problem} who comes in with {complaint}.
{first} is a {age} year old {sex} followed for {problem}, complaining of {complaint}.
Pt is a {age} y/o {gender} transferred from {other_hospital} with {complaint}.
{title} {last} returns today; {he} continues to have {complaint} despite {drug}.
{title} {last} reports {complaint} since {day}.
The patient is a {age}-year-old {job} with {n} weeks of {complaint} and {complaint}.
{Age} year old {gender}, PMH of {past_problem}, p/w {severity} {complaint}.
{first} {last} is seen for {problem}. {He} has {complaint}.
Patient is a pleasant {age}-year-old {sex} from {city} admitted on {admitted} with {complaint}.
{title} {last} was found by {his} {relative} with {complaint} and brought to {hospital}.
{Age}-year-old {sex} status post {procedure} presenting with {complaint}.
Hospital day {n} for {problem}; {complaint} is better today.
{title} {last}, {age}, is known to us for {problem} and takes {drug}.
""",
    "letter_opening": """
Dear Dr. {doctor_last}, I saw {title} {last} on {today} for {problem}.
Thank you for referring {patient}, a {age}-year-old {sex} with {complaint}.
Dear Dr. {stranger_last}, {title} {last} came to clinic on {today} with {complaint}.
I had the pleasure of seeing {patient} back in our office for {complaint}.
Dear colleague, your patient {patient} was evaluated at {hospital} for {problem}.
Dear Dr. {doctor_last}:¶{patient} returned on {today}. {He} reports {complaint} and {complaint}.
As you know, {title} {last} is a {age}-year-old {job} with {problem}.
This letter concerns {title} {last}, whom we follow for {problem}; {he} now has {complaint}.
{title} {last} came for {problem} on {today}, accompanied by {his} {relative}.
""",
    "history": """
{He} describes {complaint} that began {n} days ago.
Symptoms include {complaint} and {complaint}.
{He} was started on {drug} {dose} {freq} with partial relief.
{Test} on {day} showed {finding}.
{He} underwent {procedure} on {long_ago}.
The {complaint} is {severity} and involves the {anatomy}.
{He} stopped taking {drug} {n} weeks ago.
Known {second_problem} treated with {drug}.
Since the last visit {he} has noted more {complaint}.
{Procedure} was discussed but {he} preferred {drug}.
{He} has had {n} episodes of {complaint} this month.
{Drug} made no difference to the {complaint}.
Worse with exertion, better with {drug}.
The workup included {test} and {test}.
{His} {relative} noticed the {complaint} first, on {day}.
Admitted to {other_hospital} in {month} for {problem}.
Associated with {complaint}; onset was gradual.
At the outside hospital {test} was notable for {finding}.
{He} ran out of {drug} on {day}.
Treated in the past with {drug}, {drug} and {procedure}.
The {problem} was first diagnosed in {month}.
{He} has been living with {problem} for {n} years.
{Problem} is poorly controlled, with {complaint} most days.
{Complaint} attributed to {problem}.
Working diagnosis is {problem}.
{He} was hospitalized twice this year for {problem}.
Course of {problem} has been {severity}, with {finding}.
""",
    "negated": """
{He} denies {other_complaint} or {other_complaint}.
No {other_complaint}.
No history of {other_problem}.
Negative for {other_complaint}, {other_complaint} and {other_complaint}.
There is no evidence of {other_problem}.
{Other_problem} was considered unlikely.
Denies any {other_complaint} at present.
No {other_complaint}, no {other_complaint}, no {other_complaint}.
{Other_test} was done to exclude {other_problem} and was normal.
Never treated for {other_problem}.
(-) {other_complaint}, (-) {other_complaint}.
ROS otherwise negative, including {other_complaint}.
Does not take {other_drug}.
Low suspicion for {other_problem}.
""",
    "comorbid": """
{He} also carries a diagnosis of {past_problem}, stable on {past_drug}.
Chronic {past_problem} is unchanged.
Of note, {he} had {past_procedure} in {year}.
{He} takes {past_drug} for {past_problem}.
Remote {past_problem}, not active.
{His} {past_problem} has been quiet since {year}.
Incidentally {he} has {past_problem} followed by Dr. {stranger_last}.
Past {past_problem} with {past_complaint}, now resolved.
Last {past_test} in {month} was fine.
Comorbid {past_problem}.
""",
    "past": """
{past_problem}.
1. {past_problem}. 2. {past_problem}.
History of {past_problem}, status post {past_procedure} in {year}.
{Past_problem} diagnosed in {year}, {problem}.
Significant for {past_problem} and {second_problem}.
Prior {past_procedure} at {other_hospital}.
{Past_problem} (resolved), {past_problem}.
{Past_problem}, appendectomy in {year}.
{Problem} x {n} years, {past_problem}.
PSH: {past_procedure} by Dr. {stranger_last}, {year}.
Hospitalized for {past_problem} in {month}.
{Second_problem}, {past_problem}, seasonal allergies.
Otherwise negative except {past_problem}.
""",
    "family": """
Mother with {other_problem}.
Father died of {other_problem} at 71.
Family history of {other_problem} in a sibling.
{His} brother has {other_problem} and {other_problem}.
FHx: {other_problem} (mother), {other_problem} (father).
No family history of {other_problem}.
Maternal aunt with {other_problem}.
Two cousins with {other_problem}; children healthy.
""",
    "medication": """
{Pill} {dose} {freq}.
{Pill} {dose} {freq}, {pill} {dose} {freq}.
Takes {drug} and {drug}.
{Pill} was increased to {dose}.
1) {drug} 2) {drug}
{Pill} {dose} PO {freq} #30, no refills.
New: {drug}. Changed: {drug}.
{Drug} as needed for {complaint}.
Finished a course of {drug} on {day}.
{Pill} {dose} {freq} (since {year}).
{Pill}     {dose}     {freq}¶{pill}     {dose}     {freq}
Rx: {pill} {dose}, disp #{nn}, sig: {freq}.
{Drug} held on {day} for {complaint}.
""",
    "past_medication": """
{Past_pill} {dose} {freq}.
{Past_pill} {dose}, {other_pill} {dose} {freq}.
Stopped {other_drug} in {year}.
Multivitamin, {past_pill} {dose}.
{Past_drug} for {past_problem}.
Allergic to {other_drug} (rash).
Intolerant of {other_drug}.
{Past_pill} {dose} {freq} per Dr. {stranger_last}.
Aspirin allergy listed but {he} tolerates it.
""",
    "exam": """
BP {bp}, HR {hr}, T {temp}, SpO2 {sat}% on room air.
Alert and oriented, in no acute distress.
Abdomen soft, extremities warm, no rash.
Lungs clear, heart regular, neck supple.
Babinski negative, Romberg negative.
Skin intact, mucous membranes moist.
VS: {temp}, {hr}, {bp}, RR 16, {sat}% RA.
GEN: well appearing. HEENT: normocephalic, PERRL.
Cranial nerves intact, strength 5/5 throughout.
Weight {nn} kg, BMI 27.{n}.
No Homans sign, no Brudzinski sign.
Heberden nodes on both hands, otherwise unremarkable.
GCS 15, speech fluent, mood good.
No cyanosis or clubbing; pulses 2+ and equal.
Glasgow Coma Scale 15; Snellen 20/40 both eyes.
McBurney point nontender; Rovsing negative.
Weber midline, Rinne normal.
Tanner stage 5; Mallampati class 2.
No Wilson rings, no Osler nodes.
General: NAD. CV: RRR. Resp: CTAB. Abd: NT/ND.
""",
    "exam_finding": """
Exam notable for {finding}.
{Finding} noted.
Tenderness and change over the {anatomy}.
{Finding} and {finding} on examination.
{Anatomy}: {bare_finding}.
There was {finding}.
Today with {complaint} on inspection, and {finding}.
Unchanged: {finding}.
{Finding}, less than on {day}.
+ {bare_finding}.
""",
    "result": """
{Test} with {finding}.
{Test} on {day}: {finding}.
{Test} and {test} were obtained; {finding} was seen.
{Test} again shows {finding}.
{Test} pending.
{Test} ({day}): {finding}, {finding}.
Reviewed {test}, which confirms {problem}.
{Test} from {other_hospital} demonstrated {finding}.
{Test} remarkable for {bare_finding}.
Trend in {test} improving on {drug}.
{Test} consistent with {problem}.
{Test} ........ {bare_finding}
Repeat {test}: {finding}.
""",
    "normal_result": """
WBC {n}.{n}, Hgb 1{n}.2, platelets 2{nn}.
{Other_test} was unremarkable.
{Other_test} within normal limits.
Na 13{n}, K 4.{n}, glucose 1{nn}.
Cultures showed no growth to date.
{Other_test} negative for {other_bare_finding}.
Cr 0.{n}, BUN {nn}, AST {nn}, ALT {nn}.
{Other_test}: no {other_bare_finding}.
INR 1.{n}, PTT {nn}, fibrinogen 3{nn}.
Lactate 1.{n} at {time}.
pH 7.3{n}, bicarbonate 2{n}.
Na   13{n}   mmol/L¶K    4.{n}   mmol/L¶Cl   10{n}   mmol/L¶Cr   0.{n}   mg/dL
Gram stain without organisms; Coombs negative.
Apgar not applicable; Westergren rate {nn}.
Bence Jones protein absent, Howell-Jolly bodies absent.
WBC {n}.{n} | Hgb 1{n}.0 | Plt 2{nn}
""",
    "course": """
{He} was treated with {drug} and {drug} with good response.
{He} underwent {procedure} on {day} without complication.
{Drug} was begun and the {complaint} improved.
The service recommended {procedure} and {test}.
By hospital day {n} the {complaint} had resolved.
{Problem}: treated with {drug}, then {procedure}.
Given {severity} {complaint}, {test} was ordered and showed {finding}.
{He} received {drug} in the emergency room at {time}.
Course complicated by {finding}, managed with {drug}.
Repeat {test} on {day} was improved.
{Second_problem} was also addressed with {drug}.
Dr. {doctor_last} performed {procedure} on {day}.
# {problem}: {drug}, {test} q {n} weeks.
""",
    "care": """
Diet advanced as tolerated.
Ambulating in the hall with assistance.
Pain {n}/10, controlled.
Foley catheter removed without difficulty.
Tolerating oral intake, slept well overnight.
Code status: full code.
Fall precautions in place.
Allergies: penicillin, sulfa.
Trendelenburg position avoided, Kerlix dressing changed.
IV in the {side} forearm, flushed with 10 mL.
Bed alarm on, call light within reach.
Will reassess in the morning; may shower.
PT/OT to evaluate and treat.
Vaccines up to date.
Patient verbalized understanding of instructions.
Intake 1,{n}00 mL, output 9{nn} mL.
May resume driving when pain allows.
Will hold the evening dose.
Mark the site before the procedure.
Hope for discharge soon.
Sim's position for comfort; Yankauer at bedside.
Norton score 16, Morse score 45.
Lovenox teaching kit given; sharps box provided.
Kangaroo pump running at {nn} mL/h.
Room air, no oxygen needed.
Bowel regimen with senna.
""",
    "plan": """
Continue {drug}.
Start {drug}; repeat {test} in {n} weeks.
Schedule {procedure}.
{Problem}: continue {pill} {dose} {freq}, check {test}.
Consider {procedure} if {complaint} persists.
Hold {drug} for now.
Switch from {drug} to {drug}.
Obtain {test} and {test}.
1. {problem}. {drug}. 2. {past_problem}. No change.
Titrate {drug}, monitor {test}.
Risks and benefits of {procedure} were explained.
Discharge home on {drug} and {drug}.
Increase {pill} to {dose} {freq}.
Refer for {procedure} given {finding}.
""",
    "past_plan": """
{Past_problem}: continue {past_drug}.
{Past_problem} is stable; keep {past_pill} {dose} {freq}.
Resume {past_drug} after discharge.
Recheck {past_test} with the PCP.
2. {past_problem}: {past_test} yearly.
No change to {past_drug}.
Hold {past_drug} until {next_day}.
{Past_problem} will be handled as an outpatient.
""",
    "past_result": """
{Past_test} stable.
{Past_test} from {month}: {past_finding}, old.
{Past_test} reviewed for {past_problem}.
Known {past_bare_finding}, unchanged on {past_test}.
""",
    "follow_up": """
Follow up with Dr. {doctor_last} on {next_day}.
Return to clinic in {n} weeks or sooner for {complaint}.
Appointment with {doctor}, {cred}, on {next_day} at {time}.
Call {other_phone} with questions.
Records faxed to {fax}.
RTC {next_day}.
Please contact my office at {other_phone} with any concerns.
Scheduled at {other_hospital} for {next_day}.
Will see {him} again in {month}.
Discharged to {other_hospital} in {other_city}.
""",
    "social": """
Lives with {his} {relative} in {city}.
Works as a {job} at {employer}.
Retired {job}, lives at {street}, {city}, {state} {postcode}.
Former smoker, {nn} pack-years; no alcohol.
{His} {relative} {relative_first} drives {him} to visits.
Moved here from {other_city} in {year}.
Born in {other_city}, raised in {other_city}.
Employed by {employer} for {n} years.
Drinks {n} beers a week, never smoked.
Widowed in {year}; has {n} children.
Grew up near {other_city}; recent travel to {other_city} in {month}.
Health care proxy is {relative_name}, {relative}.
Attends {company} as a volunteer.
Attended {company} until {year}; now disabled.
Lives alone at {street}; {relative} {relative_first} lives next door.
From {other_city} originally, moved to {city} with {relative_first}.
Served in the Army; no pets.
""",
    "operation": """
Preoperative diagnosis: {problem}.
{Procedure} was performed under general anesthesia.
The {anatomy} was exposed and {finding} was found.
Indication was {complaint} with {finding}.
{Drug} was given before incision.
Postoperative diagnosis: {problem} with {finding}.
Procedure performed: {procedure}, {side} side.
Attention was turned to the {anatomy}.
{Procedure} was completed and {test} was satisfactory.
Findings at surgery: {finding}.
""",
    "operation_routine": """
The patient was prepped and draped in the usual sterile fashion.
Estimated blood loss was {nn} mL.
Counts were correct at the end.
Surgeon: {doctor}, {cred}.
A time-out confirmed the identity of {patient}.
Taken to recovery in stable condition.
Assistant: {stranger}, PA-C.
Anesthesia by Dr. {stranger_last}.
Implant lot {device} was recorded.
Mayo scissors and a Kocher clamp were used.
Wound closed with 3-0 Vicryl in layers.
A Jackson-Pratt drain was left in place.
Consent was signed by {relative_name}, {relative}.
""",
    "imaging": """
There is {finding}.
{Finding} involving the {anatomy}.
Impression: {finding}, in keeping with {problem}.
Compared with {day}, {finding} is unchanged.
Clinical concern for {problem}.
Limited views of the {anatomy}, but {finding} is present.
History: {complaint}. Exam: {test}.
Again seen is {finding}.
Suggest {test} for further evaluation of {finding}.
Status post {procedure} with expected change at the {anatomy}.
""",
    "imaging_normal": """
No acute osseous abnormality.
No evidence of {other_problem}.
The remainder of the study is unremarkable.
Images reviewed with Dr. {doctor_last} at {time}.
Accession {other_id}.
No {other_bare_finding}.
Dose length product 4{nn} mGy-cm.
Visualized soft tissues are normal.
Contrast: 80 mL of Omnipaque given.
Comparison: none since {month}.
""",
    "pathology": """
Specimen from the {anatomy}: {finding}.
Clinical history of {problem} with {complaint}.
Changes compatible with {problem}.
Obtained during {procedure}.
{Anatomy}, biopsy: features of {problem}.
Submitted to evaluate {finding}.
Sections of {anatomy} are examined, prior therapy with {drug} noted.
Correlate with {test}.
""",
    "pathology_routine": """
Specimen {other_id} received in formalin on {day}.
Labeled with the name {last_first}.
Stains reviewed, controls adequate.
No {other_bare_finding} seen.
Case seen with Dr. {stranger_last}.
Congo red and Ziehl-Neelsen stains are negative.
The fragment measures 1.{n} x 0.{n} cm.
Addendum {today} by {doctor}, {cred}.
Collected {day} by {stranger}, {cred}.
""",
    "nursing": """
Pt c/o {complaint}, {drug} given with relief.
{Complaint} overnight, MD aware.
Prepared for {procedure} in the morning.
{Test} drawn and sent.
Teaching done on {drug} and {problem}.
{time}: {complaint} {n}/10, given {drug}.
Received from {procedure} at {time}, vitals stable.
Pt resting; {finding} reported to Dr. {doctor_last}.
Assessed {anatomy}, no change.
Admitted with {problem}, on {drug}.
""",
    "call": """
Patient called about {complaint} since {day}.
{relative_name} ({relative}) called to report {complaint}.
Asks for a refill of {drug}.
Results of {test} discussed.
Advised to come in for {test} if {complaint} worsens.
Caller states {he} has {complaint} after starting {drug}.
Wants to reschedule {procedure} from {next_day}.
Has questions about {problem} and {drug}.
Pharmacy needs clarification of {pill} {dose}.
Told {him} that {test} showed {finding}.
""",
    "people": """
Discussed with {his} {relative}, {relative_name}.
{relative_name} ({relative}, {other_phone}) was updated.
Dr. {doctor_last} was notified on {day}.
Seen with Dr. {stranger}.
PCP is {doctor}.
Nurse {stranger_last} was present.
{His} {relative} {relative_first} is at bedside.
Transferred from {other_hospital} on {day}.
Interpreter {stranger_first} was used.
Spoke with {patient} by telephone.
Per Dr. {doctor_last}, no change.
Seen and examined with {stranger}, {cred}.
Social worker {stranger} arranged a visit.
Case reviewed with {stranger} and {stranger}.
{last} was seen again on {day}.
{title} {last} agreed on {day}.
Referred by {stranger}, {cred}, of {other_hospital}.
Last seen at {other_hospital} in {month}.
cc: {stranger}, MD; {stranger}, MD
{initials} was informed.
Discussed at {company} by Dr. {stranger_last}.
{relative_first} will pick up {first} on {next_day}.
Physical therapist {stranger_first} visits at {street}.
Chaplain {stranger} visited.
Patient identified as {patient}, DOB {birthday}.
Lives in {city}, works at {employer}.
Visited {other_city} over the holiday.
Evaluated at {hospital} on {day}.
Family meeting with {relative_name}, Dr. {doctor_last} and RN {stranger_first}.
Signed out to {stranger} at {time}.
Appointment moved from {day} to {next_day}.
{His} {relative}, {relative_name}, works for {company}.
Found on {other_street} in {other_city} by a passer-by.
Resident of {other_city}, staying with {relative_first} at {other_street}.
Police officer {stranger_last} took a statement on {day}.
Dr. {stranger_last}'s office called on {day}.
{first}'s pain is better per {relative_first}.
{Relative}: {relative_name}
{Relative} - {relative_name} - {other_phone}
From {earlier_day} to {day} {he} was at {other_hospital}.
Care team: {stranger}, {cred}; {stranger}, {nurse_cred}; {stranger}, PharmD.
Accepted by Dr. {stranger_plain} at {other_hospital}.
Message left for {relative_name} at {other_phone} on {day}.
{Last} family requests that {relative_name} be called.
Spouse of {stranger} of {other_city}.
{stranger_first} from case management will call {relative_first}.
Previously followed by {stranger} in {other_city}, {state}.
Medical student {stranger} took the history.
Anesthesiologist: {stranger}¶Scrub nurse: {stranger}
Patient's employer, {employer}, was given a letter dated {day}.
Rehabilitation at {other_hospital} from {day}.
Paged {stranger_last} x2 at {time}.
POA: {relative_name} ({relative})¶Phone: {other_phone}
{Stranger}, {cred}, covering for {stranger}, {cred}.
Wife of Mr. {last} denies any change.
Children: {stranger_first}, {stranger_first} and {stranger_first}.
Reviewed by {stranger} MD, {today} {time}
The {last} residence at {street} was visited.
Born {birthday} in {other_city}.
Labs drawn at {company}, {other_city}, on {day}.
Sister {stranger_first} flew in from {other_city}.
Dr. {stranger_last} (pager {pager}) is aware.
""",
    "identifiers": """
SSN {ssn}.
Social security number: {ssn}
SS# {ssn}, MRN {mrn}.
Home phone {phone}, email {email}.
Cell: {phone}
Email: {email}
Write to {staff_email} for records.
{insurer} member ID {plan_id}.
Health plan {insurer} policy {plan_id}.
Medicare number {plan_id}, verified.
Account number {account}.
Acct # {account}, balance to follow.
Guarantor account {account}.
Driver license {license}.
DEA {license}.
State license no. {license}.
Commercial driver certificate {license} expires {next_day}.
Came by car, plate {plate}.
License plate {plate} noted by security.
VIN {vin} on the accident report.
Wheelchair van, tag {plate}.
Device serial {device}.
Pacemaker serial number {device}, implanted {month}.
Glucose meter S/N: {device}
Pump model and serial {device}.
Results at {url}.
Patient portal: {url}
Video visit link {url}
Portal login from {ip}.
Remote upload from IP {ip} at {time}.
Fingerprint {biometric} on file.
Iris scan ID {biometric}.
Voiceprint {biometric} recorded at intake.
Photograph {photo} in the chart.
Full-face photo {photo} taken for the wound record.
Clinical image {photo} uploaded.
Study ID {other_id}.
Specimen {other_id} sent.
Prescription {other_id} called in.
Enrolled in the trial as subject {other_id}.
Claim {other_id} was filed with {insurer}.
Medical record number {mrn} was confirmed.
Old chart {mrn} requested.
Fax {fax}.
Fax number: {fax}
Please fax results to {fax}, attention {stranger}.
Pager {pager}.
Reach me on beeper {pager} or {other_phone}.
Office {other_phone}, fax {fax}
Lives at {street}, {city}, {state} {postcode}.
Mailing address: {street}, {city}, {state} {postcode}
Zip code {postcode}.
Pharmacy: {company}, {other_street}, {other_city}
Date of birth {birthday}.
DOB {birthday}, age {age}.
Turned {age} on {day}.
EMS run {other_id} from {other_street}.
Contact¶  Home: {phone}¶  Work: {other_phone}¶  Email: {email}
Identification¶  MRN: {mrn}¶  SSN: {ssn}¶  Acct: {account}
Name: {last_first}  MRN: {mrn}  Page 2 of {n}
Insurance: {insurer}  ID#: {plan_id}  Group: {other_id}
Ship supplies to {street}, {city}, {state} {postcode}.
Subscriber {plan_id} ({insurer}), effective {month}.
Bill {account} to {insurer}.
NPI {license}
Passport {license} used as identification.
ICD lead serial {device}, generator serial {device}.
Prosthesis catalog {device}.
CPAP unit {device} issued {day}.
Registered vehicle {plate}, insured by {company}.
Recorded at {url} from {ip} on {day}.
Telehealth session, patient IP {ip}.
Thumbprint hash {biometric}.
Photo consent signed; see {photo}.
Face image file {photo}.
Order {other_id} placed at {time}.
Blood bank number {other_id}.
Encounter no. {other_id}, visit on {day}.
Tel {other_phone} / Fax {fax} / {staff_email}
Voicemail {phone}, do not leave details.
Text {phone} only.
Call back number {other_phone}, ask for {stranger_first}.
Ambulance {plate} from {other_street}, {other_city}.
""",
    "signature": """
{doctor}, {cred}
Electronically signed by {doctor}, {cred} on {today}
Dictated by {doctor}¶Job {other_id}
{stranger}, {nurse_cred} {time}
Sincerely,¶{doctor}, {cred}
Signed: {doctor}, {cred}  {today} {time}
{doctor_plain}, {cred}¶Pager {pager}
DD: {today}¶DT: {today}¶{doctor_plain}, {cred}
Attending: {doctor}, {cred}
Author: {stranger}, {nurse_cred} - {hospital}
D: {today} T: {today} Job ID {other_id}
- {doctor_plain}
Transcribed by {stranger}, {today}¶cc: {stranger}, MD
Attestation: seen with the resident, {doctor}, {cred}, {today}
Thank you for letting us share in the care of {title} {last}.¶{doctor}, {cred}
""",
}
