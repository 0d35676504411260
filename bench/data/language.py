"""Whether a text is surely in another language than its collection: by script, and by the small words of 15 languages."""

import re
from collections import Counter
from collections.abc import Mapping

LEAST_WORDS = 3
"""Different small words of another language that it takes."""
LEAST_SHARE = 0.1
"""Share of small words among a text's words from which on it is prose of that language, not code."""
LEAST_LEAD = 3
"""So many times the small words of the collection's own language."""
LEAST_LETTERS = 0.3
"""Share of letters of another script that tells its language; names and signs within code stay below."""
NATIVE_LETTERS = 0.1
"""Share of letters of its own script that a text in a language of another script than Latin has, code included."""

# Words that are also English, or common in code (de, die, le, ne, os, var), tell nothing or little, so that three different ones count.
_SMALL: Mapping[str, frozenset[str]] = {
    language: frozenset(words.split())
    for language, words in {
        "en": "the of and to in is that it for you with on as are this be have from or an by not but what can how which when "
        "there my your do does if will would should why where was has been using use into after all any only than i a me we at",
        "de": "der die das und ist nicht ein eine einen einem einer ich es wie mit auf für zu den dem des von im auch als bei aus "
        "wird werden kann sich sind oder wenn aber noch nach hat haben wurde nur mein meine mir warum dass zum zur über dieser diese man",
        "fr": "le la les et est une un des du dans pour que qui ne pas je avec sur ce cette il elle nous vous mais ou où sont "
        "comment pourquoi au aux par plus mon ma mes être fait comme si son sa ses cela peut avoir quand c'est j'ai n'est d'un d'une",
        "es": "el la los las y es un una de del que en por para con no se mi como cómo pero más este esta esto está son su al lo "
        "hay cuando qué tengo puedo hacer porque si sobre también ser ha sin todo muy donde desde",
        "it": "il lo la gli le e è un una di del della dei che non per con sono come ma più questo questa nel nella mi ho si da "
        "dal alla anche quando perché posso fare ha se essere su ci cosa delle al",
        "pt": "o a os as e é um uma de do da dos das que em no na não para por com como mas mais este esta isso meu minha se eu "
        "estou tenho posso fazer quando porque são foi ao pelo pela também você está seu sua ou",
        "nl": "de het een en van ik is niet dat die te op met voor zijn aan er maar om ook als dan bij uit naar wat hoe kan wordt "
        "deze dit hebben heb heeft worden mijn waarom wel geen nog meer over moet door",
        "sv": "och att det som en är på jag för med av inte till den har de ett om men så hur kan när från var mig min mitt ska "
        "eller också detta vid efter vad finns skulle alla bara varför",
        "da": "og at det som en er på jeg for med af ikke til den har de et om men så hvordan kan når fra var mig min mit skal "
        "eller også dette ved efter hvad findes der ville alle kun hvorfor",
        "no": "og å at det som en er på jeg for med av ikke til den har de et om men så hvordan kan når fra var meg min mitt skal "
        "eller også dette ved etter hva finnes ville alle bare hvorfor",
        "fi": "ja on ei se että en mutta kun niin ovat tai joka mitä miten voi ole kuin myös jos hän minun tämä sen siitä olen "
        "miksi mikä mutta vain kanssa ollut voin saa pitää",
        "pl": "i w na nie się z do to jest że jak o po za od dla ale przez co jako który która które są może być tego już lub "
        "ma czy jeśli mam mogę kiedy dlaczego tylko oraz przy tak",
        "cs": "a je na se že v to z do s o jak ale jsem není pro když který která které jako za od nebo mám může být proč jsou "
        "aby by jen také po při tak co",
        "tr": "ve bir bu için ile da de ne nas\u0131l ama çok var yok olarak daha gibi mi ben neden olan değil kadar her sonra ise "
        "şu veya olduğu hata ki",
        "id": "yang dan di ini itu dengan untuk tidak dari ke pada saya bagaimana adalah apa akan bisa atau ada juga jika karena "
        "sudah oleh dalam saat dapat mengapa kenapa lebih",
    }.items()
}
# fmt: off
# English that is code as well says nothing against another language.
_CODE_WORDS = frozenset((
    "all", "and", "any", "as", "at", "be", "by", "do", "for", "from", "has", "have", "if", "in", "into", "is", "my", "not",
    "on", "only", "or", "this", "to", "use", "using", "where", "with",
))
# fmt: on
# Which script a language is written in where that is not Latin; scripts of several languages tell only that it is none of the others.
_SCRIPTS: Mapping[str, tuple[str, re.Pattern[str]]] = {
    "Cyrillic": ("ru uk bg sr be mk", re.compile("[\u0400-\u052f]")),
    "Greek": ("el", re.compile("[\u0370-\u03ff\u1f00-\u1fff]")),
    "Hebrew": ("he", re.compile("[\u0590-\u05ff]")),
    "Arabic": ("ar fa ur", re.compile("[\u0600-\u06ff\u0750-\u077f]")),
    "Devanagari": ("hi mr ne", re.compile("[\u0900-\u097f]")),
    "Thai": ("th", re.compile("[\u0e00-\u0e7f]")),
    "Korean": ("ko", re.compile("[\u1100-\u11ff\uac00-\ud7af]")),
    "Japanese": ("ja", re.compile("[\u3040-\u30ff]")),
    "Chinese": ("zh ja", re.compile("[\u3400-\u9fff]")),
}
_WORD = re.compile(r"[^\W\d_]{2,}(?:'[^\W\d_]+)?")  # single letters are variables


def languages_in(text: str) -> frozenset[str]:
    """Languages that a card names by their ISO 639-1 codes (``en``, ``en, Python``, ``pt-BR``), as far as they are known here."""
    named = {part.partition("-")[0] for part in re.split(r"[\s,;/+]+", text)}
    return frozenset(named & {*_SMALL, *(code for codes, _ in _SCRIPTS.values() for code in codes.split())})


def foreign(text: str, own: frozenset[str]) -> str:
    """The language or script that a text is surely in, other than ``own``; empty where it may be in one of these or is code."""
    letters = sum(map(str.isalpha, text))
    shares = {script: len(pattern.findall(text)) / max(letters, 1) for script, (_, pattern) in _SCRIPTS.items()}
    native = {script for script, (codes, _) in _SCRIPTS.items() if own & set(codes.split())}
    if any(shares[script] >= NATIVE_LETTERS for script in native):
        return ""
    other = max(shares.keys() - native, key=lambda script: (shares[script], script))
    if shares[other] >= LEAST_LETTERS:
        return other
    words = Counter(_WORD.findall(text.casefold()))
    found = {language: words.keys() & small for language, small in _SMALL.items()}
    telling = {language: len(seen - _CODE_WORDS) for language, seen in found.items() if language not in own}
    likely, count = max(telling.items(), key=lambda pair: pair[1])
    known = max((len(found[language]) for language in own if language in found), default=0)
    share = sum(words[word] for word in found[likely]) / max(words.total(), 1)
    return likely if count >= max(LEAST_WORDS, LEAST_LEAD * known) and share >= LEAST_SHARE else ""
