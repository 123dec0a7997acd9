"""Short word lists that need a person's judgement: eponyms, and words that look like names."""


def words(text: str) -> frozenset[str]:
    """The words of a text, each once."""
    return frozenset(text.split())


def phrases(text: str) -> tuple[str, ...]:
    """The phrases of a text that are parted by bars."""
    return tuple(text.split("|"))


NEVER_NAMES = words(
    """
    the this that these those there then than they he she it his her hers him its we you i a an
    and or but if in on at of for from with without by to as is was were are be been has had
    have will would can could should may might must no not yes please patient pt pts patients dr
    mr mrs ms miss doctor nurse date dob age sex male female name mrn phone fax address email
    room unit floor service attending provider physician surgeon hospital clinic medical center
    emergency department note report summary history physical exam examination assessment plan
    impression findings diagnosis procedure medications medication allergies labs lab results
    vitals vital signs review systems social family past present illness chief complaint
    subjective objective discharge admission admit admitted follow followup return continue
    start stop increase decrease call contact insurance account visit type time today yesterday
    tomorrow monday tuesday wednesday thursday friday saturday sunday january february april
    june july august september october november december left right bilateral upper lower
    anterior posterior chest abdomen head neck heart lung lungs cardiac cardiology neurology
    surgery oncology medicine internal radiology pathology pediatrics psychiatry orthopedics
    general normal negative positive none unknown status full code blood pressure pulse
    temperature weight height ct mri ecg ekg echo xray iv po prn bid tid qid mg ml diabetes
    hypertension cancer disease syndrome stage grade health care home house day week month year
    hours days weeks months years what which when where who whom whose why how best recommend
    recommended guidelines latest treatment options management help need looking any also after
    before since during per via re cc hpi pmh psh ros bp hr rr spo2 ra er ed icu or pacu pcp poa
    rx dx tx hx sx fx cad chf copd htn dm ckd mi tia cva dvt pe afib mother father sister
    brother son daughter wife husband medicare medicaid security number record beneficiary id
    ssn english spanish asian hispanic american african caucasian my our your their me us do
    does did so all both each every other another same such only own very just now here again
    more most some few many much about above below between into through over under out off up
    down because while until although though however therefore thus hence but nor yet french
    anesthesia pa-c bsn msn phd mph pharmd lcsw cna rnc pastor chaplain attorney neighbor friend
    aunt uncle niece nephew cousin grandson granddaughter grandmother grandfather stepmother
    stepfather stepson stepdaughter spouse fiance fiancee dtr tell told landlord resident referral
    attends rehab along ext lot page facility therapist student client employee
    """
)
"""Words that are no part of a name, whatever stands beside them."""

FACILITY_WORDS = words("hospital clinic medical center health care home general service")
"""Words of `NEVER_NAMES` that names of institutions hold all the same."""

NAMES_THAT_ARE_WORDS = words(
    """
    mark rose grace hope faith joy may june april august will art bill grant page drew miles
    chase dean rich frank sue pat iris violet daisy ivy lily olive ruby pearl amber crystal jade
    dawn eve christian jordan chance hunter mason carter cooper porter taylor baker cook bishop
    king prince price rice day young brown green white black gray short long best love cross
    church hill wood stone field rivers lake banks park parks street lane north south east west
    winter summer snow fields waters wells bush foster parker fisher shepherd walker bell ball
    case cash noble sharp strong swift wise good march guy gene max tab norm dale glen heath
    reed
    """
)
"""Given and family names that clinical text also uses as ordinary words."""

ALSO_ORDINARY = words(
    """
    money story rang clip host prescriber insurer convalescence dossier scooter taxi neighbour
    histopathology trainer secretary guardian union along edd ext lot
    """
)
"""Ordinary words that the lists of places and surnames hold too."""

NOT_ORDINARY = words(
    """
    aaliyah armani bernhard claus conan eliot gareth georges hussein igor johann johannes lars liam
    linus matthias nate pascal philippe saddam siena sven walt wolfgang yves zach bose halle henri
    vic regis hermes
    """
)
"""Given names that the list of everyday English holds because texts name people so."""

