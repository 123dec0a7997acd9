"""What each service treats: conditions with their complaints, findings, drugs, tests and procedures.

Items are separated by `;`, ways to write the same item by `=`. Many items belong to several
services on purpose: a word alone does not give a note's label away.
"""

# ruff: noqa: E501 -- one line is one list; broken lines would be harder to read
import re
from dataclasses import dataclass, field

_NOT_A_PILL = re.compile(
    r"drip|oxygen|Ringer|cells|CHOP|FOLFOX|infusion|pack|IVIG|injection|gel\b|saline|lock|insulin|"
    r"nebul|tPA|TNK|chloride|bicarbonate|gluconate|iodine|steroid|magnesium|cyclophosph|tablets"
)
Item = tuple[str, ...]
"""Ways to write one thing."""


CATEGORIES = ("complaints", "findings", "drugs", "tests", "procedures", "anatomy")


@dataclass(frozen=True)
class Condition:
    """One problem and what a note about it mentions."""

    service: str
    names: Item
    items: dict[str, tuple[Item, ...]] = field(repr=False)
    """Category to items; beside `CATEGORIES` there are `names` and `pills`, drugs with a dose."""


def _items(text: str) -> tuple[Item, ...]:
    return tuple(
        tuple(way.strip() for way in item.split("=")) for item in text.split(";") if item.strip()
    )


def _read(service: str, text: str) -> tuple[Condition, ...]:
    """Parse blocks of seven lines: names, complaints, findings, drugs, tests, procedures, anatomy."""
    conditions = []
    for block in text.strip().split("\n\n"):
        names, *lists = [_items(line) for line in block.strip().split("\n")]
        items = {"names": names, **dict(zip(CATEGORIES, lists, strict=True))}
        pills = tuple(item for item in items["drugs"] if not _NOT_A_PILL.search(" ".join(item)))
        items["pills"] = pills or items["drugs"]
        conditions.append(Condition(service, names[0], items))
    return tuple(conditions)


_CARDIOLOGY = """
non-ST elevation myocardial infarction=NSTEMI=heart attack=acute MI
chest pain=chest discomfort; pressure radiating to the left arm; sweating=diaphoresis; shortness of breath=dyspnea=SOB; nausea
ST depression in the lateral leads; elevated cardiac enzymes=troponin rise; hypokinesis of the inferior wall; a culprit lesion in the LAD
aspirin=ASA; clopidogrel=Plavix; atorvastatin=Lipitor; heparin drip=heparin gtt; metoprolol=Lopressor; nitroglycerin=NTG
troponin; electrocardiogram=ECG=EKG; echocardiogram=TTE=echo; lipid panel
cardiac catheterization=left heart cath; drug-eluting stent placement=PCI; coronary artery bypass grafting=CABG
left anterior descending artery=LAD; inferior wall; left ventricle=LV

congestive heart failure=CHF=heart failure=HFrEF
dyspnea on exertion=DOE; swelling of both legs=leg swelling=pedal edema; orthopnea=three-pillow orthopnea; fatigue; weight gain; cough
bibasilar crackles=rales; an ejection fraction of 25 percent; elevated jugular venous pressure=JVD; pulmonary vascular congestion; pitting edema to the knees
furosemide=Lasix; carvedilol=Coreg; sacubitril-valsartan=Entresto; spironolactone=Aldactone; lisinopril; digoxin
BNP=pro-BNP; echocardiogram=TTE=echo; chest x-ray=CXR; basic metabolic panel=BMP
biventricular pacemaker placement=CRT; implantable defibrillator placement=ICD implant; right heart catheterization
left ventricle=LV; ankles; neck veins

atrial fibrillation=AF=afib=AFib with RVR
palpitations=racing heart; dizziness=lightheadedness; shortness of breath=dyspnea=SOB; fatigue; near-syncope=presyncope
irregularly irregular rhythm; a ventricular rate in the 140s; left atrial enlargement; absent P waves
apixaban=Eliquis; diltiazem=Cardizem; amiodarone; warfarin=Coumadin; metoprolol=Lopressor; flecainide
electrocardiogram=ECG=EKG; Holter monitor=event monitor; TSH; transesophageal echo=TEE
cardioversion=DCCV; catheter ablation=pulmonary vein isolation; left atrial appendage closure
left atrium; pulmonary veins; heart

aortic stenosis=AS=severe aortic valve stenosis
syncope=passing out; angina=chest tightness; dyspnea on exertion=DOE; dizziness=lightheadedness; fatigue
a harsh systolic murmur at the right upper sternal border; a calcified valve with a small area; a mean gradient of 48; left ventricular hypertrophy=LVH
metoprolol=Lopressor; furosemide=Lasix; aspirin=ASA; atorvastatin=Lipitor
echocardiogram=TTE=echo; electrocardiogram=ECG=EKG; gated CT of the chest
transcatheter valve replacement=TAVR; surgical valve replacement=AVR; balloon valvuloplasty
aortic valve; carotids; sternal border

hypertensive urgency=uncontrolled hypertension=HTN=high blood pressure
headache; blurred vision; chest pain=chest discomfort; nosebleed=epistaxis; dizziness=lightheadedness
blood pressure of 212 over 118; left ventricular hypertrophy=LVH; an S4 gallop; arteriolar narrowing on fundoscopy
amlodipine=Norvasc; labetalol; lisinopril; hydralazine; hydrochlorothiazide=HCTZ; clonidine
electrocardiogram=ECG=EKG; urinalysis=UA; basic metabolic panel=BMP; renal duplex
ambulatory pressure monitoring; renal artery stenting
heart; retina; renal arteries

complete heart block=third-degree AV block=CHB=sick sinus syndrome
syncope=passing out; fatigue; bradycardia=slow pulse; dizziness=lightheadedness; fall=mechanical fall
heart rate of 34; AV dissociation; long sinus pauses; a junctional escape rhythm
atropine; isoproterenol; dopamine drip
electrocardiogram=ECG=EKG; telemetry; Lyme serology; troponin
dual-chamber pacemaker placement=PPM; temporary transvenous pacing; device interrogation
right ventricle; left chest pocket; AV node

infective endocarditis=endocarditis=bacterial endocarditis=IE
fever=febrile illness; night sweats=drenching sweats; malaise=fatigue; chills=rigors; joint pain
a mobile vegetation on the mitral leaflet; splinter hemorrhages; a new regurgitant murmur; Janeway lesions
vancomycin; gentamicin; nafcillin; ceftriaxone=Rocephin; daptomycin
blood cultures; transesophageal echo=TEE; ESR; C-reactive protein=CRP
mitral valve repair=valve surgery; PICC placement; dental extraction
mitral valve; tricuspid leaflet; fingertips

acute pericarditis=pericarditis=pericardial effusion
sharp chest pain=chest pain; fever=febrile illness; shortness of breath=dyspnea=SOB; pain worse when lying flat
a friction rub; diffuse ST elevation; a large effusion with tamponade; pulsus paradoxus
colchicine; ibuprofen=Motrin; prednisone; aspirin=ASA; pantoprazole=Protonix
electrocardiogram=ECG=EKG; echocardiogram=TTE=echo; C-reactive protein=CRP; cardiac MRI
pericardiocentesis; pericardial window
pericardium; precordium; right ventricle

peripheral artery disease=PAD=claudication=peripheral vascular disease
calf pain with walking=claudication pain; cold foot; nonhealing toe ulcer; numbness in the feet=paresthesias
absent pedal pulses; an ankle-brachial index of 0.4; dependent rubor; an occluded superficial femoral artery
cilostazol=Pletal; clopidogrel=Plavix; rosuvastatin=Crestor; aspirin=ASA; rivaroxaban=Xarelto
ankle-brachial index=ABI; arterial duplex; CT angiogram of the legs; lipid panel
femoral-popliteal bypass; angioplasty; toe amputation; iliac stenting
popliteal artery; right foot; left calf

hypertrophic cardiomyopathy=HOCM=cardiomyopathy
syncope=passing out; chest tightness; palpitations=racing heart; dyspnea on exertion=DOE
asymmetric septal hypertrophy; an outflow gradient of 70; systolic anterior motion; a murmur louder on standing
metoprolol=Lopressor; verapamil; mavacamten=Camzyos; disopyramide
echocardiogram=TTE=echo; cardiac MRI; genetic panel; Holter monitor=event monitor
septal myectomy; alcohol septal ablation; implantable defibrillator placement=ICD implant
interventricular septum; outflow tract; left ventricle=LV
"""

