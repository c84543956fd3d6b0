"""What common labels are about: for each, words that speak for it in a text.

A label is found under its own name or one of the names in `ALIASES`. The lists are this project's
own, written by hand and kept short; a label without a list is compared by its own words alone.
"""

from types import MappingProxyType

from headgate.core.words import stem, word_set


def _stems(listed: str) -> frozenset[str]:
    return frozenset(stem(word) for word in listed.split())


GOOD = _stems(
    """
    accurate admire affordable amazing appreciate attractive awesome beautiful best better bravo
    bright brilliant calm charming cheerful clean clear comfortable compliment congratulations
    cool courteous cozy delicious delight delighted delightful durable easy effective efficient
    elegant enjoy enjoyable enjoyed enthusiastic excellent exceptional excited exciting fabulous
    fantastic fast favorite favourite fine flawless fresh friendly fun generous genius glad good
    gorgeous grateful great happy helped helpful hilarious honest impressed impressive improved
    incredible joy knowledgeable love loved lovely loyal lucky magnificent marvelous marvellous
    masterpiece nice outstanding perfect perfectly phenomenal pleasant pleased pleasure polite
    praise prompt proud quick quickly recommend recommended refreshing reliable responsive
    rewarding satisfied seamless smart smooth smoothly solid spectacular splendid stunning success
    successful superb superior terrific thank thankful thanks thoughtful thrilled top touching
    valuable warm welcoming win wonderful worth wow yummy gut großartig toll super wunderbar schön
    zufrieden bon bonne excellente merveilleux génial parfait bueno buena excelente maravilloso
    genial perfecto
    """
)

BAD = _stems(
    """
    abysmal annoyed annoying angry appalling atrocious awful bad boring broke broken bug careless
    cheap clumsy cold complain complaint confusing crash crashed cracked damaged dangerous
    defective delay delayed depressing despise dirty disappoint disappointed disappointing
    disappointment disaster disgusting dishonest dislike displeased dreadful dull error expensive
    fail failed failure faulty fear filthy flimsy frustrated frustrating frustration garbage gross
    hate hated horrible horrid hurt ignored inaccurate incompetent inconvenient inedible inferior
    junk lame late lazy lie lied lose losing loss lousy mediocre mess miserable misleading missing
    mistake nasty negative nightmare noisy outrageous overpriced pathetic poor poorly problem
    refuse regret rip-off rubbish rude ruined sad scam scratched shame shoddy sick slow sluggish
    sorry stale stupid stuck sucks terrible terribly tired trash tragic ugly unacceptable
    uncomfortable unfortunately unfriendly unhappy unhelpful unpleasant unreliable unusable upset
    useless waste wasted weak worse worst worthless wrong schlecht furchtbar enttäuscht kaputt
    mauvais mauvaise horrible nul déçu malo mala pésimo terrible
    """
)

GOOD_SIGNS = frozenset("😀😁😂😃😄😊😍🥰😘🤩👍👏🎉❤💯🙏")
BAD_SIGNS = frozenset("😞😟😠😡🤬😢😭👎💔🤮😤😒")

NEGATIONS = word_set(
    """
    not no never none nothing nobody neither nor hardly barely scarcely without lacks lacking
    don't doesn't didn't isn't aren't wasn't weren't won't can't cannot couldn't wouldn't
    shouldn't haven't hasn't hadn't ain't far nicht kein keine nie pas jamais sin nunca
    """
)
STRONGER = word_set(
    """
    very really extremely so too absolutely totally completely incredibly highly utterly
    especially deeply truly super sehr très muy
    """
)
TURNS = word_set("but however although though yet nevertheless aber mais pero")

