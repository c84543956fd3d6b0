"""Words, their stems, and the small words that say nothing about a text's subject.

Scripts that put no spaces between words (Chinese, Japanese, Thai, Khmer) are cut into overlapping
pairs of characters, which for comparing texts serve as well as a dictionary.
"""

# ruff: noqa: RUF001 - the punctuation of many scripts is meant

import re
from collections.abc import Iterable
from types import MappingProxyType

UNSPACED = (
    "\u0e00-\u0eff\u1780-\u17ff\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
)
"""A regular expression's character ranges of the scripts without spaces."""

_WORD = re.compile(rf"([{UNSPACED}]+)|([^\W_{UNSPACED}]+(?:['’][^\W_{UNSPACED}]+)*)")
_TOKEN = re.compile(rf"[{UNSPACED}]\s*|[^\s{UNSPACED}]+\s*|\s+")


def word_set(listed: str) -> frozenset[str]:
    """The words of a text parted by white space, for lists that are read and kept by people."""
    return frozenset(listed.split())


FUNCTION_WORDS = MappingProxyType(
    {
        "english": word_set(
            """
            a about above after again against all also am an and any are as at be because
            been before being below between both but by can cannot could did do does doing
            down during each else ever every few for from further get gets give given go
            goes going had has have having he her here hers herself him himself his how i if
            in into is it its itself just let like may me might more most much must my
            myself no nor not now of off on once one only or other our ours ourselves out
            over own per put rather really said same say says shall she should since so some
            still such than that the their theirs them themselves then there these they this
            those though through thus to too two under until up upon us very via was we well
            were what when where whether which while who whom whose why will with within
            without would yet you your yours yourself i'm it's don't doesn't didn't isn't
            aren't wasn't weren't won't can't couldn't wouldn't shouldn't we're you're
            they're i've we've they've that's there's i'd i'll we'll let's
            """
        ),
        "german": word_set(
            """
            aber als am an auch auf aus bei bin bis da das dass dem den der des die dies
            diese dieser doch durch ein eine einem einen einer eines er es für haben hat
            hatte ich ihr ihre im in ist ja kann man mehr mit nach nicht noch nur oder sein
            seine sich sie sind so über um und uns unter vom von vor war waren was wenn wer
            werden wie wir wird wo wurde wurden zu zum zur
            """
        ),
        "french": word_set(
            """
            à au aux avec ce ces cette c'est comme dans de des du elle elles en est et été
            être eux il ils je la le les leur leurs lui mais même mes mon ne nos notre nous
            on ont ou où par pas plus pour qu que qui sa sans se ses son sont sous sur ta te
            tes ton tu un une vos votre vous y était étaient
            """
        ),
        "spanish": word_set(
            """
            a al ante como con contra cuando de del desde donde el ella ellas ellos en entre
            era es esta está este esto estos fue ha han hasta la las le les lo los más me mi
            muy no nos o para pero por porque que qué se ser si sin sobre son su sus también
            te tiene todo un una uno unos y ya yo
            """
        ),
        "italian": word_set(
            """
            a ad al alla anche che chi ci come con cui da dal dalla dei del della delle di è
            e ed era gli ha hanno i il in io la le lo loro ma mi nel nella noi non o per
            perché più quando quello questa questo se sei si sono su sua sul sulla suo ti
            tra tu un una uno
            """
        ),
        "portuguese": word_set(
            """
            a ao aos as até com como da das de do dos e é ela elas ele eles em entre era
            essa esse esta este eu foi foram há isso já la mais mas me muito na não nas nem
            no nos o os ou para pela pelo por quando que quem se sem ser seu sua são também
            te tem um uma você
            """
        ),
        "dutch": word_set(
            """
            aan al als bij dan dat de den der deze die dit door een en er haar had heb
            hebben heeft het hij hoe hun ik in is je kan maar me meer met mijn naar niet nog
            nu of om ook op over te tot uit van veel voor was wat we werd wie wordt worden
            zich zij zijn zo
            """
        ),
        "swedish": word_set(
            """
            alla att av blev de den det detta du där efter ej en ett från för han har hon
            här i inte jag kan man med men mot måste ni nu när och om på sin ska som så till
            under upp var vi vid vill är över
            """
        ),
    }
)
"""The commonest small words of some languages, which tell the language and nothing else."""


def words(text: str) -> list[str]:
    """The words of a text in their order, case folded; pairs of characters in unspaced scripts."""
    found: list[str] = []
    for match in _WORD.finditer(text):
        unspaced, word = match.groups()
        if word is not None:
            found.append(word.casefold().replace("’", "'"))
        else:
            found.extend(_pairs(unspaced))
    return found


def _pairs(run: str) -> Iterable[str]:
    if len(run) == 1:
        return (run,)
    return (run[at : at + 2] for at in range(len(run) - 1))


def terms(text: str, stops: frozenset[str] = FUNCTION_WORDS["english"]) -> list[str]:
    """The stems of a text's telling words."""
    return [stem(word) for word in words(text) if word not in stops]


def language(found: Iterable[str]) -> str | None:
    """The language whose small words are most frequent among `found`; None where none are."""
    counts = dict.fromkeys(FUNCTION_WORDS, 0)
    for word in found:
        for name, small in FUNCTION_WORDS.items():
            counts[name] += word in small
    best = max(counts, key=lambda name: counts[name])
    return best if counts[best] else None


def stem(word: str) -> str:
    """A word without its English endings, so that `invoices` and `invoiced` are one.

    Light on purpose: it joins the forms of a word, not the words of a family.
    """
    word = word.removesuffix("'s")
    if len(word) < 4 or not word.isascii() or not word.isalpha():
        return word
    word = _without_plural(word)
    word = _without_verb_ending(word)
    for ending in ("ly", "ment", "ness"):
        if word.endswith(ending) and len(word) - len(ending) >= 4:
            word = word.removesuffix(ending)
    if len(word) > 3 and word.endswith("e"):
        word = word[:-1]
    if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "aeiou":
        word = word[:-1]
    # A word of three letters is left alone above, so what is left of a longer one is too.
    return word[:-1] + "i" if len(word) > 3 and word.endswith("y") else word


def _without_plural(word: str) -> str:
    if word.endswith("ies"):
        return word[:-3] + "y"
    if word.endswith(("sses", "xes", "ches", "shes", "zzes")):
        return word[:-2]
    if word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


def _without_verb_ending(word: str) -> str:
    if word.endswith("ied"):
        return word[:-3] + "y"
    for ending in ("ing", "ed"):
        root = word.removesuffix(ending)
        if root != word and len(root) >= 3 and any(letter in "aeiouy" for letter in root):
            return root
    return word


def pieces(text: str) -> list[str]:
    """A text cut into this model's tokens, each with the space behind it; joined they are `text`.

    A token is a run without white space, or one character of a script without spaces. White space
    at the very start makes a piece that is no token.
    """
    return _TOKEN.findall(text)


def token_count(text: str) -> int:
    """How many tokens a text has, exactly."""
    if text.isascii():
        return len(text.split())  # the same, and far faster
    return sum(not match.group().isspace() for match in _TOKEN.finditer(text))