_PULMONOLOGY = """
chronic obstructive pulmonary disease=COPD=COPD exacerbation=emphysema
shortness of breath=dyspnea=SOB; cough; wheezing; sputum production=productive cough; chest tightness
diffuse expiratory wheezes; hyperinflated lungs; use of accessory muscles; an oxygen saturation of 84 percent
tiotropium=Spiriva; albuterol=nebulized albuterol; prednisone; azithromycin=Z-pack; fluticasone-salmeterol=Advair; levofloxacin
arterial blood gas=ABG; spirometry=PFTs; chest x-ray=CXR; sputum culture
noninvasive ventilation=BiPAP; intubation; pulmonary rehabilitation
lungs; airways; right upper lobe=RUL

community-acquired pneumonia=CAP=pneumonia=PNA
fever=febrile illness; productive cough=cough; pleuritic chest pain=chest pain; chills=rigors; malaise=fatigue
a right lower lobe consolidation; crackles at the left base=rales; leukocytosis; tachypnea
ceftriaxone=Rocephin; azithromycin=Z-pack; levofloxacin; vancomycin; doxycycline
chest x-ray=CXR; sputum culture; blood cultures; procalcitonin; urinary legionella antigen
thoracentesis; chest tube placement; bronchoscopy
right lower lobe=RLL; pleural space; lungs

asthma=asthma exacerbation=reactive airway disease
wheezing; chest tightness; nighttime cough=cough; shortness of breath=dyspnea=SOB
reduced peak flow; polyphonic wheezes; a prolonged expiratory phase; eosinophilia
albuterol=nebulized albuterol; montelukast=Singulair; budesonide-formoterol=Symbicort; prednisone; magnesium infusion; ipratropium=Atrovent
peak flow; spirometry=PFTs; IgE level; chest x-ray=CXR
bronchial thermoplasty; nebulizer treatment; allergy skin testing
bronchi=airways; lungs; chest wall

pulmonary embolism=PE=acute pulmonary emboli
pleuritic chest pain=chest pain; hemoptysis=coughing blood; calf pain; shortness of breath=dyspnea=SOB; syncope=passing out
bilateral segmental filling defects; tachycardia; right heart strain; a thrombus in the popliteal vein
heparin drip=heparin gtt; apixaban=Eliquis; rivaroxaban=Xarelto; enoxaparin=Lovenox; warfarin=Coumadin; alteplase=tPA
CT angiogram of the chest=CTPA; D-dimer; lower extremity duplex; troponin
catheter-directed thrombolysis; IVC filter placement; V/Q scanning
pulmonary artery; left calf; right ventricle

idiopathic pulmonary fibrosis=IPF=interstitial lung disease=ILD
dry cough=cough; dyspnea on exertion=DOE; fatigue; weight loss; clubbing
velcro crackles; honeycombing at the bases; a reduced diffusing capacity; traction bronchiectasis
nintedanib=Ofev; pirfenidone=Esbriet; prednisone; home oxygen; mycophenolate
high-resolution CT=HRCT; spirometry=PFTs; six-minute walk test; autoimmune panel
surgical lung biopsy; bronchoscopy; lung transplant evaluation
lung bases; interstitium; pleura

obstructive sleep apnea=OSA=sleep-disordered breathing
daytime sleepiness=somnolence; loud snoring; morning headache=headache; fatigue; witnessed pauses in breathing
an apnea-hypopnea index of 46; a crowded oropharynx; nocturnal desaturation; a neck of 18 inches
modafinil; nasal fluticasone; acetazolamide; nasal saline
polysomnogram=sleep study; overnight oximetry; arterial blood gas=ABG
CPAP titration=CPAP; uvulopalatopharyngoplasty; mandibular advancement
upper airway; oropharynx; soft palate

pleural effusion=parapneumonic effusion=empyema
shortness of breath=dyspnea=SOB; pleuritic chest pain=chest pain; fever=febrile illness; cough
dullness at the left base; a loculated collection; exudative fluid; decreased breath sounds
piperacillin-tazobactam=Zosyn; ceftriaxone=Rocephin; alteplase=tPA; acetaminophen=Tylenol
pleural fluid analysis; chest x-ray=CXR; LDH; CT of the chest
thoracentesis; chest tube placement; decortication=VATS; pleurodesis
pleural space; left hemithorax; diaphragm

spontaneous pneumothorax=pneumothorax=PTX=collapsed lung
sudden chest pain=chest pain; shortness of breath=dyspnea=SOB; shoulder pain; dry cough=cough
an absent lung edge; apical blebs; hyperresonance; tracheal deviation
high-flow oxygen; hydromorphone=Dilaudid; ketorolac=Toradol; lidocaine patch
chest x-ray=CXR; CT of the chest; lung ultrasound; arterial blood gas=ABG
pigtail catheter placement; chest tube placement; bleb resection=VATS; pleurodesis
right apex; visceral pleura; lungs

pulmonary tuberculosis=TB=active tuberculosis
night sweats=drenching sweats; hemoptysis=coughing blood; weight loss; productive cough=cough; fever=febrile illness
a cavitary lesion; acid-fast bacilli; upper lobe scarring; a positive interferon assay
isoniazid=INH; rifampin; ethambutol; pyrazinamide; pyridoxine
sputum smear; interferon gamma assay=Quantiferon; chest x-ray=CXR; liver panel=LFTs
bronchoscopy; airborne isolation; sputum induction
right upper lobe=RUL; lung apices; hilum

sarcoidosis=pulmonary sarcoidosis=sarcoid
dry cough=cough; fatigue; shortness of breath=dyspnea=SOB; rash; joint pain
bilateral hilar adenopathy; noncaseating granulomas; reticulonodular opacities; erythema nodosum
prednisone; methotrexate; infliximab=Remicade; hydroxychloroquine=Plaquenil
ACE level; spirometry=PFTs; calcium; CT of the chest
endobronchial ultrasound=EBUS; transbronchial biopsy; bronchoscopy
hilar nodes; mediastinum; lungs
"""