ASSOCIATIONS = MappingProxyType(
    {
        name: _stems(listed)
        for name, listed in {
            "sports": """
                athlete ball baseball basketball batting championship champion club coach cricket
                cup cyclist defender field final football game goal goalkeeper golf gymnast hockey
                injury innings league marathon match medal nba nfl olympic penalty pitch player
                playoff point quarterback race racing referee rugby runner score season soccer
                sport sprint squad stadium striker swimmer team tennis title tournament trophy
                victory win winger wicket world
                """,
            "politics": """
                ambassador assembly ballot bill cabinet campaign candidate chancellor coalition
                congress conservative constitution council democracy democrat diplomat elect
                elected election embassy government governor labour law lawmaker legislation
                liberal mayor minister ministry nation opposition parliament party policy
                political politician poll premier president prime protest referendum reform
                republican sanction senate senator summit tax treaty veto vote voter
                """,
            "technology": """
                ai algorithm android app apple battery browser chip cloud code computer cyber data
                database developer device digital encryption engineer gadget google hacker
                hardware internet iphone laptop linux machine microsoft mobile network online
                openai phone processor program programming quantum robot sensor server smartphone
                software startup tech technology update user virtual web website wifi windows
                """,
            "business": """
                acquisition acquire bankruptcy board brand business ceo chief commerce company
                competitor consumer contract corporate customer deal employee enterprise
                entrepreneur executive factory firm hire industry layoff manufacturer market
                marketing merger office partnership product profit quarter quarterly retailer
                revenue sale sales shareholder startup store strategy supplier supply trade
                unemployment
                """,
            "finance": """
                account asset bank bond borrow broker budget capital cash central credit crypto
                currency debt deposit dividend dollar earnings equity euro exchange fed fund gdp
                hedge inflation insurance interest invest investment investor lender loan market
                mortgage nasdaq pension portfolio price profit rate recession return saving share
                shareholder stock tax treasury wall yield
                """,
            "science": """
                astronaut astronomer atom biologist biology cell chemical chemistry climate comet
                discovery dna earth ecosystem evolution experiment fossil galaxy gene genome
                gravity hypothesis laboratory mars microscope molecule moon nasa neuron orbit
                particle phenomenon physicist physics planet professor quantum research researcher
                rocket satellite science scientist solar space species star study telescope theory
                universe
                """,
            "health": """
                cancer care clinic clinical cholesterol diabetes diagnosis diet disease doctor
                dose drug epidemic exercise flu health healthcare heart hospital illness immune
                infection medical medication medicine mental nurse nutrition obesity pain pandemic
                patient pharmacy physician pill prescription sleep surgeon surgery symptom therapy
                treatment vaccine virus vitamin wellness
                """,
            "entertainment": """
                actor actress album artist audience award band box-office broadway celebrity
                cinema comedy concert director drama episode fan festival film grammy guitar
                hollywood movie music musical musician netflix novel opera oscar pop premiere
                rapper screen sequel series show singer song soundtrack stage star studio
                streaming television theater theatre tour trailer tv
                """,
            "travel": """
                accommodation adventure airline airport backpack beach booking cruise destination
                excursion flight guide holiday hostel hotel island itinerary journey landmark
                luggage mountain museum passenger passport resort sightseeing suitcase temple tour
                tourism tourist train travel traveler traveller trip vacation village visa visit
                """,
            "food": """
                bake baked bakery bread breakfast butter cake cheese chef chicken chocolate coffee
                cook cooked cooking cuisine delicious dessert dinner dish eat eaten fish flavor
                flavour flour fresh fruit garlic grill grilled ingredient kitchen lunch meal meat
                menu oven pasta pizza recipe restaurant rice salad sauce soup spice spicy steak
                sugar taste tasty tea vegetable vegan waiter wine
                """,
            "education": """
                academic bachelor campus class classroom college course curriculum degree diploma
                education exam grade graduate homework kindergarten learn learning lecture lesson
                math pupil scholarship school semester student study teach teacher teaching
                textbook tuition university
                """,
            "environment": """
                biodiversity carbon climate conservation deforestation drought emission energy
                environment environmental extinction flood forest fossil fuel glacier global green
                greenhouse habitat ocean plastic pollution recycle recycling renewable solar
                species sustainability sustainable temperature warming waste weather wildfire
                wildlife wind
                """,
            "crime": """
                arrest arrested assault attorney court crime criminal custody detective evidence
                fraud gang guilty jail judge jury kidnap killed lawsuit lawyer murder officer
                police prison prosecutor robbery sentence shooting suspect theft thief trial
                victim violence witness
                """,
            "legal": """
                agreement attorney clause compliance contract copyright court defendant judge jury
                law lawsuit lawyer legal liability license licence litigation patent plaintiff
                regulation settlement statute sue trademark trial tribunal
                """,
            "weather": """
                blizzard breeze celsius climate cloud cloudy cold cyclone degree drizzle drought
                fahrenheit flood fog forecast frost hail heatwave humid hurricane lightning rain
                rainy snow storm sunny sunshine temperature thunder tornado typhoon weather wind
                windy
                """,
            "billing": """
                bank bill billed billing card cancel charge charged cost credit debit discount
                double fee invoice money overcharge overcharged paid pay payment paypal plan price
                pricing receipt refund renewal statement subscription subtotal tax twice vat
                """,
            "refund": """
                back cancel cancelled chargeback compensation credit exchange money moneyback
                refund refunded reimburse reimbursement return returned reverse
                """,
            "technical": """
                api app blank browser bug button click connect connection crash crashed crashing
                dashboard deploy disconnect download driver error exception export fail failed
                failing firmware freeze frozen glitch install installation integration lag load
                loading log offline outage page reboot reset restart screen server setup slow
                software sync timeout update upgrade upload website webhook wifi
                """,
            "account": """
                access account activate authentication credential deactivate delete email locked
                log login logout password permission phone profile register registration reset
                sign signin signup suspended unlock user username verification verify
                """,
            "shipping": """
                address arrive arrived carrier courier customs damaged delay delayed deliver
                delivered delivery depot dispatch dispatched dhl express fedex freight lost mail
                order package parcel post postage received ship shipment shipped shipping track
                tracking transit ups usps warehouse
                """,
            "sales": """
                buy demo discount enterprise interested lead license offer order plan pricing
                proposal purchase quote seat sell trial upgrade volume
                """,
            "spam": """
                100% act bitcoin bonus buy cash casino cheap claim click congratulations credit
                crypto deal discount earn exclusive free gift guarantee guaranteed income
                inheritance investment jackpot limited loan lottery lucky million money offer
                pills prince prize profit promo promotion risk-free selected sex subscribe
                unsubscribe urgent viagra weight win winner winning won www
                """,
            "urgent": """
                asap critical crisis critically danger deadline down emergency escalate hurry
                immediate immediately instantly now outage outraged quickly right severe today
                tonight unacceptable urgent urgently waiting
                """,
            "bug": """
                bug broken crash crashes defect error exception fail fails failing freeze glitch
                incorrect issue reproduce regression stacktrace stop stopped unexpected work
                working wrong
                """,
            "feature": """
                ability add allow could enhancement feature idea implement improve improvement
                integrate love missing nice option please request suggest suggestion support wish
                would
                """,
            "complaint": """
                angry appalled awful bad broken complain complaint damaged delay disappointed
                dissatisfied frustrated horrible late never poor refund rude terrible unacceptable
                unhappy upset waiting worst wrong
                """,
            "praise": """
                amazing appreciate awesome best congratulations excellent fantastic friendly glad
                grateful great happy helpful impressed kudos love loved perfect pleased thank
                thanks wonderful
                """,
            "greeting": """afternoon evening goodbye greetings hello hey hi morning welcome""",
            "joy": """
                celebrate cheerful delight delighted enjoy excited fun glad glorious happy
                hilarious joy joyful laugh love loved lucky pleased smile thrilled wonderful yay
                """,
            "anger": """
                anger angry annoyed annoying damn enraged furious fury hate infuriating mad
                outrage outraged outrageous rage resent ridiculous shouting unacceptable yell
                """,
            "sadness": """
                alone bereaved cried cry crying depressed despair died disappointed funeral gloomy
                grief grieve heartbroken hopeless hurt lonely loss lost miss mourn sad sadness
                sorrow tears unhappy weep
                """,
            "fear": """
                afraid alarm anxiety anxious danger dangerous dread fear fearful frightened horror
                nervous panic scared scary shaking terrified terrifying terror threat worried
                worry
                """,
            "surprise": """
                amazed astonished astonishing incredible shock shocked startled stunned sudden
                suddenly surprise surprised surprising unbelievable unexpected unexpectedly whoa
                wow
                """,
            "disgust": """
                disgust disgusted disgusting filthy gross horrid nasty nauseating repulsive
                revolting rotten sick stink vile vomit yuck
                """,
        }.items()
    }
)

