"""Sentence frames, headings and titles of the training split; none of them occurs in the test split.

One frame a line; `{slot}` is filled (see slots.py), `¶` is a new line.
"""

# ruff: noqa: E501 -- one line is one frame; a broken line would be another frame

TITLES = {
    "discharge_summary": "Discharge Summary|Hospital Discharge Summary|Discharge Note",
    "progress_note": "Progress Note|Daily Progress Note|Inpatient Progress Note",
    "consult_note": "Consultation|Consult Note|Inpatient Consultation",
    "ed_note": "ED Note|Emergency Department Note|ED Provider Note",
    "radiology_report": "Radiology Report|Imaging Report|Diagnostic Imaging",
    "operative_note": "Operative Note|Procedure Note|Operative Report",
    "nursing_note": "Nursing Note|Nursing Shift Note|RN Note",
    "clinic_letter": "Clinic Letter|Outpatient Letter|Letter to Referring Physician",
    "telephone_encounter": "Telephone Encounter|Phone Note|Phone Call",
    "pathology_report": "Pathology Report|Surgical Pathology|Tissue Report",
}

HEADINGS = {
    "reason": "Chief Complaint|CC|Reason for Visit|Indication",
    "history": "HPI|History of Present Illness|Interval History",
    "letter": "Summary of Visit|Update|Visit Summary",
    "past": "PMH|Past Medical History|Past History",
    "medications": "Medications|Meds|Current Medications",
    "examination": "Physical Exam|Exam|PE",
    "results": "Results|Labs|Data",
    "course": "Hospital Course|Course|ED Course",
    "plan": "Plan|A/P|Assessment and Plan|Recommendations",
    "social": "Social History|SH|Social",
    "operation": "Procedure Details|Description of Procedure|Technique",
    "imaging": "Findings|Report|Comparison and Findings",
    "pathology": "Diagnosis|Final Diagnosis|Gross and Microscopic",
    "nursing": "Narrative|Shift Events|Nursing Narrative",
    "call": "Call Details|Message|Reason for Call",
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
""",
    "long_header": """
{hospital}¶{other_street}, {other_city}, {state} {postcode}¶Patient: {patient}¶MRN: {mrn}¶DOB: {birthday}¶Admission date: {admitted}¶Discharge date: {today}¶Attending: {doctor}, {cred}
PATIENT NAME: {last_first}¶MEDICAL RECORD NUMBER: {mrn}¶ACCOUNT: {account}¶DATE OF BIRTH: {birthday}¶SSN: {ssn}¶INSURANCE: {insurer}, member {plan_id}¶DATE: {today}
{hospital} - {city}, {state}¶Name: {patient}    Age: {age}    Sex: {sex_letter}¶Home: {street}, {city}, {state} {postcode}¶Phone: {phone}¶Referring: {doctor}, {cred}, fax {fax}
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
""",
    "letter_opening": """
Dear Dr. {doctor_last}, I saw {title} {last} on {today} for {problem}.
Thank you for referring {patient}, a {age}-year-old {sex} with {complaint}.
Dear Dr. {stranger_last}, {title} {last} came to clinic on {today} with {complaint}.
I had the pleasure of seeing {patient} back in our office for {complaint}.
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
""",
    "negated": """
{He} denies {other_complaint} or {other_complaint}.
No {other_complaint}.
No history of {other_problem}.
Negative for {other_complaint}, {other_complaint} and {other_complaint}.
There is no evidence of {other_problem}.
{other_problem} was considered unlikely.
Denies any {other_complaint} at present.
""",
    "comorbid": """
{He} also carries a diagnosis of {past_problem}, stable on {past_drug}.
Chronic {past_problem} is unchanged.
Of note, {he} had {past_procedure} in {year}.
{He} takes {past_drug} for {past_problem}.
Remote {past_problem}, not active.
""",
    "past": """
{past_problem}.
1. {past_problem}. 2. {past_problem}.
History of {past_problem}, status post {past_procedure} in {year}.
{Past_problem} diagnosed in {year}, {problem}.
Significant for {past_problem} and {second_problem}.
Prior {past_procedure} at {other_hospital}.
{Past_problem} (resolved), {past_problem}.
""",
    "family": """
Mother with {other_problem}.
Father died of {other_problem} at 71.
Family history of {other_problem} in a sibling.
{His} brother has {other_problem} and {other_problem}.
""",
    "medication": """
{Drug} {dose} {freq}.
{Drug} {dose} {freq}, {drug} {dose} {freq}.
Takes {drug} and {drug}.
{Drug} was increased to {dose}.
""",
    "past_medication": """
{Past_drug} {dose} {freq}.
{Past_drug} {dose}, {other_drug} {dose} {freq}.
Stopped {other_drug} in {year}.
Multivitamin, {past_drug} {dose}.
""",
    "exam": """
BP {bp}, HR {hr}, T {temp}, SpO2 {sat}% on room air.
Alert and oriented, in no acute distress.
Abdomen soft, extremities warm, no rash.
Lungs clear, heart regular, neck supple.
Babinski negative, Romberg negative.
Skin intact, mucous membranes moist.
""",
    "exam_finding": """
Exam notable for {finding}.
{Finding} noted.
Tenderness and change over the {anatomy}.
{Finding} and {finding} on examination.
The {anatomy} was examined with care.
""",
    "result": """
{Test} with {finding}.
{Test} on {day}: {finding}.
{Test} and {test} were obtained; {finding} was seen.
{Test} again shows {finding}.
{Test} pending.
""",
    "normal_result": """
WBC {n}.{n}, Hgb 1{n}.2, platelets 2{nn}.
{Other_test} was unremarkable.
{Other_test} within normal limits.
Na 13{n}, K 4.{n}, glucose 1{nn}.
Cultures showed no growth to date.
{Other_test} negative for {other_finding}.
""",
    "course": """
{He} was treated with {drug} and {drug} with good response.
{He} underwent {procedure} on {day} without complication.
{Drug} was begun and the {complaint} improved.
The service recommended {procedure} and {test}.
By hospital day {n} the {complaint} had resolved.
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
""",
    "plan": """
Continue {drug} {dose} {freq}.
Start {drug}; repeat {test} in {n} weeks.
Schedule {procedure}.
{Problem}: continue {drug}, check {test}.
Consider {procedure} if {complaint} persists.
Hold {drug} for now.
""",
    "follow_up": """
Follow up with Dr. {doctor_last} on {next_day}.
Return to clinic in {n} weeks or sooner for {complaint}.
Appointment with {doctor}, {cred}, on {next_day} at {time}.
Call {other_phone} with questions.
Records faxed to {fax}.
""",
    "social": """
Lives with {his} {relative} in {city}.
Works as a {job} at {employer}.
Retired {job}, lives at {street}, {city}, {state} {postcode}.
Former smoker, {nn} pack-years; no alcohol.
{His} {relative} {relative_first} drives {him} to visits.
Moved here from {other_city} in {year}.
""",
    "operation": """
Preoperative diagnosis: {problem}.
{Procedure} was performed under general anesthesia.
The {anatomy} was exposed and {finding} was found.
Indication was {complaint} with {finding}.
{Drug} was given before incision.
""",
    "operation_routine": """
The patient was prepped and draped in the usual sterile fashion.
Estimated blood loss was {nn} mL.
Counts were correct at the end.
Surgeon: {doctor}, {cred}.
A time-out confirmed the identity of {patient}.
Taken to recovery in stable condition.
""",
    "imaging": """
There is {finding}.
{Finding} involving the {anatomy}.
Impression: {finding}, in keeping with {problem}.
Compared with {day}, {finding} is unchanged.
Clinical concern for {problem}.
""",
    "imaging_normal": """
No acute osseous abnormality.
No evidence of {other_problem}.
The remainder of the study is unremarkable.
Images reviewed with Dr. {doctor_last} at {time}.
Accession {other_id}.
""",
    "pathology": """
Specimen from the {anatomy}: {finding}.
Clinical history of {problem} with {complaint}.
Changes compatible with {problem}.
Obtained during {procedure}.
""",
    "pathology_routine": """
Specimen {other_id} received in formalin on {day}.
Labeled with the name {last_first}.
Stains reviewed, controls adequate.
No {other_finding} seen.
Case seen with Dr. {stranger_last}.
""",
    "nursing": """
Pt c/o {complaint}, {drug} given with relief.
{Complaint} overnight, MD aware.
Prepared for {procedure} in the morning.
{Test} drawn and sent.
Teaching done on {drug} and {problem}.
""",
    "call": """
Patient called about {complaint} since {day}.
{relative_name} ({relative}) called to report {complaint}.
Asks for a refill of {drug}.
Results of {test} discussed.
Advised to come in for {test} if {complaint} worsens.
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
""",
    "identifiers": """
SSN {ssn}.
Home phone {phone}, email {email}.
{insurer} member ID {plan_id}.
Account number {account}.
Driver license {license}.
DEA {license}.
Came by car, plate {plate}.
VIN {vin} on the accident report.
Device serial {device}.
Results at {url}.
Portal login from {ip}.
Fingerprint {biometric} on file.
Photograph {photo} in the chart.
Study ID {other_id}.
Fax {fax}.
Pager {pager}.
Lives at {street}, {city}, {state} {postcode}.
""",
    "signature": """
{doctor}, {cred}
Electronically signed by {doctor}, {cred} on {today}
Dictated by {doctor}¶Job {other_id}
{stranger}, {nurse_cred} {time}
""",
}
