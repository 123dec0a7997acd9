"""Sentence frames, headings and titles of the test split; none of them occurs in the training split.

One frame a line; `{slot}` is filled (see slots.py), `¶` is a new line.
"""

# ruff: noqa: E501 -- one line is one frame; a broken line would be another frame

TITLES = {
    "discharge_summary": "Summary of Hospital Stay|Transfer of Care Summary",
    "progress_note": "Ward Round Entry|Follow-Along Entry",
    "consult_note": "Specialist Opinion|Inpatient Opinion",
    "ed_note": "Emergency Visit Record|Acute Care Record",
    "radiology_report": "Study Interpretation|Image Interpretation",
    "operative_note": "Record of Operation|Theatre Record",
    "nursing_note": "Bedside Care Record|Ward Care Entry",
    "clinic_letter": "Correspondence|Ambulatory Correspondence",
    "telephone_encounter": "Call Log Entry|Remote Contact Record",
    "pathology_report": "Histology Record|Laboratory Tissue Examination",
}

HEADINGS = {
    "reason": "Presenting Problem|Why Seen",
    "history": "Story|Events Leading Here|Background to This Visit",
    "letter": "Overview|Since We Last Met",
    "past": "Previous Illnesses|Earlier Conditions",
    "medications": "Drug List|Taking at Home",
    "examination": "On Examination|Bedside Findings",
    "results": "Investigations|Laboratory and Imaging",
    "course": "What Happened|Stay in Brief",
    "plan": "Next Steps|Proposal",
    "social": "Home Situation|Living Circumstances",
    "operation": "Operative Steps|What Was Done",
    "imaging": "Reading|Interpretation",
    "pathology": "Conclusion of the Pathologist|Microscopy",
    "nursing": "Care Given|Observations",
    "call": "Conversation|Substance of the Call",
}

