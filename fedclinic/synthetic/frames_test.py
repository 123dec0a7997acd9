"""Sentence frames, headings and titles of the test split; none of them occurs in the training split.

One frame a line; `{slot}` is filled (see slots.py), `¶` is a new line.
"""

# ruff: noqa: E501 -- one line is one frame; a broken line would be another frame

TITLES = {
    "discharge_summary": "Summary of Hospital Stay|Transfer of Care Summary|End of Stay Record",
    "progress_note": "Ward Round Entry|Follow-Along Entry|Team Rounds",
    "consult_note": "Specialist Opinion|Inpatient Opinion|Requested Opinion",
    "ed_note": "Emergency Visit Record|Acute Care Record|Urgent Visit Entry",
    "radiology_report": "Study Interpretation|Image Interpretation|Scan Reading",
    "operative_note": "Record of Operation|Theatre Record|Surgeon's Account",
    "nursing_note": "Bedside Care Record|Ward Care Entry|Care Diary",
    "clinic_letter": "Correspondence|Ambulatory Correspondence|Reply to Referrer",
    "telephone_encounter": "Call Log Entry|Remote Contact Record|Caller Record",
    "pathology_report": "Histology Record|Laboratory Tissue Examination|Histopathology",
}

HEADINGS = {
    "reason": "Presenting Problem|Why Seen|Cause of Attendance",
    "history": "Story|Events Leading Here|Background to This Visit|Narrative of Illness",
    "letter": "Overview|Since We Last Met|In Short",
    "past": "Previous Illnesses|Earlier Conditions|Known Conditions",
    "medications": "Drug List|Taking at Home|Treatment at Present",
    "examination": "On Examination|Bedside Findings|Clinical Signs",
    "results": "Investigations|Laboratory and Imaging|Tests So Far",
    "course": "What Happened|Stay in Brief|Events on the Ward",
    "plan": "Next Steps|Proposal|Management|To Do",
    "social": "Home Situation|Living Circumstances|Personal Background",
    "operation": "Operative Steps|What Was Done|Account of Surgery",
    "imaging": "Reading|Interpretation|Observed",
    "pathology": "Conclusion of the Pathologist|Microscopy|Macroscopy and Microscopy",
    "nursing": "Care Given|Observations|On My Watch",
    "call": "Conversation|Substance of the Call|What Was Said",
}