EPONYMS = words(
    """
    parkinson parkinsons alzheimer alzheimers crohn crohns hodgkin hodgkins graves addison
    addisons cushing cushings babinski romberg foley hickman swan ganz murphy mcburney kerr
    whipple nissen bell bells wilson wilsons down downs turner klinefelter marfan raynaud
    raynauds reynaud sjogren sjögren hashimoto hashimotos huntington huntingtons tourette
    barrett barretts gilbert wegener kawasaki behcet charcot dupuytren paget pagets peyronie
    achilles kocher doppler holter gleason apgar glasgow snellen weber rinne valsalva heimlich
    trendelenburg fowler lachman mcmurray homan homans tinel phalen kernig brudzinski
    goodpasture guillain barre barré meniere menieres lewy pott colles monteggia mohs billroth
    hartmann bovie jackson pratt penrose weitlaner weitlander deaver richardson bookwalter
    metzenbaum vicryl monocryl prolene ethibond marcaine lidocaine kelly allis babcock debakey
    army navy gram wright papanicolaou child pugh ranson killip tenckhoff broviac quinton
    mallampati cormack lehane macintosh miller yankauer kirschner steinmann kuntscher bankart
    hill sachs lisfranc jones baker bakers morton mortons osgood schlatter perthes legg calve
    scheuermann salter harris gustilo garden schatzker weber denis lauge hansen neer hawkins
    speed yergason finkelstein thomas patrick faber lasegue spurling hoffmann hoffman adson
    allen buerger fallot ebstein eisenmenger brugada wolff parkinson white wenckebach mobitz
    bruce framingham austin flint graham steell korsakoff wernicke broca rolando sylvius willis
    luschka magendie monro chiari dandy walker arnold todd jacksonian lennox gastaut west rett
    angelman prader willi edwards patau noonan williams ehlers danlos osler weber rendu von
    willebrand hippel lindau recklinghausen gaucher niemann pick fabry pompe hurler hunter tay
    sachs krabbe menkes bartter gitter liddle conn fanconi alport berger henoch schonlein
    schönlein iga takayasu churg strauss still felty reiter sicca bowen kaposi merkel spitz
    breslow clark gorlin gardner lynch peutz jeghers zollinger ellison mallory weiss boerhaave
    zenker schatzki meckel hirschsprung ladd roux billroth heller dor toupet belsey collis
    lichtenstein shouldice bassini mcvay pfannenstiel mcroberts leopold braxton hicks bishop
    naegele chadwick hegar goodell sims cusco graves kielland simpson doyen ochsner mixter crile
    halsted mosquito adson debakey castroviejo potts satinsky gelpi balfour senn langenbeck
    hohmann cobb kerrison leksell penfield lindbergh gigli hudson bair hugger bier trousseau
    chvostek cullen grey kayser fleischer bitot koplik osler janeway roth heberden bouchard
    virchow troisier sister lhermitte brown sequard ramsay hunt horner marcus gunn argyll
    robertson adie amsler goldmann ishihara jaeger schirmer tanner ballard denver dubowitz
    braden morse norton katz lawton beck hamilton folstein karnofsky ecog clavien dindo giemsa
    masson gomori ziehl neelsen venturi teds waterlow schilling seton bosniak forrest hinchey
    mcgill ann arbor lugano durie salmon rai binet dukes fuhrman nottingham scarff bloom child
    bismuth todani strasberg wells geneva epley dix hallpike semont daroff gaenslen froment hoffa
    kehr rovsing jendrassik chaddock oppenheim beevor uhthoff westphal edinger moebius mobius sturge
    klippel feil caroli rotor crigler najjar alagille reye bochdalek morgagni calot cloquet gerota
    hesselbach scarpa schober apley dawbarn kanavel barlow ortolani galeazzi burkitt sezary kienbock
    quervain dercum chagas brucella wuchereria coxsackie bickerstaff balo binswanger creutzfeldt
    gerstmann straussler hallervorden friedreich duchenne dreifuss epstein barr rankin berg kessler
    judkins masterson heaney mayfield kellgren outerbridge gartland barthel tinetti borg charlson
    centor cockcroft gault bazett bethesda pfirrmann modic kussmaul cheyne coombs hasson veress
    zimmer pavlik unna kling shiley sengstaken blakemore malecot mahurkar bivona harrington mccall
    goldenberg thomason luhr mayo stensen wharton schwann leydig sertoli purkinje malpighi
    langerhans
    """
)
"""Names that usually stand for a disease, sign, device, score or instrument."""

TRADES = words(
    """
    dairy shipyard freight foundry quarry winery brewery vineyard vineyards orchards nursery garage
    salon deli cafe restaurant grill tavern hotel inn motel casino theater museum stables gym studio
    studios press herald gazette telecom communications technologies software solutions energy
    petroleum mining chemicals pharmaceuticals textiles lumber timber roofing flooring masonry
    staffing cleaners laundry transport transportation transit railway railroad shipping storage
    packaging printing publishing furniture jewelers florist supermarket pizza catering poultry
    meats seafood fisheries kennels properties apartments ventures capital holdings agency temple
    synagogue mosque parish ministries foods farm ranch distributors wholesale outfitters
    """
)
"""What a firm or a house of worship calls itself by, after a name."""

MONTHS_THAT_ARE_WORDS = frozenset({"may", "march"})
"""In a line without capitals these keep their small letters."""

PLACES_THAT_ARE_WORDS = words(
    """
    mobile reading nice orange police general central liver chest best male medina imus clinton
    independence normal bath hull deal battle sandwich rugby rush ware hope price surprise
    defiance plains union grove wells liberty temple commerce industry eagle bend beaver crystal
    marble superior sterling franklin jackson madison marion auburn aurora florence elgin
    enterprise corona mission pacific centre center valley lake park hill young may page power
    sun bay cut iron
    """
)
"""Cities whose names mean something else far more often."""

KEEPS_CAPITAL = words(
    """
    dr mr mrs ms miss st mt hospital clinic medical center street avenue road drive lane
    boulevard court suite apt january february april june july august september october november
    december monday tuesday wednesday thursday friday saturday sunday christmas thanksgiving
    mondays tuesdays wednesdays thursdays fridays saturdays sundays
    alabama alaska arizona arkansas california colorado connecticut delaware florida georgia hawaii
    idaho illinois indiana iowa kansas kentucky louisiana maine maryland massachusetts michigan
    minnesota mississippi missouri montana nebraska nevada ohio oklahoma oregon pennsylvania
    tennessee texas utah vermont virginia washington wisconsin wyoming
    north south east west new san los las santa general memorial university children's health
    system nursing home regional community
    """
)
"""Words that truecasing capitalises because the rules read them in addresses, dates and titles."""