FRAMES = {
    "header": """
Subject: {patient} | Chart {mrn} | Visit {today}
{today}¶{last_first} (record {mrn}), born on {birthday}
Facility: {hospital}¶Individual: {patient}, {age} {sex_letter}, chart no. {mrn}
Chart {mrn}¶{patient}, d.o.b. {birthday}¶Written {today}
{patient} of {city}, hospital number {mrn}, {today}
""",
    "long_header": """
{hospital}, {other_city}¶Chart no. {mrn}   Billing no. {account}¶Full name: {last_first}¶Born: {birthday}   SS# {ssn}¶Coverage: {insurer}, subscriber {plan_id}¶Lives: {street}, {city} {state} {postcode}¶Seen: {today} by {doctor}, {cred}
To: {doctor}, {cred} (fax no. {fax})¶From: {hospital}¶Concerning: {patient}, {age} {gender}, hospital number {mrn}¶Contact: {phone} or {email}¶Written: {today}
""",
    "reason": """
Seen because of {complaint}.
Came with {complaint} plus {complaint}.
Question of {problem}.
{Problem}, review.
""",
    "opening": """
Aged {age}, this {sex} sought care because of {complaint} and later {complaint}.
{patient} ({age}, {gender}) was brought in by {his} {relative} with {complaint}.
We met {title} {last}, {age}, whose main worry was {complaint}.
The {complaint} brought {title} {last}, now {age}, to us on {day}.
""",
    "letter_opening": """
Many thanks for asking us to see {patient} (age {age}), troubled by {complaint}.
Colleague, on {today} we reviewed {title} {last} regarding {problem}.
""",
    "history": """
It started {n} days earlier with {complaint}, then {complaint} followed.
An outside {test} had revealed {finding}.
Treatment so far has been {drug} at {dose}, tolerated well.
{Procedure} was carried out in {long_ago}.
The background is {second_problem}, for which {drug} is used.
Nothing has helped the {complaint}, including {drug}.
""",
    "negated": """
Asked directly, {he} had neither {other_complaint} nor {other_complaint}.
{Other_problem} has been ruled out.
Without {other_complaint}.
Nothing to suggest {other_problem} was found.
""",
    "comorbid": """
Separately, {past_problem} is managed with {past_drug}.
Years ago there was {past_problem}.
{Past_procedure} took place in {year}; no sequelae.
""",
    "past": """
Earlier illnesses: {past_problem}, {past_problem}.
{Past_problem} since {year}; also {second_problem}.
After {past_procedure} in {year}, well.
Known to have {past_problem}.
""",
    "family": """
A grandparent suffered from {other_problem}.
Relatives are affected by {other_problem}.
""",
    "medication": """
On {drug} ({dose} {freq}) and {drug}.
{Drug}, {dose}, {freq}; dose unchanged.
Uses {drug}.
""",
    "past_medication": """
Also on {past_drug}, {dose} {freq}.
{Other_drug} was tried and given up.
Long-standing {past_drug}.
""",
    "exam": """
Pressure {bp}, pulse {hr}, temperature {temp}, saturation {sat}.
Looks comfortable; belly not tender.
Murphy sign absent; pupils equal.
No pallor, calves not swollen.
""",
    "exam_finding": """
What stood out was {finding}.
One finds {finding}, mainly about the {anatomy}.
We noted {finding}.
""",
    "result": """
From {day}: {test} revealed {finding}.
{Test} came back with {finding}.
{Finding} was demonstrated by {test}.
We await {test}.
""",
    "normal_result": """
White count {n}.{n}, hemoglobin 1{n}.1.
{Other_test} gave a reassuring answer.
Sodium 13{n}, creatinine 0.{n}.
{Other_finding} could not be shown by {other_test}.
""",
    "course": """
With {drug} the {complaint} settled.
On {day} {he} had {procedure}, which went well.
Therapy consisted of {drug}, later {drug}.
""",
    "care": """
Eating and drinking again.
Walked the corridor with a frame.
Discomfort scored {n} of ten.
Hickman line dressing clean and dry.
Wishes for resuscitation were confirmed.
""",
    "plan": """
We suggest {drug}, {dose} {freq}.
Arrange {procedure}; review {test} afterwards.
For {problem}: {drug} and a further {test}.
If {complaint} comes back, think of {procedure}.
""",
    "follow_up": """
Next review {next_day} with {doctor}, {cred}.
To be seen by Dr. {doctor_last} around {next_day}.
Reachable on {other_phone} at any hour.
A copy goes by fax to {fax}.
""",
    "social": """
Shares a home in {city} with {his} {relative}.
Employed by {employer} as a {job}.
At {street}, {city}, {state} {postcode}, alone since {year}.
Tobacco for {nn} years, given up.
""",
    "operation": """
Under anesthesia, {procedure} went ahead for {problem}.
Dissection reached the {anatomy}; {finding} was evident.
Cover with {drug} was provided.
""",
    "operation_routine": """
Skin was cleansed and towels placed.
Loss of blood about {nn} mL; sponges accounted for.
Lead operator {doctor}, {cred}.
Identity of {patient} was verified aloud by the team.
""",
    "imaging": """
One sees {finding} at the {anatomy}.
Appearances fit {problem}.
As before ({day}), {finding}.
""",
    "imaging_normal": """
Nothing pointing to {other_problem}.
Bones appear intact.
Exam number {other_id}; called to Dr. {doctor_last}.
""",
    "pathology": """
Tissue of {anatomy} showing {finding}.
Submitted with the question of {problem}.
The picture fits {problem} after {procedure}.
""",
    "pathology_routine": """
Container {other_id} reached us on {day}.
Jar marked {last_first}.
Absent: {other_finding}.
""",
    "nursing": """
Complained to staff of {complaint}; given {drug}.
Off the ward for {test} then {procedure}.
Explained {drug} to {title} {last}.
""",
    "call": """
{Complaint} was reported over the line, ongoing since {day}.
{relative_name}, the {relative}, rang about {complaint}.
Wants more {drug}; told to have {test}.
""",
    "people": """
The {relative}, {relative_name}, has been told.
Dr. {stranger} agrees.
Under the care of {doctor}.
{relative_first}, {his} {relative}, stayed the night.
Came over from {other_hospital} on {day}.
Handed over to nurse {stranger}.
""",
    "identifiers": """
Social security no. {ssn}.
Telephone {phone}; mail {email}.
{insurer} beneficiary {plan_id}.
Bill to account {account}.
License shown: {license}.
Parked a vehicle with tag {plate}.
Chassis no. {vin}.
Implant S/N {device}.
See {url}.
Kiosk address {ip}.
Palm scan {biometric}.
Face picture {photo}.
Registry code {other_id}.
Facsimile {fax}.
Beeper {pager}.
""",
    "signature": """
Signed off by {doctor}, {cred}, {today}
{doctor_plain} {cred}
Entered {time} by {stranger}, {nurse_cred}
""",
}
