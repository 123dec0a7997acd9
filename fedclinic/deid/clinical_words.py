"""Words of the clinic that lists of everyday English lack: medicines, materials, abbreviations."""

from fedclinic.deid.word_lists import words

MEDICINES = words(
    """
    abilify accupril accutane aciphex actemra activase actonel actos adalat adderall adenocard
    advair advil afrin aggrenox albuterol aldactone aldara aleve alimta alinia alphagan altace
    amaryl ambien amerge amoxil anaprox ancef androgel anoro apidra apriso aptiom arava aricept
    arimidex aristada arnuity aromasin asacol asmanex astelin atacand atarax ativan atripla atrovent
    aubagio augmentin austedo avandia avapro avastin avelox avodart avonex axid azilect azopt
    bactrim bactroban banophen basaglar belsomra benadryl benicar bentyl betapace betaseron bevespi
    biaxin biktarvy bonine boniva botox breo breztri brilinta briviact bumex buspar bydureon byetta
    bystolic caduet calan campral canasa carafate cardizem cardura cartia casodex catapres ceftin
    celebrex celexa cellcept chantix cialis ciloxan cimzia cipro ciprodex clarinex claritin cleocin
    climara clinoril clozaril cogentin colace colcrys combigan combivent compazine comtan concerta
    copaxone coreg corgard cortef cosentyx cosopt coumadin cozaar creon crestor cubicin cymbalta
    cytomel cytotec cytoxan dalvance daypro decadron deflux delsym deltasone demadex demerol
    depakene depakote depo-provera descovy desyrel detrol dexacidin dexilant dextrose diamox
    diflucan digoxin dilantin dilaudid diovan diprivan ditropan diuril dobutrex dolobid doxil
    dramamine dulcolax dulera duonebs duoneb dupixent duragesic dyazide ecotrin effexor effient
    efudex elavil eldepryl eligard eliquis emend emgality enablex enbrel ensure entocort entresto
    entyvio epipen epivir epogen erbitux eserine eskalith estrace euflexxa evista exelon exforge
    ezallor fanapt farxiga faslodex feldene femara fentora ferrlecit fiasp fioricet flagyl flexeril
    flomax flonase florastor florinef flovent floxin fluzone focalin forteo fortaz fosamax fragmin
    frova fycompa gabitril gammagard gardasil gatorade gazyva genvoya geodon gilenya gleevec
    glucophage glucotrol glucovance glumetza glyset golytely haldol halcion harvoni hemoccult
    herceptin hibiclens humalog humira humulin hycodan hydrodiuril hytrin hyzaar ibrance imbruvica
    imdur imitrex imodium imuran inderal infed injectafer inspra intuniv invanz invega invokana
    isordil januvia janumet jantoven jardiance jentadueto kadcyla kaletra kayexalate keflex kenalog
    keppra kerlix keytruda klonopin klor-con kombiglyze kytril lamictal lamisil lanoxin lantus lasix
    latanoprost latuda lescol letairis leukeran levaquin levemir levitra levophed levsin lexapro
    lexiscan librium lidoderm linzess lioresal lipitor lodine lofibra lomotil lopid lopressor lorcet
    lortab lotensin lotrel lotrimin lotronex lovaza lovenox lucentis lumigan lunesta lupron luvox
    lyrica macrobid macrodantin malarone mavyret maxalt maxipime maxitrol maxzide mediport medrol
    mellaril menactra merrem mestinon metamucil metrogel mevacor miacalcin micardis microzide
    minipress miralax mirapex mirena mobic motrin movantik mucinex mucomyst multaq mycobutin
    myrbetriq mysoline nabumetone namenda naprosyn narcan nardil nasacort nasonex neulasta neupogen
    neurontin nexavar nexium nexplanon niaspan nicorette nicoderm nicotrol nitrostat nizoral
    nolvadex norco norflex normodyne norpramin norvasc norvir novolin novolog noxafil nucala
    nuedexta nulojix nuvaring nuvigil nystatin ocrevus ofirmev olumiant omnicef onfi onglyza opdivo
    opana orencia otezla oxtellar oxycontin ozempic pamelor parlodel parnate paxil paxlovid pepcid
    percocet percodan peridex periactin perjeta perlane persantine phenergan phoslo plaquenil plavix
    pletal pneumovax pradaxa praluent prandin pravachol precedex precose premarin prempro prevacid
    prevnar prilosec prinivil pristiq proamatine probuphine procardia procrit prograf prolia
    prometrium propecia proscar protonix proventil provera provigil prozac pulmicort pyridium qsymia
    qvar ranexa rapamune razadyne rebif reclast reglan relafen relpax remeron remicade renvela
    repatha requip restasis restoril restylane retrovir revatio revlimid rexulti reyataz rheumatrex
    rhogam rilutek risperdal ritalin rituxan robaxin robitussin rocephin roxicodone rozerem rybelsus
    rythmol sabril salagen saline samsca sandimmune saphris savaysa savella saxenda senna senokot
    sensipar septra serevent seroquel serzone shingrix silvadene simponi sinemet sinequan singulair
    skelaxin skyrizi soliris solu-cortef solu-medrol soma sonata soriatane spiriva sporanox sprycel
    stalevo starlix stelara strattera stribild suboxone subutex sudafed sular sutent symbicort
    symbyax symproic symtuza synagis synthroid synvisc taltz tamiflu tapazole tarceva tasigna taxol
    taxotere tdap tegretol tekturna temodar tenoretic tenormin terazol tessalon thorazine tiazac
    tikosyn timoptic tivicay tobradex tofranil topamax toprol toradol toujeo tradjenta trandate
    trelegy trental tresiba tribenzor tricor trileptal trilipix trintellix triumeq trulicity truvada
    tylenol tysabri uceris ultracet ultram unasyn uloric uniretic urecholine uroxatral valium
    valtrex vancocin vascepa vaseretic vasotec venofer ventolin verelan versed vesicare vfend viagra
    vibramycin vicodin victoza vidaza viibryd vimovo vimpat viread visine vistaril vivelle vivitrol
    voltaren vosevi vraylar vytorin vyvanse wegovy welchol wellbutrin xalatan xanax xarelto xeljanz
    xeloda xenical xgeva xolair xopenex xyzal yaz yervoy zanaflex zantac zarontin zaroxolyn zebeta
    zegerid zelnorm zepbound zestoretic zestril zetia ziac ziagen zithromax zocor zofran zoladex
    zoloft zometa zomig zonegran zostavax zosyn zovirax zyban zyloprim zyprexa zyrtec zytiga zyvox
    acetylcysteine amoxicillin apixaban aripiprazole atorvastatin azithromycin benazepril bupropion
    buspirone canagliflozin carvedilol cefazolin cefepime ceftriaxone cetirizine citalopram
    clonazepam clonidine clopidogrel dapagliflozin diltiazem donepezil doxazosin duloxetine
    empagliflozin enoxaparin escitalopram esomeprazole famotidine fluticasone furosemide gabapentin
    glimepiride hydralazine hydrochlorothiazide insulin ipratropium lamotrigine levetiracetam
    levothyroxine linagliptin lisinopril loratadine losartan memantine metformin metoprolol
    mirtazapine montelukast nivolumab olanzapine omeprazole ondansetron pantoprazole pembrolizumab
    pregabalin quetiapine rivaroxaban rosuvastatin semaglutide sertraline sitagliptin spironolactone
    sumatriptan tacrolimus tamsulosin ticagrelor tiotropium tirzepatide topiramate trazodone
    valsartan venlafaxine zolpidem
    """
)
"""Brands and medicines, vaccines and the like."""