_GASTROENTEROLOGY = """
upper gastrointestinal bleed=UGIB=GI bleed=peptic ulcer disease
black stools=melena; vomiting blood=hematemesis; dizziness=lightheadedness; abdominal pain=belly pain; fatigue
a clean-based ulcer; a hemoglobin of 6.9; guaiac-positive stool; epigastric tenderness
pantoprazole=Protonix; octreotide; omeprazole=Prilosec; packed red cells; sucralfate
complete blood count=CBC; H. pylori stool antigen; type and screen; INR
upper endoscopy=EGD; clip placement; red cell transfusion
stomach; duodenum=duodenal bulb; epigastrium

Crohn disease=Crohn's=IBD=inflammatory bowel disease
bloody diarrhea=diarrhea; abdominal pain=belly pain; weight loss; fever=febrile illness; joint pain
terminal ileal thickening; skip lesions; a perianal fistula; an elevated CRP
infliximab=Remicade; mesalamine=Asacol; prednisone; azathioprine=Imuran; adalimumab=Humira; budesonide
fecal calprotectin; CT enterography; C-reactive protein=CRP; stool studies
colonoscopy; ileocecal resection; seton placement
terminal ileum; colon; rectum

cirrhosis=decompensated cirrhosis=end-stage liver disease=ESLD
abdominal distension; confusion=altered mental status; jaundice=yellow eyes; swelling of both legs=leg swelling=pedal edema; itching=pruritus
shifting dullness; asterixis; an ammonia of 112; esophageal varices; a nodular liver contour
lactulose; rifaximin=Xifaxan; spironolactone=Aldactone; furosemide=Lasix; nadolol; albumin
liver panel=LFTs; right upper quadrant ultrasound=RUQ US; INR; alpha-fetoprotein=AFP
paracentesis; variceal banding; TIPS; liver transplant evaluation
liver; spleen; portal vein

acute pancreatitis=pancreatitis=gallstone pancreatitis
epigastric pain=abdominal pain; vomiting=emesis; nausea; fever=febrile illness; back pain
a lipase over 1800; peripancreatic fluid; fat stranding; a dilated common bile duct
hydromorphone=Dilaudid; lactated Ringer's; ondansetron=Zofran; meropenem; pancrelipase
lipase; CT of the abdomen; triglyceride level; liver panel=LFTs
ERCP; cholecystectomy=lap chole; nasojejunal tube placement
pancreas; gallbladder; common bile duct=CBD

gastroesophageal reflux disease=GERD=reflux esophagitis=acid reflux
heartburn; difficulty swallowing=dysphagia; chronic cough=cough; chest pain=chest discomfort; hoarseness
a hiatal hernia; erosive esophagitis; a Schatzki ring; salmon-colored mucosa above the junction
omeprazole=Prilosec; famotidine=Pepcid; pantoprazole=Protonix; metoclopramide=Reglan
barium swallow; pH monitoring; esophageal manometry; CBC
upper endoscopy=EGD; esophageal dilation; fundoplication
esophagus; gastroesophageal junction=GE junction; throat

diverticulitis=acute diverticulitis=sigmoid diverticulitis
left lower quadrant pain=abdominal pain; fever=febrile illness; constipation; nausea; bloating
a contained abscess; sigmoid wall thickening; leukocytosis; rebound tenderness
ciprofloxacin=Cipro; metronidazole=Flagyl; piperacillin-tazobactam=Zosyn; polyethylene glycol=Miralax
CT of the abdomen; complete blood count=CBC; lactate; urinalysis=UA
percutaneous drainage; sigmoid colectomy; colonoscopy
sigmoid colon; pelvis; left lower quadrant=LLQ

ulcerative colitis=UC=pancolitis
bloody diarrhea=diarrhea; urgency; abdominal cramps=belly pain; fatigue; tenesmus
continuous mucosal inflammation; a Mayo score of 3; pseudopolyps; loss of vascular pattern
vedolizumab=Entyvio; mesalamine=Asacol; budesonide; infliximab=Remicade; prednisone
fecal calprotectin; C. difficile PCR; colonoscopy biopsies; C-reactive protein=CRP
flexible sigmoidoscopy; total colectomy; colonoscopy
rectum; sigmoid colon; splenic flexure

acute cholecystitis=cholecystitis=biliary colic=choledocholithiasis
right upper quadrant pain=abdominal pain; nausea; fever=febrile illness; vomiting=emesis; jaundice=yellow eyes
a positive Murphy sign; gallbladder wall thickening; pericholecystic fluid; an alkaline phosphatase of 420
piperacillin-tazobactam=Zosyn; ketorolac=Toradol; ursodiol; ondansetron=Zofran
right upper quadrant ultrasound=RUQ US; HIDA scan; MRCP; liver panel=LFTs
cholecystectomy=lap chole; percutaneous cholecystostomy; ERCP
gallbladder; cystic duct; right upper quadrant=RUQ

hepatitis C=chronic hepatitis=autoimmune hepatitis=fatty liver disease
fatigue; itching=pruritus; jaundice=yellow eyes; nausea; right upper quadrant pain=abdominal pain
transaminases in the 900s; a high viral load; bridging fibrosis; spider angiomata; steatosis
sofosbuvir-velpatasvir=Epclusa; ursodiol; azathioprine=Imuran; prednisone; vitamin E
hepatitis C RNA; elastography=FibroScan; ANA; liver panel=LFTs; ferritin
liver biopsy; variceal screening; hepatitis vaccination
liver; palms; portal tracts

small bowel obstruction=SBO=adhesive bowel obstruction=ileus
vomiting=emesis; bloating; abdominal distension; constipation; abdominal pain=belly pain
dilated loops with air-fluid levels; a transition point; high-pitched bowel sounds; absent flatus
lactated Ringer's; ondansetron=Zofran; metoclopramide=Reglan; hydromorphone=Dilaudid
abdominal film=KUB; CT of the abdomen; lactate; water-soluble contrast study
nasogastric decompression=NG tube placement; lysis of adhesions; small bowel resection
jejunum; ileum; abdominal wall
"""