ALIASES = MappingProxyType(
    {
        alias: name
        for name, listed in {
            "positive": "positive pos good happy satisfied favorable favourable like recommend",
            "negative": "negative neg bad unhappy dissatisfied unfavorable unfavourable dislike",
            "neutral": "neutral mixed objective indifferent",
            "other": "other others none unknown general misc miscellaneous unclear else na rest "
            "unrelated",
            "sports": "sport sports athletics football soccer",
            "politics": "politics political government election elections policy",
            "technology": "technology tech it computing computers software gadgets ai",
            "business": "business company corporate commerce industry economy",
            "finance": "finance financial economics money market markets banking investing",
            "science": "science scientific research physics biology space",
            "health": "health healthcare medical medicine wellness fitness",
            "entertainment": "entertainment movies movie film music celebrity arts culture tv",
            "travel": "travel tourism holiday vacation hotels",
            "food": "food cooking recipe recipes restaurant restaurants dining cuisine",
            "education": "education school academic learning",
            "environment": "environment environmental climate nature sustainability ecology",
            "crime": "crime criminal police justice",
            "legal": "legal law contract compliance",
            "weather": "weather forecast",
            "billing": "billing payment payments invoice invoices invoicing charge charges pricing",
            "refund": "refund refunds return returns reimbursement",
            "technical": "technical troubleshooting outage engineering performance",
            "account": "account accounts login access password authentication",
            "shipping": "shipping delivery shipment logistics order orders",
            "sales": "sales purchase lead presales",
            "spam": "spam junk scam phishing promotional advertisement",
            "ham": "ham legitimate legit safe genuine",
            "urgent": "urgent urgency high critical p1 p0 emergency asap important",
            "low": "low normal routine p3 p4 minor",
            "bug": "bug bugs defect incident",
            "feature": "feature enhancement suggestion idea",
            "complaint": "complaint complaints grievance",
            "praise": "praise compliment compliments thanks gratitude appreciation",
            "question": "question questions inquiry enquiry query ask",
            "greeting": "greeting greetings hello smalltalk",
            "joy": "joy happiness joyful",
            "anger": "anger angry furious",
            "sadness": "sadness sad grief",
            "fear": "fear afraid anxiety",
            "surprise": "surprise surprised",
            "disgust": "disgust disgusted",
            "english": "english en",
            "german": "german deutsch de",
            "french": "french français francais fr",
            "spanish": "spanish español espanol es",
            "italian": "italian italiano",
            "portuguese": "portuguese português pt",
            "dutch": "dutch nederlands nl",
            "swedish": "swedish svenska sv",
            "japanese": "japanese 日本語 ja",
            "chinese": "chinese 中文 zh mandarin",
            "korean": "korean 한국어 ko",
            "russian": "russian русский ru",
            "arabic": "arabic العربية ar",
        }.items()
        for alias in listed.split()
    }
)
"""A label's word, and the family that it names."""

SCRIPTS = MappingProxyType(
    {
        "japanese": "\u3040-\u30ff",
        "chinese": "\u4e00-\u9fff",
        "korean": "\uac00-\ud7af",
        "russian": "\u0400-\u04ff",
        "arabic": "\u0600-\u06ff",
    }
)
"""Languages told by their script, as ranges of a regular expression; the earlier one wins."""