MATERIALS = words(
    """
    ace acrysof adaptic airfit alcon allevyn alloderm amplatz angio-seal aquacel avance betadine
    bicap biopatch bipap bivona cavilon chloraprep cidex coban cochlear cordis cpap dacron dermabond
    desault dobhoff dreamstation duoderm duraprep endo endoclip endopath ensite ethicon ethilon
    fixodent fibrillar freestyle gelfoam gore-tex guidant hemoclip hemoximeter hemovac hydrogel
    ioban iodoform kwire lap-band lekto lifevest ligasure lma mefix mepilex mersilene mepitel
    mitraclip mynx nellcor omnipod onyx optease pap passy-muir peg perclose permacath pleurx
    pleurovac pneumoboots portacath prevena puritan q-tip radiometer resmed respironics roux-en-y
    scd scds seldinger sequential silastic simethicone skintegrity steri steri-strip steri-strips
    strips sugar-tong sugartong surgicel surgiflo tegaderm telfa tencrel thermage thoravent tip-stop
    tisseel torp porp transpore trach trachs trialysis urolift ureteroscope vac vacutainer velcro
    versajet visipaque vitallium watchman webril xeroform yankauers zip headholder headlight
    cuffless hooks tong tongs stapes stylet buddy finders shell extender
    """
)
"""Dressings, sutures, devices and what they are made of."""