_NEUROLOGY = """
ischemic stroke=CVA=acute stroke=left MCA stroke
slurred speech=dysarthria; right-sided weakness=hemiparesis; facial droop; confusion=altered mental status; word-finding difficulty=aphasia
restricted diffusion in the left insula; a pronator drift; a dense middle cerebral artery; left neglect
aspirin=ASA; clopidogrel=Plavix; tenecteplase=TNK; atorvastatin=Lipitor; alteplase=tPA
CT of the head=CTH; MRI of the brain; carotid duplex; echocardiogram=TTE=echo
mechanical thrombectomy; carotid endarterectomy=CEA; swallow evaluation
left middle cerebral artery=MCA; basal ganglia; internal carotid

epilepsy=seizure disorder=generalized tonic-clonic seizures
convulsion=shaking spell; loss of consciousness=LOC; tongue biting; confusion=altered mental status; headache; staring episodes
left temporal sharp waves; mesial temporal sclerosis; a postictal state; an elevated lactate
levetiracetam=Keppra; lamotrigine=Lamictal; lorazepam=Ativan; valproate=Depakote; lacosamide=Vimpat; phenytoin=Dilantin
electroencephalogram=EEG; MRI of the brain; drug level; CT of the head=CTH
temporal lobectomy; vagus nerve stimulator placement=VNS; long-term video monitoring
temporal lobe; hippocampus; left arm

Parkinson disease=Parkinson's=PD=parkinsonism
tremor=shaking of the hand; stiffness; slowness=bradykinesia; falls=mechanical fall; constipation; soft voice
cogwheel rigidity; a shuffling gait; masked facies; reduced arm swing; micrographia
carbidopa-levodopa=Sinemet; pramipexole=Mirapex; rasagiline; amantadine; quetiapine
DaT scan; MRI of the brain; orthostatic vitals; cognitive screen=MoCA
deep brain stimulation=DBS; botulinum injection; speech therapy
substantia nigra; right hand; basal ganglia

multiple sclerosis=MS=relapsing-remitting MS=demyelinating disease
blurred vision; numbness in the legs=paresthesias; gait imbalance=unsteady gait; fatigue; urinary urgency; spasms
periventricular plaques; an enhancing cord lesion; oligoclonal bands; an afferent pupillary defect
ocrelizumab=Ocrevus; methylprednisolone=Solu-Medrol; baclofen; glatiramer=Copaxone; gabapentin=Neurontin
MRI of the brain; MRI of the cervical spine; CSF studies; visual evoked potentials
lumbar puncture=LP; plasma exchange=PLEX; infusion therapy
optic nerve; cervical cord; corpus callosum

migraine=migraine with aura=chronic migraine
headache; light sensitivity=photophobia; nausea; visual aura; neck stiffness; vomiting=emesis
normal optic discs with tender scalp; allodynia; a scintillating scotoma; tender occipital nerves
sumatriptan=Imitrex; topiramate=Topamax; propranolol; amitriptyline; erenumab=Aimovig; rimegepant
CT of the head=CTH; MRI of the brain; ESR; headache diary
occipital nerve block; botulinum injection; lumbar puncture=LP
occiput; temples; trigeminal nerve

peripheral neuropathy=polyneuropathy=Guillain-Barre syndrome=GBS
numbness in the feet=paresthesias; burning pain; leg weakness=weakness; unsteady gait=gait imbalance; falls=mechanical fall
absent ankle reflexes; a stocking-glove loss of pinprick; slowed conduction velocity; albuminocytologic dissociation
gabapentin=Neurontin; duloxetine=Cymbalta; pregabalin=Lyrica; IVIG; vitamin B12
nerve conduction study=EMG; B12 level; CSF studies; serum protein electrophoresis=SPEP; hemoglobin A1c=A1c
lumbar puncture=LP; sural nerve biopsy; plasma exchange=PLEX
feet; sural nerve; lower extremities

Alzheimer dementia=Alzheimer's=dementia=memory loss
forgetfulness; getting lost; word-finding difficulty=aphasia; agitation; falls=mechanical fall
hippocampal atrophy; a cognitive score of 14 of 30; impaired recall; disorientation to date
donepezil=Aricept; memantine=Namenda; sertraline; quetiapine; lecanemab=Leqembi
cognitive screen=MoCA; MRI of the brain; B12 level; TSH; amyloid PET
neuropsychological testing; lumbar puncture=LP; driving evaluation
hippocampus; temporal lobe; parietal cortex

myasthenia gravis=MG=myasthenic crisis
double vision=diplopia; drooping eyelids=ptosis; weakness; difficulty swallowing=dysphagia; soft voice
fatigable weakness; a thymic mass; a decremental response; a vital capacity of 1.1
pyridostigmine=Mestinon; prednisone; IVIG; mycophenolate; efgartigimod=Vyvgart
acetylcholine receptor antibodies=AChR; CT of the chest; nerve conduction study=EMG; bedside spirometry=PFTs
thymectomy; plasma exchange=PLEX; intubation
eyelids; thymus; neck flexors

bacterial meningitis=meningitis=viral encephalitis=encephalitis
headache; neck stiffness; fever=febrile illness; light sensitivity=photophobia; confusion=altered mental status
cloudy spinal fluid; temporal lobe enhancement; nuchal rigidity; neutrophils in the fluid
ceftriaxone=Rocephin; vancomycin; acyclovir; dexamethasone=Decadron; ampicillin
CSF studies; blood cultures; CT of the head=CTH; electroencephalogram=EEG; HSV PCR
lumbar puncture=LP; droplet isolation; intubation
meninges; temporal lobe; neck

subarachnoid hemorrhage=SAH=subdural hematoma=SDH=intracranial hemorrhage
worst headache=headache; loss of consciousness=LOC; vomiting=emesis; neck stiffness; fall=mechanical fall
blood in the basal cisterns; midline shift; a ruptured aneurysm; a blown pupil; vasospasm
nimodipine; levetiracetam=Keppra; nicardipine drip; mannitol; labetalol
CT of the head=CTH; CT angiogram of the head=CTA; transcranial Doppler=TCD; INR
aneurysm coiling; burr hole evacuation=craniotomy; external ventricular drain placement=EVD
anterior communicating artery; basal cisterns; left hemisphere
"""

