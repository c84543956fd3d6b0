"""Words that stand for each other: forms that no ending tells, numbers, and common synonyms.

The lists are this project's own, general English of offices, households, technology and nature,
written by hand. Commas part the groups of words. A word may be in several groups; groups are not
joined by that, for what is like a word's like need not be like the word.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import cache, lru_cache
from types import MappingProxyType

from headgate.core.words import stem

SYNONYM_WEIGHT = 0.5
"""What a synonym counts beside the word itself, which counts 1, as its forms do."""

_FORMS = """
arise arose arisen, awake awoke awoken, bear bore borne born, beat beaten, become became, begin
began begun, bend bent, bind bound, bite bit bitten, bleed bled, blow blew blown, break broke
broken, breed bred, bring brought, build built, burn burnt, buy bought, catch caught, choose
chose chosen, come came, creep crept, dig dug, draw drew drawn, dream dreamt, drink drank drunk,
drive drove driven, eat ate eaten, fall fell fallen, feed fed, feel felt, fight fought, find
found, flee fled, fly flew flown flight, forbid forbade forbidden, forget forgot forgotten,
forgive forgave forgiven, freeze froze frozen, give gave given, go went gone, grow grew grown
growth, hang hung, hear heard, hide hid hidden, hold held, keep kept, kneel knelt, know knew
known, lay laid, lead led, lean leant, leap leapt, learn learnt, leave left, lend lent, lie lay
lain, light lit, lose lost loss, make made, mean meant, meet met, mistake mistook mistaken, pay
paid, prove proven proof, ride rode ridden, ring rang rung, rise rose risen, run ran, say said,
see saw seen, seek sought, sell sold sale, send sent, sew sewn, shake shook shaken, shine shone,
shoot shot, show shown, shrink shrank shrunk, sing sang sung song, sink sank sunk, sit sat,
sleep slept, slide slid, speak spoke spoken speech, spend spent, spin spun, spring sprang
sprung, stand stood, steal stole stolen theft, stick stuck, strike struck, swear swore sworn,
sweep swept, swell swollen, swim swam swum, swing swung, take took taken, teach taught, tear
tore torn, tell told, think thought, throw threw thrown, understand understood, wake woke woken,
wear wore worn, weave wove woven, weep wept, win won, wind wound, withdraw withdrew withdrawn,
write wrote written, child children, man men, woman women, person people, foot feet, tooth
teeth, mouse mice, goose geese, ox oxen, knife knives, life lives, half halves, leaf leaves,
wolf wolves, thief thieves, wife wives, shelf shelves, loaf loaves, crisis crises, analysis
analyses, criterion criteria, phenomenon phenomena, bacterium bacteria, index indices, good
better best, bad worse worst, high height, long length, wide width, deep depth, strong strength,
hot heat, warm warmth, broad breadth, true truth, die dead death, weigh weight, choice choose,
advice advise, arrive arrival, approve approval, refuse refusal, remove removal, propose
proposal, discover discovery, deliver delivery, recover recovery, receive receipt reception,
permit permission, decide decision, divide division, expand expansion, explode explosion, erupt
eruption, collide collision, conclude conclusion, include inclusion, describe description,
subscribe subscription, reduce reduction, produce production product, introduce introduction,
destroy destruction, construct construction, solve solution, pollute pollution, migrate
migration, compete competition, explain explanation, inform information, invite invitation,
apply application, qualify qualification, maintain maintenance, assist assistance, insure
insurance, perform performance, fail failure, press pressure, depart departure, proceed
procedure, poor poverty, rich riches, free freedom, able ability, safe safety, secure security,
accurate accuracy, private privacy, urgent urgency, frequent frequency, electric electrical
electricity electronic, chemical chemistry
"""

_NUMBERS = """
zero 0, one 1, two 2, three 3, four 4, five 5, six 6, seven 7, eight 8, nine 9, ten 10, eleven
11, twelve 12 dozen, thirteen 13, fourteen 14, fifteen 15, sixteen 16, seventeen 17, eighteen
18, nineteen 19, twenty 20, thirty 30, forty 40, fifty 50, sixty 60, seventy 70, eighty 80,
ninety 90, hundred 100, first 1st, second 2nd, third 3rd, fourth 4th, fifth 5th
"""

_SYNONYMS = """
abandon leave quit, accident crash collision mishap, accomplish achieve attain reach, accurate
exact precise correct, acquire obtain get buy purchase, add include append, address location,
adjust change modify adapt alter, admit allow accept, advantage benefit merit, advice guidance
recommendation tip, aeroplane airplane aircraft plane, afraid scared frightened fear, agree
consent accept approve, agreement contract deal treaty, aid help assist support, aim goal target
purpose objective, alarm warning alert, allow permit let authorise authorize, amount quantity
sum, amusing funny, ancient old antique, angry annoyed furious, animal creature beast, announce
declare proclaim, annual yearly year, answer reply response respond, appear seem emerge, apply
request file, appoint name assign, approach method way, area region zone territory district,
argue dispute debate quarrel, army military troops soldier, arrange organise organize plan,
article item, ask request inquire, assemble gather meet, assistant helper aide, attach fasten
fix join connect, attack assault strike, attempt try effort, attend visit, author writer,
automobile car vehicle, autumn fall, average mean typical, award prize honour honor, baby
infant, bag sack, ban forbid prohibit prohibited forbidden, bank shore riverbank, battle fight
combat war, beautiful pretty lovely, become turn, begin start commence launch open, behaviour
behavior conduct, believe think suppose, below beneath under, bicycle bike, big large huge great
giant enormous, bill invoice, birth born, boat ship vessel, body corpse, book volume, border
frontier boundary edge, borrow loan lend, boss manager supervisor, bottom floor base bed, box
container carton, boy lad, branch office division, brave courageous, break crack fracture
damage, breakdown failure outage, brief short, bright shiny brilliant, bring carry take, broken
defective faulty, build construct erect make, building house structure, business company firm
enterprise, calm quiet peaceful, call name, cancel terminate revoke annul, candidate applicant,
capture catch seize, care look, carry transport convey bear, cause reason, celebrate party
festival, centre center middle, certain sure, certificate document, chance accident opportunity
luck, change alter modify vary, charge fee cost price, cheap inexpensive affordable, check
verify examine inspect, chief main head leader principal, choose select pick elect, city town,
clean wash cleanse, clear obvious plain, clever smart intelligent, climb ascend rise, close
shut, clothes clothing garment dress, coast shore beach, cold chilly frost ice freeze,
collaborate cooperate, colleague coworker, collect gather, colour color hue, combine join merge
unite mix, come arrive, comfortable cosy, command order instruct, comment remark note, common
usual frequent ordinary, communicate message, compensation refund reimbursement, compete rival,
complain complaint grievance, complete finish entire whole, complicated complex difficult,
component part, computer machine, conceal hide, concern worry, condition state, confidential
secret private, confirm verify, confuse puzzle, connect link join, consequence result effect
outcome, consist made comprise contain, consumer customer client buyer, contact reach, contain
hold include, contest competition game, continue last proceed, control regulate govern, cook
chef, copy duplicate reproduce, correct right fix, country nation state land, courage bravery,
cover wrap, crack gap, crash collapse, create make produce, credit loan, crew staff, crime
offence offense, crowd people, cure heal treat remedy, currency money, custom tradition, cut
reduce slice, damage harm hurt injure, danger risk hazard peril, dangerous unsafe hazardous
risky, dark black, date day, deadline due, deal handle, dear expensive costly, decide determine
settle, decline drop decrease fall, decrease reduce lower lessen, defeat beat, defect fault bug
error flaw, defend protect guard, delay late postpone, delete remove erase, deliver ship send,
demand require, demonstrate show prove, deny refuse reject, department division unit, depart
leave, describe explain, desert wasteland, design plan, desire want wish, destroy ruin demolish,
detail particular, detect find discover notice, develop grow, device machine gadget apparatus
instrument, die perish death dead kill, difference distinction, difficult hard tough, dinner
meal supper, director manager, dirty filthy polluted contaminated, disappear vanish, disaster
catastrophe, discount reduction rebate, discover find, discuss talk debate, disease illness
sickness, dismiss fire, display show screen monitor, distance far away, distribute spread,
divide split separate, doctor physician, document file paper, dress wear, drink beverage, drive
operate, drug medicine medication, dry arid, duty obligation responsibility task, early soon,
earn gain, earth ground soil world globe, earthquake quake, easy simple, eat consume feed, edge
rim border, education training school, effect impact influence, effective efficient, elderly old
senior, electricity power, email mail message, emergency urgent, employ hire use, employee staff
worker personnel, employer company, empty vacant bare, end finish stop conclude, enemy opponent
foe, energy power, engine motor, enjoy like, enough sufficient, enter join access, entire whole,
entrance door gate, environment surroundings, equal same, equipment gear tool, error mistake
fault, escape flee, establish found create, estimate guess, event incident, evidence proof,
examine inspect study investigate, example instance, exchange swap replace, excite thrill,
exercise training, exist live, exit leave, expect anticipate, expensive costly, experiment test
trial, expert specialist, expire end lapse, explain clarify, explore investigate, export ship,
extend prolong stretch, extra additional more, factory plant works mill, fail collapse, fair
just, fame renown, family relative, famous known celebrated, farm agriculture, fast quick rapid
speed, fat grease, father dad parent, fault error, field meadow, fight combat, fill load, film
movie, finance money fund, fine penalty, finger hand, finish complete end, fire flame burn
blaze, firm company, fit suit match, fix repair mend, flag banner, flat level even, flat
apartment, float drift, flood overflow, floor ground, flow stream, food nutrition meal, force
strength power, forecast predict, foreign abroad overseas, forest wood jungle, forget omit, form
shape, fortress castle, forward send, free gratis complimentary, frequent often, fresh new,
friend companion mate, frighten scare, frozen ice, fruit berry, fuel petrol gasoline, full
complete, function work operate, furniture desk chair table, future coming, gain profit win,
garbage rubbish trash waste refuse, gas air vapour, general universal, generate produce, gift
present donation, girl woman, glass pane, goods product merchandise article, government state
administration, grade mark, grant allow give award, grass lawn, grave tomb, group team, grow
increase expand, guarantee warranty assurance, guard protect, guest visitor, guide lead,
handbook manual guide, handle treat, happen occur, happy glad pleased, harbour harbor port, hard
solid, harm damage, heal cure, health medical, heart core, heat warm hot, heavy massive, high
tall, highest top tallest, hill mountain, hire employ recruit, hit strike, hold keep, hole gap
opening hollow, holiday vacation leave, home house domestic, honest sincere, hope wish, hospital
clinic, hot warm boiling, hotel lodging accommodation, hour time, huge enormous giant, human
person people man, hungry starving hunger famine, hurry rush, hurt injure wound, idea thought
concept, identify recognise recognize, ill sick illness disease, image picture photograph photo,
immediately instantly once, immunise vaccinate vaccine vaccination, important significant
essential key, impossible cannot, improve enhance better, improvement upgrade enhancement,
income salary earnings revenue wage, increase raise grow rise, industry manufacturing, inform
notify tell, information data detail, injury wound, innovation invention, insect bug, inside
within interior, install set, instead substitute, institute organisation organization,
instruction direction manual, insult offend, intelligent clever, intend plan, interest hobby,
internet web online network, interrupt stop pause, interview meeting, introduce present, invent
create devise, invention innovation device, investigate study explore, invisible hidden, island
isle, job position work occupation profession, join connect unite, joke humour, journal
magazine, journey trip travel voyage, judge court, jump leap, keep retain store maintain, key
password, kid child, kill slay murder, kind type sort, king ruler monarch, kitchen cook, know
understand, lack shortage missing need, lady woman, lamp light, land ground country, language
tongue speech, laptop computer notebook, large big, largest biggest greatest, last final, last
endure, latest newest recent, law rule regulation act, lawyer attorney solicitor, leader head
chief, leak spill, learn study, legal lawful, lend borrow, letter mail, licence license permit,
lid cover, lift elevator raise, limit maximum restriction, line row queue, link connection
connect, liquid fluid, list catalogue catalog, live reside dwell inhabit, live survive alive,
load burden, lock bolt, log record, login sign, lose miss, loud noisy, love adore, low shallow,
lower reduce, luck fortune, lunch meal, machine device computer, mail post letter, main
principal chief primary, maintain keep, maintenance repair service upkeep, male man, manage run,
manner way, manufacture produce make, map chart, march walk, mark sign, market trade, marriage
wedding, marry wed, mass weight, material substance stuff, matter issue, maximum most highest,
meal food, measure step action, medicine drug, meeting conference appointment, member
participant, mend repair, mention say, method way technique, minimum least lowest, minister
secretary, mistake error, mix blend, mobile phone cellphone, modern new, modify change, moist
wet damp, moment instant, money cash fund payment, monitor screen watch, mother mum parent,
motion movement, mount climb, mountain peak summit, mouth lip, move shift travel, murder kill,
museum gallery, name call title, narrow thin, nation country, native local, near close adjacent,
nearly almost, neat tidy, need require, new recent modern, news report, night dark, noise sound,
normal usual regular, note message, notice announcement, notify inform, number count, nurse
care, object thing, obstacle barrier, obtain get, occupation job, ocean sea, offer propose,
office bureau workplace, official formal, oil petroleum, omit skip, open unlock, operate run,
opinion view, opportunity chance, oppose resist, opposite reverse, option choice, order command,
order purchase, ordinary normal, organise arrange, origin source beginning, outcome result,
outside external, owe debt, owner proprietor holder, oxygen air, pack package, package parcel,
pain ache, paint painting, pair couple two, parent mother father, park garden, part piece
portion share, participate join, partner associate, pass go, passage route, password passcode
pin, patient sick, pause break, pay payment salary wage, peace calm, peak summit top mountain,
pension retirement, perfect ideal, period term time, permanent lasting, permission consent
approval authorisation, permit allow licence, phone telephone call, photo picture, piece part,
pill tablet, place location site spot, plague epidemic disease, plan scheme, plant factory,
plant tree flower, play game, pleasant nice, point spot, poison toxic toxin venom, police
officer, policy rule, polite courteous, pool pond lake, poor needy, popular favourite,
population people inhabitant, port harbour, position job post, possess own have, possible
feasible, post mail, pot vessel, pour spill, power strength, powerful strong, practice exercise,
prepare ready, presence attendance, present gift, preserve conserve protect, president head
leader, press push, prevent avoid stop, price cost, prior before previous, prison jail, private
personal, problem issue trouble difficulty, procedure process, produce make, profession job,
profit gain, programme program, progress advance, prohibit ban, project plan, promise pledge,
promotion advancement, property estate, propose suggest, protect guard shield safeguard, protest
object, proud pride, prove demonstrate, provide supply give, publish issue print, pull drag tug,
pump hose, punish penalty, pupil student, purchase buy, pure clean purify, purpose aim, put
place, quality grade, quantity amount, question query, quick fast, quiet silent, quit resign
leave, quote cite, race contest, radio wireless broadcast, rain shower, raise lift, random
chance, rare uncommon seldom, rate speed, raw uncooked, reach arrive, react respond, ready
prepared, real actual, rear back, rebate refund, receive get, recent new, recommend suggest
advise, recruit hire, recycle reuse, reduce cut, refund repay reimburse, refuse decline reject,
regulation rule, reject refuse, relax rest, release free, reliable dependable trustworthy,
religion faith, rely depend, remain stay, remember recall, remote distant, remove delete take,
renew extend, rent lease hire, repeat again, replace substitute, reply answer, report account,
representative agent, request ask, rescue save, research study investigation, reserve book
booking reservation, resident inhabitant, resign quit, respect honour, respond reply, rest
remainder, restaurant cafe canteen, restrict limit, retire pension, return back, reveal show,
revenue income, reward prize, rich wealthy, ride drive, right correct, risk danger, river
stream, road street way, rob steal, robot machine, rock stone, role function, roof ceiling, room
chamber, rotate spin turn, rough coarse, round circular, route way path, row line, royal king
queen, rubbish waste, rude impolite, ruin destroy, ruler king emperor queen, rust iron, sad
unhappy, safe secure, safety security, sail ship, sailor seaman, salary pay wage, sale discount,
sample specimen, save keep store, say tell state, scan copy, schedule timetable plan, scholar
academic, school college, science research, scientist researcher, screen display, script
writing, sea ocean marine, search look seek, season time, seat chair, second moment, secret
confidential, section part, see watch observe, seed grain seedling, seem appear, select choose,
sell trade, send dispatch, senior older, sense feel, separate apart, series sequence, serious
grave, server computer, settle resolve, sex gender, shake tremble quake, share portion, sharp
keen, shelter refuge, shine glow, shop store, shore coast, shortage lack, shout cry, show
display, sick ill, sickness illness, sight view, signal sign, signature sign, silence quiet,
silly foolish, similar like alike, single one, sink drown founder, site place, size dimension,
skill ability, skin hide, sleep rest, slim thin, slope side, slow gradual, small little tiny,
smallest tiniest, smart clever, smell odour, smoke fume, smooth even, snow ice, soft gentle,
software program application, soil ground, soldier troop, solve resolve, sort kind, soul spirit,
source origin, space room, spare extra, speak talk, special particular, species kind, speed
velocity pace, spend pay, spirit ghost, split divide, spoil ruin, sport game, spot place, spouse
husband wife partner, spring well, square plaza, stable steady, staff employee, stage phase,
stain mark, stair step, stamp seal, stand rise, standard norm, star sun, start begin, statement
declaration, station stop, statue sculpture, status state, steam vapour, steep sharp, step
stage, stick adhere, stiff rigid, stomach belly, stop halt cease end, storm tempest hurricane,
story tale, straight direct, strange odd, stranger foreigner, strategy plan, street road avenue,
stress strain pressure, strict severe, structure building, struggle fight, student pupil
learner, study research, stuff material, subject topic, submit send, substance material, succeed
achieve, success achievement, sudden abrupt, suffer endure, suit fit, suitable appropriate,
summary overview abstract, summit top, sunrise dawn, sunset dusk, supervise oversee, supplement
addition, supplier vendor, supply provide, support help, suppose think, surface ground, surgeon
doctor, surprise astonish, surround enclose, survey poll, survive live, suspend pause, swallow
eat, sweep clean, sweet sugar, swift fast, switch change, sword blade, symbol sign, symptom
sign, system method, table chart, tail end, talent gift, target goal, task job, taste flavour,
tax duty, teach educate train, teacher instructor, tear rip, technique method, technology
engineering, telephone phone, television tv, temperature heat, temporary provisional, tenant
renter, terminate end, terrible awful, territory area, test exam, text writing, thank grateful,
theory idea, thick dense, thief robber, think believe, threat danger, throw toss, ticket pass,
tide ebb, tie bind, tight close, till until, timber wood, time period, tin can, tiny small, tip
advice, tired exhausted, title name, tobacco smoke, toilet bathroom lavatory, tool instrument,
total sum, touch contact, tough hard, tour trip, tourist visitor, towel cloth, tower spire,
toxic poisonous, track trace, trade commerce, traffic transport, train railway, training course,
transfer move, translate interpret, transmit send, transparent clear, transport carry, trap
catch, travel journey, treasure wealth, treat cure, treatment therapy, tree plant, trial test,
tribe people, trick deceive, trip journey, trouble problem, truck lorry, true real, trust rely,
try attempt, turn rotate, tutor teacher, twin double, type kind, typical usual, ugly hideous,
ultimate final, umbrella shade, unable cannot, understand comprehend, uniform same, union
association, unit part, universe cosmos, university college, unknown strange, update upgrade,
upper top, upset sad, urgent pressing, use employ apply, useful helpful, user customer, usual
normal, vacant empty, vacation holiday, valid legal, valley gorge, valuable precious, value
worth, van truck, variety kind, various different, vast huge, vehicle car, vendor seller, verify
check, version edition, vessel ship, victim casualty, victory win, view see, village town,
violent fierce, virus infection, visible seen, visit see, vital essential, vocabulary word,
voice speech, vote ballot, voyage journey, wage pay, wait stay, wake awake, walk stroll, wall
barrier, wander roam, want wish, war conflict, warm heat, warn alert, warning alarm, warranty
guarantee, wash clean, watch observe, water liquid, wave ripple, weak feeble, wealth riches,
weapon arm, weather climate, web net, website page, weigh heavy, weird strange, west western,
wet damp, wheel tyre, wide broad, wife spouse, wild savage, wind breeze, winner champion, wire
cable line, wise sensible, withdraw remove, witness see, wonder marvel, wonderful great, word
term, work job, worker employee, workplace office, world earth planet globe, wreck sink, wrong
incorrect, yacht boat, yard garden, yearly annual, young youth, zone area
"""


def _groups(listed: str) -> Iterator[list[str]]:
    for group in listed.split(","):
        yield list(dict.fromkeys(stem(word) for word in group.split()))


def _others(groups: Iterable[list[str]]) -> Mapping[str, frozenset[str]]:
    """By stem, those that share a group with it."""
    found: dict[str, set[str]] = {}
    for group in groups:
        for word in group:
            found.setdefault(word, set()).update(group)
    return MappingProxyType({word: frozenset(group - {word}) for word, group in found.items()})


# Thousands of words are stemmed for these, which only those who search need.
@cache
def _same() -> Mapping[str, frozenset[str]]:
    return _others(_groups(f"{_FORMS}, {_NUMBERS}"))


@cache
def _alike() -> Mapping[str, frozenset[str]]:
    return _others(_groups(_SYNONYMS))


@lru_cache(maxsize=10_000)
def meanings(term: str) -> Mapping[str, float]:
    """What stands for a stem, and what each counts: itself and its forms 1, synonyms less."""
    same = {term, *_same().get(term, ())}
    alike = {other for one in same for other in _alike().get(one, ())}
    alike |= {other for one in alike for other in _same().get(one, ())}
    alike -= same
    counted = dict.fromkeys(sorted(same), 1.0) | dict.fromkeys(sorted(alike), SYNONYM_WEIGHT)
    return MappingProxyType(counted)