ABBREVIATIONS = words(
    """
    edd esi fob msw dtr ins igm aaa abg abgs abx acei acl acls acs acth adhd adl adls aed aids aka
    alk alp als alt ama aob apap aptt arb ards arf asa asap asd ast aua avf avm avnrt bbb bilat bka
    bmi bmp bms bmt bnp bpad bph bpm bppv brbpr bun cabg calc cath cbc cbi cbt ccu cdiff cea cfu
    chemo cin ckmb cmp cmv cns cpk cpr crp crt csf ctab ctx cxr cyst dexa dka dlco dme dnr dni dob
    dre dsm dtrs dts dvts ebl ebv ecf eeg ega egd eom eomi eos eskd esr esrd etoh ett eval evd
    extremities fbs fena fev fevs ffp fhr fhx fio fiv flu fsh ftt fvc gad gbs gcs gerd gfr ggt glu
    gout gtt hba hbsag hcc hcg hcv hct hdl heent hep hgb hhs hiv hla hob hpf hpv hsm hsv hus hyst
    iabp iadl ibs ibd icd ich icp idc idea iga igd ige igg imrt inr iop ipf isi ivc ivf ivig jvd jvp
    kub kvo lad lbbb lbp ldh ldl lft lfts lle llq lls lma lmp loc los lue luq lvad lvef lvh mca mch
    mchc mcl mcv mdd mdi mds mgus mmse moca mpv mrcp mrsa msk mssa mva mvc mvp myeloma naat nad
    nafld ncat ndc neb nebs ngt nicu nidcd nihss nkda nonreactive npo nph nsaid nsaids nsclc nsr
    nstemi ntg obgyn ocd ocp omfs oob oriented orif osa pac pacs pad palp pca pci pcos pcr pda pdr
    peds peep pef perc perrl perrla pet pft pfts phq pid pip plt pmdd pnd ppd ppi pqrst prbc prbcs
    procal prom psa psvt ptt ptx pud pvc pvcs pvd rass rbc rbbb rca rdw rec rlq rls rom rop rpr rrr
    rsv ruq rvsp sah sbo sbp sbrt scc sclc sed sga siadh sids sle slp snf snri soap sob ssri stemi
    stat std stds sti stis subq supp svc svt tah tavr tbi tee tens tft tfts thc tia tias tib tibia
    tka tlif tlso tms tnf tpa tpn trop tsh tte tug turp tvh uds ugi uri usg uti utis vads vaers vats
    vbac vbg vdrl vfib vitals vna vns vre vsd vsr vss vtach vte wbat wbc wbcs wnl wpw yof yom mgdl
    mmhg mmol meq meqs mcg mgs mls kvp hgba rvr tdap mmr dtap hib menb ppsv pcv covid sars
    """
)
"""Abbreviations that clinicians write without their full form."""

CLINICAL_WORDS = MEDICINES | MATERIALS | ABBREVIATIONS
