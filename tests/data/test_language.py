"""What surely is another language, and that code and names never are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.data.language import foreign, languages_in

ENGLISH = frozenset(["en"])
SAID = {
    "de": "Wie kann ich eine Datei öffnen, wenn sie nicht im Ordner ist?",
    "fr": "Comment est-ce que je peux ouvrir un fichier qui n'est pas dans le dossier ?",
    "es": "¿Cómo puedo abrir un archivo que no está en la carpeta?",
    "it": "Come posso aprire un file che non è nella cartella?",
    "pt": "Como posso abrir um arquivo que não está na pasta?",
    "nl": "Hoe kan ik een bestand openen dat niet in de map staat?",
    "sv": "Hur kan jag öppna en fil som inte finns i mappen?",
    "fi": "Miten voin avata tiedoston, joka ei ole kansiossa, kun se on poistettu?",
    "pl": "Jak mogę otworzyć plik, który nie jest w folderze?",
    "cs": "Jak mohu otevřít soubor, který není ve složce, když je na disku?",
    "tr": "Bu hata neden var ve bir dosya için ne gibi bir ayar gerekli?",
    "id": "Bagaimana saya bisa membuka berkas yang tidak ada di dalam map?",
    "en": "How can I open a file that is not in the folder?",
}
SCRIPTS = {
    "ru": ("Cyrillic", "\u041a\u0430\u043a \u043e\u0442\u043a\u0440\u044b\u0442\u044c \u0444\u0430\u0439\u043b?"),
    "el": ("Greek", "\u03a0\u03ce\u03c2 \u03b1\u03bd\u03bf\u03af\u03b3\u03c9"),
    "he": ("Hebrew", "\u05d0\u05d9\u05da \u05dc\u05e4\u05ea\u05d5\u05d7"),
    "ar": ("Arabic", "\u0643\u064a\u0641 \u0623\u0641\u062a\u062d"),
    "hi": ("Devanagari", "\u092b\u093c\u093e\u0907\u0932 \u0915\u0948\u0938\u0947"),
    "th": ("Thai", "\u0e40\u0e1b\u0e34\u0e14\u0e44\u0e1f\u0e25\u0e4c"),
    "ko": ("Korean", "\ud30c\uc77c\uc744 \uc5b4\ub5bb\uac8c"),
    "zh": ("Chinese", "\u5982\u4f55\u6253\u5f00\u6587\u4ef6"),
    "ja": ("Japanese", "\u30d5\u30a1\u30a4\u30eb\u3092\u958b\u304f\u306b\u306f"),
}
CODE = [
    "for i in range(10):\n    if a.le(b) and not c.lt(d) or e in os.environ: del des, x; print(to)",
    "#!/usr/bin/perl\nuse strict; open(my $in, '<', $ARGV[0]) or die; die unless defined $in; die 'das'",
    "7za x path/to/archive.7z -so",
    "$a_i$, $o_u$, $e$ + $y$ = $\\alpha$",
    "ls -l /var/log/des/der",
    "SELECT id FROM a AS o JOIN e ON o.id = e.id",
]


@pytest.mark.parametrize("language", SAID)
def test_a_question_is_foreign_to_every_other_language_but_its_own(language):
    assert not foreign(SAID[language], frozenset([language]))
    for other in ("en", "de", "pl", "ja"):
        assert bool(foreign(SAID[language], frozenset([other]))) is (other != language)
    assert not foreign(SAID[language], frozenset(["en", "de", "ja", language]))


@pytest.mark.parametrize("language", SCRIPTS)
def test_another_script_is_recognised(language):
    script, text = SCRIPTS[language]
    assert foreign(text, ENGLISH) == script
    assert foreign(f"{text} model.forward", ENGLISH) in (script, "")
    assert not foreign(text, frozenset([language]))
    assert not foreign(f"{text}: for batch in loader", frozenset([language]))
    assert foreign(SAID["en"], frozenset([language])) == "en"


@pytest.mark.parametrize("code", CODE)
@pytest.mark.parametrize("own", ["en", "de", "ru"])
def test_code_is_no_language(code, own):
    assert not foreign(code, frozenset([own]))


def test_a_few_foreign_words_or_signs_make_no_foreign_text():
    assert not foreign("The function 'wie ist das' returns the German greeting for the user", ENGLISH)
    assert not foreign("\u03b1 and \u03b2 are the two rates of the model", ENGLISH)
    assert not foreign("the error says \u6587\u4ef6 when I open the file in a folder", ENGLISH)


@given(st.text(), st.frozensets(st.sampled_from(["en", "de", "zh", "ja", "ru"]), min_size=1))
def test_any_text_has_an_answer(text, own):
    assert isinstance(foreign(text, own), str)


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("en", {"en"}),
        ("en, Python", {"en"}),
        ("en-US; Go, C++", {"en"}),
        ("pt-BR/es", {"pt", "es"}),
        ("zh, en", {"zh", "en"}),
        ("Python", set()),
        ("", set()),
    ],
)
def test_what_a_card_says_of_its_languages(text, codes):
    assert languages_in(text) == codes