FRAMES = {
    "header": """
Subject: {patient} | Chart {mrn} | Visit {today}
{today}¶{last_first} (record {mrn}), born on {birthday}
Facility: {hospital}¶Individual: {patient}, {age} {sex_letter}, chart no. {mrn}
Chart {mrn}¶{patient}, d.o.b. {birthday}¶Written {today}
{patient} of {city}, hospital number {mrn}, {today}
Surname, given name: {last_first}¶Birth date: {birthday}¶Hospital no.: {mrn}
Regarding {patient} (chart {mrn}); consultant {doctor}, {cred}
Seen on {today} at {hospital}: {patient}, {age}
File {mrn} / {last_first} / {today}
Client record {mrn}¶{patient}, aged {age}, of {street}, {city}
{doctor}, {cred}, for {patient}¶Hospital number {mrn}¶{today}
[{today}] [{mrn}] [{last_first}]
No. {mrn}, {last_first}, {sex_letter}, {age}¶Entry of {today}, {time}
{hospital} * {today} * {patient} * {mrn}
""",
    "long_header": """
{hospital}, {other_city}¶Chart no. {mrn}   Billing no. {account}¶Full name: {last_first}¶Born: {birthday}   SS# {ssn}¶Coverage: {insurer}, subscriber {plan_id}¶Lives: {street}, {city} {state} {postcode}¶Seen: {today} by {doctor}, {cred}
To: {doctor}, {cred} (fax no. {fax})¶From: {hospital}¶Concerning: {patient}, {age} {gender}, hospital number {mrn}¶Contact: {phone} or {email}¶Written: {today}
FULL NAME......{last_first}¶BIRTH DATE.....{birthday}¶CHART..........{mrn}¶ARRIVED........{admitted}¶LEFT...........{today}¶CONSULTANT.....{doctor}, {cred}¶NEXT OF KIN....{relative_name}, {relative}, {other_phone}
{today}¶{hospital}¶{other_street}¶{other_city} {state} {postcode}¶¶{patient}¶{street}¶{city} {state} {postcode}¶¶Hospital number: {mrn}; visit code: {other_id}
Surname;Given;Born;Chart;Visit¶{last};{first};{birthday};{mrn};{today}¶Tel;Mail;Insurer;Subscriber¶{phone};{email};{insurer};{plan_id}
{hospital} | {today}¶For: {stranger}, {cred}¶With copies to: {stranger}; {stranger}¶About: {patient}, d.o.b. {birthday}, chart {mrn}, bill {account}
""",
    "reason": """
Seen because of {complaint}.
Came with {complaint} plus {complaint}.
Question of {problem}.
{Problem}, review.
Brought in for {severity} {complaint}.
Troubled by {complaint}; {problem} on record.
Opinion wanted on {problem}.
{Complaint}, then {complaint}.
Worry about {complaint}.
{N} weeks of {complaint}.
{Problem} again, with {complaint}.
Request: {procedure} for {problem}.
{Severity} {complaint} in known {problem}.
""",
    "opening": """
Aged {age}, this {sex} sought care because of {complaint} and later {complaint}.
{patient} ({age}, {gender}) was brought in by {his} {relative} with {complaint}.
We met {title} {last}, {age}, whose main worry was {complaint}.
The {complaint} brought {title} {last}, now {age}, to us on {day}.
{title} {last}, {job}, {age}, had {complaint} for {n} weeks before coming.
{first}, {age}, arrived by ambulance from {other_city} with {complaint}.
At {age}, {title} {last} lives with {problem}; lately {complaint} has set in.
{N} days of {complaint} made {title} {last} ring {his} doctor.
Day {n} on the ward, {problem}, with {complaint} easing.
Sent by {other_hospital} on account of {complaint}, {patient} is {age}.
""",
    "letter_opening": """
Many thanks for asking us to see {patient} (age {age}), troubled by {complaint}.
Colleague, on {today} we reviewed {title} {last} regarding {problem}.
To Dr. {stranger_last}: we met {patient}, {age}, on {today}; the trouble is {complaint}.
It was good to meet {title} {last} of {city}, in whom {problem} was found.
With this note I report on {patient}, seen {today} on account of {problem}.
{title} {last}, {age}, in our care for {problem}, came on {today}; {complaint} is worse.
""",
    "history": """
It started {n} days earlier with {complaint}, then {complaint} followed.
An outside {test} had revealed {finding}.
Treatment so far has been {drug}, tolerated well.
{Procedure} was carried out on {long_ago}.
The background is {second_problem}, for which {drug} is used.
Nothing has helped the {complaint}, including {drug}.
Things came to a head on {day}, when {complaint} kept {him} awake.
According to the {relative}, {complaint} was there all of {month}.
An earlier trial of {drug} ended for lack of effect.
{Complaint} comes and goes, {severity} at worst.
Before this, {drug} and later {procedure} had been tried.
One sister hospital, {other_hospital}, had made the diagnosis of {problem} by {test}.
Each spell of {complaint} lasts about {n} minutes.
Lately {complaint} limits the walk to the shops.
We have known of the {problem} since {month}.
All this fits {problem}.
{Problem} has troubled {him} for {n} years, now with {complaint}.
A flare of {problem} is the likely cause of the {complaint}.
Two earlier stays were because of {problem}.
{drug} had to be stopped over {complaint}.
Twice in {month} the {complaint} returned.
{Test} ordered elsewhere pointed to {problem}.
""",
    "negated": """
Asked directly, {he} had neither {other_complaint} nor {other_complaint}.
{Other_problem} has been ruled out.
Without {other_complaint}.
Nothing to suggest {other_problem} was found.
{Other_complaint}: absent. {Other_complaint}: absent.
At no time was there {other_complaint}.
A thought of {other_problem} was dropped after {other_test}.
Free of {other_complaint} and {other_complaint}.
{Other_problem} looks improbable.
""",
    "comorbid": """
Separately, {past_problem} is managed with {past_drug}.
Years ago there was {past_problem}.
{Past_procedure} took place in {year}; no sequelae.
Another matter is {past_problem}, presently calm.
Dr. {stranger_last} looks after the {past_problem}.
The old {past_complaint} has gone.
""",
    "past": """
Earlier illnesses: {past_problem}, {past_problem}.
{Past_problem} since {year}; also {second_problem}.
After {past_procedure} in {year}, well.
Known to have {past_problem}.
In {month}, a stay at {other_hospital} over {past_problem}.
{Problem} found in {year}. {Past_problem} before that.
Tonsils out as a child; {past_problem} later.
Surgery: {past_procedure} (Dr. {stranger_last}).
{Past_problem}, well since {month}.
From {year}: {past_problem}; from {year}: {past_problem}.
""",
    "family": """
A grandparent suffered from {other_problem}.
Relatives are affected by {other_problem}.
{Other_problem} runs in the family.
Parents lived long; an uncle had {other_problem}.
""",
    "medication": """
On {drug} ({dose} {freq}) and {drug}.
{Pill}, {dose}, {freq}; dose unchanged.
Uses {drug}.
{Drug} was added lately.
- {drug}¶- {drug}
Box shows {pill} at {dose}.
Relies on {drug} whenever {complaint} comes.
{Pill};{dose};{freq}¶{pill};{dose};{freq}
{Drug} until {next_day}.
Script for {pill}, {dose}, {nn} pieces.
""",
    "past_medication": """
Also on {past_pill}, {dose} {freq}.
{Other_drug} was tried and given up.
Long-standing {past_drug}.
Cannot have {other_drug} (hives).
Given {past_drug} by Dr. {stranger_last} years back.
""",
    "exam": """
Pressure {bp}, pulse {hr}, temperature {temp}, saturation {sat}.
Looks comfortable; belly not tender.
Murphy sign absent; pupils equal.
No pallor, calves not swollen.
Orientated, chatty, moves all limbs.
Chest sounds normal on both sides.
Kernig negative, Phalen negative, Tinel negative.
Height 1{nn} cm, weight {nn} kg.
Glasgow 15 of 15, gait normal.
Trousseau and Chvostek absent; Tinel silent.
Jaeger 2 on both sides; Ishihara full.
Rested face, warm hands, nails normal.
Heart sounds pure, abdomen silent to touch.
Lasegue free on the {side}.
""",
    "exam_finding": """
What stood out was {finding}.
One finds {finding}, mainly about the {anatomy}.
We noted {finding}.
Striking: {bare_finding}.
The {anatomy} showed change.
As on {day}, {finding}.
""",
    "result": """
From {day}: {test} revealed {finding}.
{Test} came back with {finding}.
{Finding} was demonstrated by {test}.
We await {test}.
Taken together, {test} and {test} speak for {problem}.
{Test}, done at {other_hospital}, gave {finding}.
{Test} = {bare_finding}.
{Test} -> {bare_finding}
Second {test}: {finding}.
""",
    "normal_result": """
White count {n}.{n}, hemoglobin 1{n}.1.
{Other_test} gave a reassuring answer.
Sodium 13{n}, creatinine 0.{n}.
{Other_finding} could not be shown by {other_test}.
Glucose {nn}0, potassium 4.{n}, chloride 10{n}.
Sedimentation {nn}, platelets 2{nn} thousand.
{Other_test} clear.
Hb;1{n}.2;g/dL¶Ferritin;{nn};ng/mL¶CK;{nn};U/L
Fehling negative, Schilling not needed.
Chloride 10{n}, urea {nn}, bilirubin 0.{n}.
Lymphocytes {nn}, monocytes {n}, eosinophils {n}.
""",
    "course": """
With {drug} the {complaint} settled.
On {day} {he} had {procedure}, which went well.
Therapy consisted of {drug}, later {drug}.
{Procedure} was offered and accepted, {test} beforehand.
The {complaint} eased once {drug} was on board.
A setback with {finding} was met with {drug}.
Dr. {doctor_last} carried out {procedure}; {test} afterwards looked better.
""",
    "care": """
Eating and drinking again.
Walked the corridor with a frame.
Discomfort scored {n} of ten.
Hickman line dressing clean and dry.
Wishes for resuscitation were confirmed.
Fowler position, pressure areas checked.
Urine {n}00 mL over the shift.
No drug reactions known.
Flu shot given in the fall.
Rested between visits.
Can shower; may lift nothing heavy.
Hope remains high.
Grant of leave until evening.
Braden 19, Waterlow 8.
Ryle tube out, Venturi mask off.
Slept in a chair.
Chaperone present throughout.
Hand grip equal, smiles.
Teds on, heels clear of the mattress.
""",
    "plan": """
We suggest {drug}.
Arrange {procedure}; review {test} afterwards.
For {problem}: {drug} and a further {test}.
If {complaint} comes back, think of {procedure}.
Stay on {pill}, {dose} {freq}.
Replace {drug} by {drug}.
Book {test}.
Give up {drug}; {procedure} is the better way.
a) {drug} b) {test} c) {procedure}
""",
    "past_plan": """
Leave {past_drug} as it is for {past_problem}.
{Past_problem}: as before.
{Past_test} at the next yearly visit.
For the {past_problem}, {past_pill} {dose} {freq} stays.
{Past_drug} may be taken up again from {next_day}.
""",
    "past_result": """
{Past_test} as ever.
An old {past_test} ({month}) had {past_finding}.
{Past_test} in view of {past_problem}: no news.
""",
    "follow_up": """
Next review {next_day} with {doctor}, {cred}.
To be seen by Dr. {doctor_last} around {next_day}.
Reachable on {other_phone} at any hour.
A copy goes by fax to {fax}.
Slot reserved: {next_day}, {time}.
Goes to {other_hospital} for convalescence.
We expect {him} again in {month}.
""",
    "social": """
Shares a home in {city} with {his} {relative}.
Employed by {employer} as a {job}.
At {street}, {city}, {state} {postcode}, alone since {year}.
Tobacco for {nn} years, given up.
Spent most of life in {other_city}.
{relative_name}, {his} {relative}, helps with shopping.
A {job} until {year}; wine on Sundays only.
Has a flat on {other_street} in {other_city}.
Volunteers with {company}.
""",
    "operation": """
Under anesthesia, {procedure} went ahead for {problem}.
Dissection reached the {anatomy}; {finding} was evident.
Cover with {drug} was provided.
What we found: {finding}.
Operation: {procedure}. Reason: {complaint}.
After {procedure} the {anatomy} looked sound.
""",
    "operation_routine": """
Skin was cleansed and towels placed.
Loss of blood about {nn} mL; sponges accounted for.
Lead operator {doctor}, {cred}.
Identity of {patient} was verified aloud by the team.
Second operator {stranger}; anesthetist {stranger}.
Metzenbaum dissection, Prolene to skin.
Hardware reference {device} noted.
Form signed by the {relative}, {relative_name}.
""",
    "imaging": """
One sees {finding} at the {anatomy}.
Appearances fit {problem}.
As before ({day}), {finding}.
Asked about {complaint}; answer: {finding}.
In sum, {problem} with {finding}.
Would add {test}.
""",
    "imaging_normal": """
Nothing pointing to {other_problem}.
Bones appear intact.
Exam number {other_id}; called to Dr. {doctor_last}.
Skin and fat planes regular.
Old pictures from {month} were not at hand.
""",
    "pathology": """
Tissue of {anatomy} showing {finding}.
Submitted with the question of {problem}.
The picture fits {problem} after {procedure}.
Clinician reports {complaint} and {finding}.
On {drug} at the time of sampling.
""",
    "pathology_routine": """
Container {other_id} reached us on {day}.
Jar marked {last_first}.
Absent: {other_bare_finding}.
Second reader Dr. {stranger_last} concurs.
Giemsa and Masson preparations are adequate.
Cassettes 1 to {n}, levels cut.
""",
    "nursing": """
Complained to staff of {complaint}; given {drug}.
Off the ward for {test} then {procedure}.
Explained {drug} to {title} {last}.
At {time} {complaint} eased after {drug}.
Watching {anatomy} hourly; {bare_finding} persists.
Here for {problem}.
""",
    "call": """
{Complaint} was reported over the line, ongoing since {day}.
{relative_name}, the {relative}, rang about {complaint}.
Wants more {drug}; told to have {test}.
Heard that {test} gave {finding}.
Unsure whether {drug} fits with {problem}.
Would like {procedure} before {next_day}.
""",
    "people": """
The {relative}, {relative_name}, has been told.
Dr. {stranger} agrees.
Under the care of {doctor}.
{relative_first}, {his} {relative}, stayed the night.
Came over from {other_hospital} on {day}.
Handed over to nurse {stranger}.
{stranger}, {cred}, took part.
Met {title} {last} and {relative_first} on {day}.
The family name is {last}.
Advice of {stranger} ({other_hospital}) was sought.
We called {relative_name} on {other_phone}.
Both {stranger_first} and {stranger_first} from the day team helped.
First seen at {hospital} in {month}.
Before {day} {he} stayed with {stranger} in {other_city}.
Brought by a colleague from {employer}.
Copied to {stranger} and {stranger}.
Letter from {company} dated {day} was read.
Home visit at {other_street}, {other_city}, by {stranger_first}.
Written about {initials} with consent.
Between {earlier_day} and {day} {he} was away in {other_city}.
Mail for {last_first} was returned.
Student {stranger} observed.
{first}'s {relative} {relative_first} was kept in the picture.
Dr. {stranger_last}'s view is awaited.
{Relative} {relative_name}, tel. {other_phone}
Stayed at {other_hospital} {earlier_day} until {day}.
Those present: {stranger}, {stranger} and {stranger}, {nurse_cred}.
Taken over by {stranger_plain}, {cred}, of {other_hospital}.
{Stranger} rang from {other_city} on {day}.
The {last} household is at {street}.
Guardian is {relative_name}; write to {other_street}, {other_city}.
{stranger_first}, {stranger_first} and {stranger_first} are the grandchildren.
A former patient of {stranger} in {other_city}, {state}.
Dietitian {stranger_first} {stranger_last} came by at {time}.
Colleague {stranger_last} looked in twice.
Took the bus from {other_city} with {relative_first}.
Wed to {stranger} since {year}.
Deputy: {stranger}, {cred}¶Secretary: {stranger}
Friends at {company} raised money for {first}.
Native of {other_city}; school in {other_city}.
Neighbor {stranger} of {other_street} holds the key.
Work certificate for {employer} handed out {day}.
Trainer {stranger_first} at {company} noticed it.
Blood was taken at {company} on {day}.
Ms. {stranger_last} of the insurer asked on {day}.
Pastor {stranger} prayed with {him}.
Attorney {stranger} requested copies on {day}.
In {month} {he} moved in with {relative_first}.
Interviewed by {stranger} of the {other_city} police.
{doctor_plain} spoke with {relative_name} at {time}.
""",
    "identifiers": """
Social security no. {ssn}.
SS no. on the card: {ssn}
Telephone {phone}; mail {email}.
Mobile no. {phone}
Mail to {email} preferred.
Questions to {staff_email}
{insurer} beneficiary {plan_id}.
Insured with {insurer} under {plan_id}.
Subscriber no. {plan_id}
Bill to account {account}.
Billing no.: {account}
License shown: {license}.
Nursing certificate {license} was copied.
Prescriber registration {license}
Parked a vehicle with tag {plate}.
Car registration {plate} was given at the gate.
Chassis no. {vin}.
Vehicle identification {vin}
Implant S/N {device}.
Infusion device {device} was swapped.
Hearing aid no. {device}
See {url}.
Pictures are kept at {url}
Booked through {url} by {first}.
Kiosk address {ip}.
Logged from host {ip} on {day}
Palm scan {biometric}.
Retina pattern {biometric} enrolled.
Gait signature {biometric} stored.
Face picture {photo}.
Portrait {photo} attached for recognition.
Snapshot of the face: {photo}
Registry code {other_id}.
Sample {other_id} shipped.
Research participant {other_id}
Lab requisition {other_id}, phoned through.
Hospital number {mrn} was checked twice.
Chart no. {mrn} merged with {mrn}.
Facsimile {fax}.
By fax no. {fax} to {stranger}
Beeper {pager}.
Bleep {pager} at night.
Secretary on {other_phone}.
Correspondence to {street}, {city}, {state} {postcode}.
Postal code {postcode}.
Born {birthday}.
Birthday on {birthday}, now {age}.
Dispensed by {company}, {other_city}.
Ways to reach: {phone} (home), {other_phone} (work), {email}
Numbers: chart {mrn}, SS {ssn}, bill {account}
{last_first} - chart {mrn} - sheet {n}
Payer {insurer}, subscriber {plan_id}, group {other_id}
Deliver to {street}, {city} {state} {postcode}
Covered since {month} under {plan_id}.
Ledger {account} settled.
Provider number {license}
Pilot's licence {license} suspended.
Stimulator no. {device}, battery no. {device}.
Valve stamped {device}.
Oxygen machine {device} collected {day}.
The scooter bears {plate}.
Frame number {vin} in the police file.
Clip uploaded to {url} via {ip}.
Home monitor reports from {ip}.
Hand geometry {biometric} matched.
Keystroke profile {biometric}.
Likeness {photo} shown to the team.
Passport picture {photo}.
Ticket {other_id} opened at {time}.
Donor unit {other_id}.
Trial arm code {other_id}, visit {day}.
Desk {other_phone}, facsimile {fax}, {staff_email}
Leave word on {phone}.
Ring {other_phone} and ask after {stranger_first}.
Taxi {plate} from {other_street}.
Employee badge {other_id} of {employer}.
Dossier {other_id} at {company}.
Online record: {url}, user {email}
Tissue bank key {other_id}.
Policy {plan_id} lapsed in {month}.
Voice sample {biometric} taken {day}.
""",
    "signature": """
Signed off by {doctor}, {cred}, {today}
{doctor_plain} {cred}
Entered {time} by {stranger}, {nurse_cred}
With kind regards,¶{doctor_plain}¶{hospital}
Typed {today} for {doctor}, {cred}
Completed {today} {time} / {doctor}
Verified: {stranger}, {cred} ({today})
/{doctor_plain}/
Taken down by {stranger} on {today}
Yours,¶{doctor_plain}, {cred}¶{staff_email}
p.p. {stranger_last}
{doctor} ({cred}), bleep {pager}
""",
}