_ORTHOPEDICS = """
hip fracture=femoral neck fracture=intertrochanteric fracture
fall=mechanical fall; groin pain; hip pain; inability to bear weight; swelling
a shortened and externally rotated leg; a displaced fracture line; ecchymosis over the trochanter; osteopenia
oxycodone; enoxaparin=Lovenox; cefazolin=Ancef; acetaminophen=Tylenol; alendronate=Fosamax
hip radiographs=hip x-ray; CT of the pelvis; vitamin D level; CBC
hemiarthroplasty; cephalomedullary nailing=IM nail; open reduction and internal fixation=ORIF
femoral neck; left hip; greater trochanter

knee osteoarthritis=degenerative joint disease=OA of the knee=DJD
knee pain; stiffness; swelling; locking; difficulty with stairs
medial joint space narrowing; crepitus; a varus deformity; osteophytes; a moderate effusion
meloxicam=Mobic; acetaminophen=Tylenol; triamcinolone injection; celecoxib=Celebrex; diclofenac gel
weight-bearing films; knee MRI; joint fluid analysis; ESR
total knee arthroplasty=TKA=knee replacement; arthroscopy; hyaluronate injection
medial compartment; patella; right knee

lumbar spinal stenosis=lumbar stenosis=lumbar disc herniation=HNP
back pain; leg pain with walking=neurogenic claudication; numbness in the legs=paresthesias; leg weakness=weakness; buttock pain
a positive straight leg raise; facet hypertrophy; foraminal narrowing at L4-L5; an extruded disc
gabapentin=Neurontin; cyclobenzaprine=Flexeril; naproxen; methylprednisolone dose pack; tramadol
MRI of the lumbar spine; flexion-extension films; nerve conduction study=EMG
laminectomy; epidural steroid injection=ESI; spinal fusion=TLIF; microdiscectomy
L4-L5 level; lumbar spine; sciatic nerve

rotator cuff tear=shoulder impingement=supraspinatus tear
shoulder pain; night pain; weakness; stiffness; reduced reach overhead
a painful arc; a full-thickness tear; a positive drop arm sign; acromial spurring
naproxen; triamcinolone injection; ketorolac=Toradol; hydrocodone-acetaminophen=Norco
shoulder MRI; shoulder x-ray; ultrasound of the shoulder
arthroscopic cuff repair; subacromial decompression; physical therapy=PT
right shoulder; supraspinatus; acromion

distal radius fracture=Colles fracture=wrist fracture
wrist pain; swelling; fall=mechanical fall; tingling in the fingers=paresthesias; deformity
dorsal angulation; intra-articular extension; snuffbox tenderness; diminished grip
oxycodone; ibuprofen=Motrin; cefazolin=Ancef; calcium with vitamin D
wrist radiographs; post-reduction films; bone density scan=DEXA
closed reduction=CRPP; volar plating=open reduction and internal fixation=ORIF; sugar-tong splinting=cast application
distal radius; median nerve; ulnar styloid

septic arthritis=prosthetic joint infection=PJI=osteomyelitis
joint pain; fever=febrile illness; swelling; drainage from the wound; chills=rigors
a purulent effusion; lucency around the implant; cortical erosion; an elevated CRP
vancomycin; ceftriaxone=Rocephin; rifampin; cefepime; oxycodone
joint fluid analysis; ESR; blood cultures; bone scan; C-reactive protein=CRP
irrigation and debridement=I&D=washout; spacer placement; revision arthroplasty; PICC placement
tibial tray; synovium; left knee

anterior cruciate ligament tear=ACL tear=meniscal tear
knee pain; giving way; swelling; popping sensation; locking
a positive Lachman test; a bucket-handle tear; joint line tenderness; a hemarthrosis
ibuprofen=Motrin; acetaminophen=Tylenol; oxycodone; aspirin=ASA
knee MRI; knee x-ray; joint fluid analysis
ligament reconstruction=ACL reconstruction; arthroscopy; meniscal repair; physical therapy=PT
right knee; medial meniscus; patellar tendon

ankle fracture=trimalleolar fracture=ankle sprain
ankle pain; swelling; inability to bear weight; fall=mechanical fall; bruising
a widened mortise; a displaced lateral malleolus; syndesmotic injury; a positive anterior drawer
oxycodone; ketorolac=Toradol; cefazolin=Ancef; enoxaparin=Lovenox; vitamin D
ankle radiographs; stress view; CT of the ankle
open reduction and internal fixation=ORIF; cast application; boot immobilization=CAM boot
lateral malleolus; syndesmosis; left ankle

carpal tunnel syndrome=CTS=trigger finger=tenosynovitis
tingling in the fingers=paresthesias; wrist pain; night pain; weak grip; stiffness
thenar wasting; a positive compression test; prolonged median latency; a palpable nodule at the pulley
naproxen; triamcinolone injection; gabapentin=Neurontin; diclofenac gel
nerve conduction study=EMG; wrist ultrasound; hand radiographs
carpal tunnel release=CTR; wrist splinting; pulley release; steroid injection
median nerve; right wrist; flexor tendons

vertebral compression fracture=compression fracture=osteoporotic fracture=scoliosis
back pain; loss of height; stooping; pain on standing; fall=mechanical fall
wedge deformity of T12; a 40 degree curve; retropulsed fragment; midline tenderness
calcitonin nasal spray; alendronate=Fosamax; tramadol; acetaminophen=Tylenol; teriparatide=Forteo
spine radiographs; bone density scan=DEXA; MRI of the thoracic spine; vitamin D level
kyphoplasty; bracing=TLSO; spinal fusion=TLIF; vertebroplasty
T12 vertebra; thoracolumbar junction; paraspinal muscles
"""

_ONCOLOGY = """
breast cancer=invasive ductal carcinoma=IDC=breast carcinoma
breast lump=palpable mass; nipple discharge; fatigue; hot flashes; bone pain
a spiculated mass; an involved sentinel node; HER2 amplification; skin dimpling
trastuzumab=Herceptin; letrozole=Femara; paclitaxel=Taxol; doxorubicin=Adriamycin; tamoxifen; ondansetron=Zofran
mammogram; breast MRI; receptor testing; bone scan; CA 15-3
lumpectomy; mastectomy; sentinel node biopsy=SLNB; whole-breast radiation=XRT
upper outer quadrant; left axilla; chest wall

non-small cell lung cancer=NSCLC=lung adenocarcinoma=lung cancer
hemoptysis=coughing blood; weight loss; cough; shortness of breath=dyspnea=SOB; bone pain; hoarseness
a spiculated nodule; mediastinal adenopathy; a malignant effusion; adrenal metastasis; an EGFR mutation
osimertinib=Tagrisso; pembrolizumab=Keytruda; carboplatin; pemetrexed=Alimta; dexamethasone=Decadron
PET-CT=PET scan; CT of the chest; molecular panel=NGS; MRI of the brain
lobectomy; bronchoscopy; stereotactic radiation=SBRT; port placement
right upper lobe=RUL; mediastinum; hilar nodes

colorectal cancer=colon cancer=colon adenocarcinoma=CRC
bloody stool=hematochezia; weight loss; change in bowel habit; abdominal pain=belly pain; fatigue; constipation
an apple-core lesion; liver metastases; iron deficiency; a rising CEA; a circumferential mass
oxaliplatin=FOLFOX; capecitabine=Xeloda; bevacizumab=Avastin; fluorouracil=5-FU; ondansetron=Zofran
CEA=CEA level; CT of the abdomen; colonoscopy biopsy; mismatch repair testing
hemicolectomy; port placement; colonoscopy; hepatic resection
cecum; sigmoid colon; liver

diffuse large B-cell lymphoma=DLBCL=lymphoma=NHL
night sweats=drenching sweats; swollen glands=lymphadenopathy; fever=febrile illness; weight loss; fatigue; itching=pruritus
bulky retroperitoneal nodes; an elevated LDH; splenomegaly; neutropenia
rituximab=Rituxan; R-CHOP; prednisone; filgrastim=Neupogen; allopurinol
PET-CT=PET scan; LDH; flow cytometry; uric acid; complete blood count=CBC
excisional node biopsy; bone marrow biopsy; stem cell transplant; port placement
cervical nodes; spleen; bone marrow

multiple myeloma=myeloma=plasma cell neoplasm
bone pain; back pain; fatigue; recurrent infections; constipation; nausea
lytic lesions; a monoclonal spike; hypercalcemia; anemia; a creatinine of 3.1
lenalidomide=Revlimid; bortezomib=Velcade; dexamethasone=Decadron; zoledronic acid=Zometa; acyclovir
serum protein electrophoresis=SPEP; free light chains; skeletal survey; calcium; CBC
bone marrow biopsy; stem cell transplant; kyphoplasty; palliative radiation=XRT
thoracic spine; bone marrow; pelvis

metastatic melanoma=melanoma=stage IV melanoma
changing mole=pigmented lesion; headache; palpable mass; fatigue; weight loss; itching=pruritus
a Breslow depth of 3.2; a hemorrhagic brain lesion; a BRAF mutation; in-transit nodules; immune colitis
nivolumab=Opdivo; ipilimumab=Yervoy; dabrafenib; prednisone; trametinib
PET-CT=PET scan; LDH; MRI of the brain; molecular panel=NGS
wide local excision=WLE; sentinel node biopsy=SLNB; stereotactic radiosurgery=SRS
left shoulder blade; axillary nodes; brain

pancreatic cancer=pancreatic adenocarcinoma=pancreatic head mass
painless jaundice=yellow eyes; weight loss; back pain; poor appetite=anorexia; epigastric pain=abdominal pain
a double duct sign; a 3 cm head mass; liver metastases; a CA 19-9 of 2200; encasement of the mesenteric artery
gemcitabine=Gemzar; nab-paclitaxel=Abraxane; FOLFIRINOX; pancrelipase; ondansetron=Zofran
CA 19-9; CT of the abdomen; endoscopic ultrasound=EUS; liver panel=LFTs
Whipple procedure=pancreaticoduodenectomy; biliary stenting=ERCP; port placement; celiac block
pancreatic head; portal vein; liver

acute myeloid leukemia=AML=acute leukemia=ALL
easy bruising; fatigue; fever=febrile illness; bleeding gums; recurrent infections; bone pain
circulating blasts; a platelet count of 9; an FLT3 mutation; neutropenia; gum hypertrophy
cytarabine; daunorubicin; venetoclax=Venclexta; azacitidine=Vidaza; posaconazole; allopurinol
bone marrow aspirate; flow cytometry; cytogenetics; complete blood count=CBC; uric acid
induction chemotherapy=7+3; stem cell transplant; platelet transfusion; bone marrow biopsy
bone marrow; gums; skin

glioblastoma=GBM=brain tumor=brain metastases
headache; convulsion=shaking spell; personality change; right-sided weakness=hemiparesis; vomiting=emesis
a ring-enhancing mass; surrounding edema; midline shift; an unmethylated promoter
temozolomide=Temodar; dexamethasone=Decadron; levetiracetam=Keppra; bevacizumab=Avastin
MRI of the brain; molecular panel=NGS; PET-CT=PET scan; ophthalmology exam
craniotomy for resection=tumor debulking; whole-brain radiation=XRT; stereotactic radiosurgery=SRS
frontal lobe; corpus callosum; temporal lobe

renal cell carcinoma=RCC=bladder cancer=urothelial carcinoma
painless hematuria=blood in the urine=hematuria; flank pain; weight loss; fatigue; night sweats=drenching sweats
an enhancing renal mass; muscle-invasive tumor; lung metastases; a thrombus in the renal vein
sunitinib=Sutent; pembrolizumab=Keytruda; cabozantinib=Cabometyx; gemcitabine=Gemzar; cisplatin
CT of the abdomen; urine cytology; bone scan; creatinine; CT of the chest
radical nephrectomy; transurethral resection=TURBT; cystectomy; partial nephrectomy
left kidney; bladder wall; renal vein
"""

_NEPHROLOGY = """
acute kidney injury=AKI=acute renal failure=ATN
decreased urine output=oliguria; nausea; swelling of both legs=leg swelling=pedal edema; confusion=altered mental status; vomiting=emesis; fatigue
muddy brown casts; a creatinine of 5.4; a fractional sodium excretion of 3 percent; hyperkalemia
lactated Ringer's; sodium bicarbonate; calcium gluconate; furosemide=Lasix; sodium zirconium=Lokelma
creatinine; urine electrolytes; renal ultrasound; urinalysis=UA; basic metabolic panel=BMP
bladder catheterization=Foley placement; urgent hemodialysis=CRRT; renal biopsy
kidneys; bladder; renal tubules

end-stage renal disease=ESRD=stage 5 CKD=dialysis dependence
missed treatments; shortness of breath=dyspnea=SOB; itching=pruritus; fatigue; cramping; nausea
a potassium of 6.8; a palpable thrill; dry weight exceeded by 4 kilos; a pericardial rub; an elevated phosphorus
sevelamer=Renvela; epoetin=Epogen; calcitriol; cinacalcet=Sensipar; iron sucrose; heparin lock
potassium; Kt/V; parathyroid hormone=PTH; hepatitis B surface antigen; phosphorus
hemodialysis=HD; fistula creation=AV fistula; tunneled catheter placement=permcath; transplant evaluation
left forearm fistula; internal jugular; kidneys

nephrotic syndrome=membranous nephropathy=minimal change disease
foamy urine; swelling of both legs=leg swelling=pedal edema; puffy eyes; weight gain; fatigue
9 grams of proteinuria; an albumin of 1.8; anasarca; lipiduria; podocyte effacement
prednisone; rituximab=Rituxan; tacrolimus=Prograf; losartan=Cozaar; furosemide=Lasix; atorvastatin=Lipitor
urine protein to creatinine ratio=UPCR; albumin; anti-PLA2R antibody; lipid panel; C3 and C4
renal biopsy; plasma exchange=PLEX
glomeruli; kidneys; periorbital area

nephrolithiasis=kidney stones=renal colic=ureteral stone
flank pain; blood in the urine=hematuria; vomiting=emesis; painful urination=dysuria; nausea; fever=febrile illness
a 7 mm obstructing calculus; hydronephrosis; costovertebral angle tenderness=CVA tenderness; perinephric stranding
tamsulosin=Flomax; ketorolac=Toradol; potassium citrate; ondansetron=Zofran; allopurinol
noncontrast CT=CT KUB; urinalysis=UA; stone analysis; uric acid; renal ultrasound
ureteroscopy; lithotripsy=ESWL; ureteral stent placement; nephrostomy tube placement
left ureter; renal pelvis; right flank

lupus nephritis=IgA nephropathy=glomerulonephritis=GN
blood in the urine=hematuria; joint pain; foamy urine; rash; high blood pressure=hypertension; fatigue
red cell casts; crescents on biopsy; low complements; dysmorphic red cells; 3 grams of proteinuria
mycophenolate; methylprednisolone=Solu-Medrol; cyclophosphamide=Cytoxan; hydroxychloroquine=Plaquenil; lisinopril; prednisone
C3 and C4; anti-dsDNA; urinalysis=UA; ANCA panel; creatinine
renal biopsy; plasma exchange=PLEX; pulse steroid infusion
glomeruli; mesangium; kidneys

kidney transplant rejection=renal allograft dysfunction=transplant rejection
decreased urine output=oliguria; graft tenderness; fever=febrile illness; weight gain; fatigue; tremor=shaking of the hand
a rising creatinine; donor-specific antibodies; tubulitis; BK viremia; an elevated resistive index
tacrolimus=Prograf; mycophenolate; thymoglobulin; valganciclovir=Valcyte; prednisone; belatacept
tacrolimus trough; BK virus PCR; allograft duplex; creatinine; urinalysis=UA
allograft biopsy; plasma exchange=PLEX; IVIG infusion
allograft; iliac fossa; renal artery

diabetic nephropathy=diabetic kidney disease=stage 3 CKD=chronic kidney disease=CKD
swelling of both legs=leg swelling=pedal edema; fatigue; foamy urine; poor appetite=anorexia; itching=pruritus
a filtration rate of 38; 2 grams of albuminuria; small echogenic kidneys; anemia; metabolic acidosis
dapagliflozin=Farxiga; losartan=Cozaar; finerenone=Kerendia; sodium bicarbonate; furosemide=Lasix; lisinopril
filtration rate=eGFR; urine albumin to creatinine ratio=UACR; renal ultrasound; hemoglobin A1c=A1c; phosphorus
dialysis education; fistula creation=AV fistula; renal dietitian review
kidneys; ankles; glomeruli

polycystic kidney disease=ADPKD=PKD
flank pain; blood in the urine=hematuria; headache; abdominal distension; high blood pressure=hypertension
innumerable bilateral cysts; enlarged kidneys; liver cysts; a hemorrhagic cyst; a berry aneurysm
tolvaptan=Jynarque; lisinopril; acetaminophen=Tylenol; losartan=Cozaar
renal ultrasound; total kidney volume MRI; genetic panel; creatinine; sodium
cyst aspiration; native nephrectomy; transplant evaluation
kidneys; liver; flanks

hyponatremia=SIADH=hypernatremia=severe hyponatremia
confusion=altered mental status; nausea; headache; gait imbalance=unsteady gait; convulsion=shaking spell; thirst=polydipsia
a sodium of 116; concentrated urine; low serum osmolality; euvolemia
hypertonic saline; tolvaptan=Samsca; urea powder; desmopressin=DDAVP; sodium chloride tablets
serum osmolality; urine electrolytes; urine sodium; basic metabolic panel=BMP; TSH
fluid restriction; central line placement; hourly sodium checks
brain; kidneys; collecting duct

pyelonephritis=urosepsis=complicated UTI=urinary tract infection
flank pain; fever=febrile illness; painful urination=dysuria; chills=rigors; urinary frequency; nausea
pyuria; costovertebral angle tenderness=CVA tenderness; a striated nephrogram; gram-negative rods; leukocytosis
ceftriaxone=Rocephin; ciprofloxacin=Cipro; cefepime; ertapenem; nitrofurantoin=Macrobid
urine culture; urinalysis=UA; blood cultures; renal ultrasound; lactate
ureteral stent placement; nephrostomy tube placement; bladder catheterization=Foley placement
right kidney; ureter; bladder
"""

_ENDOCRINOLOGY = """
type 2 diabetes mellitus=T2DM=diabetes=DM2
frequent urination=polyuria; thirst=polydipsia; blurred vision; fatigue; numbness in the feet=paresthesias; weight loss
a glucose of 388; an A1c of 11.4 percent; microalbuminuria; background retinopathy; acanthosis nigricans
metformin=Glucophage; insulin glargine=Lantus; semaglutide=Ozempic; empagliflozin=Jardiance; glipizide; insulin lispro=Humalog
hemoglobin A1c=A1c; fingerstick glucose=FSBG; urine microalbumin; lipid panel; basic metabolic panel=BMP
continuous glucose monitoring=CGM; foot exam with monofilament; retinal screening
feet; abdomen injection sites; retina

diabetic ketoacidosis=DKA=type 1 diabetes=T1DM
vomiting=emesis; abdominal pain=belly pain; thirst=polydipsia; confusion=altered mental status; frequent urination=polyuria; nausea
an anion gap of 26; fruity breath; large ketones; a bicarbonate of 8; Kussmaul breathing
insulin drip=insulin gtt; insulin lispro=Humalog; potassium chloride; insulin degludec=Tresiba; lactated Ringer's
beta-hydroxybutyrate; venous blood gas=VBG; fingerstick glucose=FSBG; basic metabolic panel=BMP; hemoglobin A1c=A1c
insulin pump start; continuous glucose monitoring=CGM; central line placement
pancreas; abdomen injection sites; feet

hypothyroidism=Hashimoto thyroiditis=underactive thyroid
fatigue; cold intolerance; weight gain; constipation; hair loss; dry skin; slow pulse=bradycardia
a TSH of 48; delayed relaxation of reflexes; a firm goiter; periorbital puffiness
levothyroxine=Synthroid; liothyronine=Cytomel; selenium; hydrocortisone
TSH; free T4; thyroid peroxidase antibody=anti-TPO; lipid panel
thyroid ultrasound; fine needle aspiration=FNA
thyroid; neck; ankles

Graves disease=hyperthyroidism=thyrotoxicosis=overactive thyroid
palpitations=racing heart; tremor=shaking of the hand; weight loss; heat intolerance; anxiety; bulging eyes; diarrhea
a suppressed TSH; a diffuse goiter with a bruit; lid lag; diffuse uptake; sinus tachycardia
methimazole=Tapazole; propranolol; propylthiouracil=PTU; prednisone; radioactive iodine=RAI
TSH; free T4; thyrotropin receptor antibody=TRAb; uptake scan; electrocardiogram=ECG=EKG
thyroidectomy; radioiodine ablation; thyroid ultrasound
thyroid; orbits; neck

adrenal insufficiency=Addison disease=Cushing syndrome=adrenal adenoma
fatigue; dizziness=lightheadedness; weight loss; nausea; easy bruising; weakness; salt craving
hyperpigmentation; a morning cortisol of 1.2; orthostatic hypotension; purple striae; a 3 cm adrenal nodule
hydrocortisone; fludrocortisone=Florinef; dexamethasone=Decadron; ketoconazole; sodium chloride tablets
ACTH stimulation test=cosyntropin test; morning cortisol; CT of the abdomen; urine free cortisol; renin and aldosterone
adrenalectomy; adrenal vein sampling; stress-dose steroid cover
adrenal glands; pituitary; abdomen

primary hyperparathyroidism=hyperparathyroidism=osteoporosis=hypercalcemia
bone pain; constipation; flank pain; fatigue; fracture after a minor fall; poor concentration
a calcium of 12.1; a T-score of minus 3.4; an elevated intact PTH; a parathyroid adenoma on sestamibi
alendronate=Fosamax; denosumab=Prolia; cinacalcet=Sensipar; zoledronic acid=Zometa; calcitriol; vitamin D
parathyroid hormone=PTH; bone density scan=DEXA; calcium; vitamin D level; 24-hour urine calcium
parathyroidectomy; sestamibi scan; infusion therapy
parathyroid gland; lumbar spine; neck

pituitary adenoma=prolactinoma=acromegaly=hypopituitarism
headache; loss of side vision=blurred vision; milky nipple discharge=nipple discharge; large hands; fatigue; low libido
a sellar mass abutting the chiasm; a prolactin of 640; an elevated IGF-1; bitemporal field loss
cabergoline; octreotide; hydrocortisone; levothyroxine=Synthroid; pegvisomant=Somavert
prolactin; IGF-1; pituitary MRI; morning cortisol; visual field testing
transsphenoidal resection; pituitary radiation=XRT; insulin tolerance test
pituitary; optic chiasm; sella

papillary thyroid cancer=thyroid nodule=multinodular goiter
neck lump=palpable mass; hoarseness; difficulty swallowing=dysphagia; neck pressure; fatigue
a TI-RADS 5 nodule; microcalcifications; atypical cytology; tracheal deviation; a rising thyroglobulin
levothyroxine=Synthroid; calcium carbonate; calcitriol; radioactive iodine=RAI
thyroid ultrasound; TSH; thyroglobulin; whole-body iodine scan; calcium
thyroidectomy; fine needle aspiration=FNA; radioiodine ablation; neck dissection
left thyroid lobe; isthmus; neck

severe hypoglycemia=hypoglycemia=insulinoma=low blood sugar
sweating=diaphoresis; shakiness=tremor=shaking of the hand; confusion=altered mental status; hunger; palpitations=racing heart; loss of consciousness=LOC
a glucose of 31; hypoglycemia unawareness; inappropriately high C-peptide; a small tail lesion of the pancreas
glucagon; dextrose; diazoxide; insulin lispro=Humalog; glipizide
C-peptide; sulfonylurea screen; 72-hour fast; fingerstick glucose=FSBG; insulin level
continuous glucose monitoring=CGM; enucleation of the lesion; insulin dose reduction
pancreatic tail; pancreas; abdomen injection sites

severe obesity=obesity=metabolic syndrome=hypertriglyceridemia
weight gain; fatigue; knee pain; daytime sleepiness=somnolence; irregular periods
a body mass index of 46; triglycerides of 1400; eruptive xanthomas; acanthosis nigricans; fatty liver on imaging
tirzepatide=Mounjaro; semaglutide=Wegovy; fenofibrate; rosuvastatin=Crestor; metformin=Glucophage; icosapent=Vascepa
lipid panel; triglyceride level; hemoglobin A1c=A1c; liver panel=LFTs; TSH
sleeve gastrectomy=bariatric surgery; gastric bypass; nutrition counseling
abdomen; waist; subcutaneous tissue
"""

CONDITIONS: dict[str, tuple[Condition, ...]] = {
    service: _read(service, text)
    for service, text in (
        ("cardiology", _CARDIOLOGY),
        ("pulmonology", _PULMONOLOGY),
        ("gastroenterology", _GASTROENTEROLOGY),
        ("neurology", _NEUROLOGY),
        ("orthopedics", _ORTHOPEDICS),
        ("oncology", _ONCOLOGY),
        ("nephrology", _NEPHROLOGY),
        ("endocrinology", _ENDOCRINOLOGY),
    )
}
