"""What kinds of wrong answers, perturbations and languages are called where people read: one mapping for all.

A name nobody here knows (a taxonomy of one's own, a hand label, a plug-in's perturbation) is shown as it is written,
with blanks for its dashes and underscores.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Term:
    """A name in words, and one line that explains it ("" where nobody has one)."""

    words: str
    explain: str = ""


#: kinds of wrong answer (records.MODES), then of lost ones (records.FAILURE_KINDS)
MODES: Mapping[str, Term] = {
    "refusal": Term("refused to answer", "declined, though an answer was due"),
    "empty": Term("said nothing", "nothing but blanks, or only a train of thought"),
    "truncated": Term("cut short", "the token limit ended it before it was finished"),
    "off_format": Term("unreadable form", "no label, number or JSON object in it, where one was asked for"),
    "outside_labels": Term("invented a label", "named a label that is not on the list"),
    "several_answers": Term("several answers at once", "more than one label or object, none of them chosen"),
    "asked_back": Term("asked back needlessly", "a question, where the message had all that was needed"),
    "did_not_ask_back": Term("did not ask back", "answered, where the message was ambiguous"),
    "not_in_text_missed": Term("answered what the text does not say", "should have said that it is not in the text"),
    "not_in_text_claimed": Term("overlooked the answer", "said it is not in the text, and it is"),
    "not_grounded": Term("quote not in the text", "what it quotes does not stand in the text it was given"),
    "wrong_language": Term("wrong language", "answered in another language than the one asked for"),
    "wrong_number": Term("wrong number", "a number, but not the right one"),
    "wrong_label": Term("wrong label", "a label of the list, but not the right one"),
    "wrong_function": Term("wrong function", "called another function than the right one"),
    "wrong_fields": Term("wrong fields", "an object whose values are not the right ones"),
    "invalid_schema": Term("not the schema", "JSON that is not of the shape asked for"),
    "code_fails": Term("code fails", "the program does not pass its tests"),
    "incomplete": Term("incomplete", "some of what a good answer must have is missing"),
    "wrong": Term("wrong otherwise", "not right, in no way that a rule knows"),
    "timeout": Term("no answer in time", "nothing, or not all, within the time limit"),
    "refused": Term("no connection", "the connection was refused or reset, or the host not found"),
    "unauthorized": Term("key not accepted", "the service said 401 or 403"),
    "rate_limited": Term("rate-limited", "the service said 429: too many requests"),
    "not_found": Term("no such model", "the service said 404"),
    "bad_request": Term("request rejected", "the service said that the request is wrong"),
    "server_error": Term("server error", "the service failed"),
    "cut_off": Term("connection cut", "the answer stopped before it said that it was finished"),
    "stream_error": Term("error while answering", "an error came in the middle of an answer"),
    "malformed": Term("not the protocol", "bytes that are not what the protocol promises"),
    "context_overflow": Term("too long to read", "the prompt does not fit the model's context"),
    "load_failed": Term("not loaded", "the model could not be loaded"),
    "out_of_memory": Term("out of memory", "the system ended the target's process for its memory"),
    "crashed": Term("crashed", "the target's process died"),
    "hung": Term("hung", "the target's process stopped answering"),
    "confidently_wrong": Term("confidently wrong", "wrong, and sure of it: counted beside its kind, not added to them"),
}

#: perturbations by their name without parameters (what each does to a text)
PERTURBATIONS: Mapping[str, Term] = {
    "none": Term("clean", "the messages as they are"),
    "keyboard-typos": Term("keyboard typos", "letters slip to a neighbouring key"),
    "letter-slips": Term("dropped and doubled letters", "letters are left out or written twice"),
    "no-punctuation": Term("no punctuation", "as typed in a hurry"),
    "lower-case": Term("small letters only", "no capitals anywhere"),
    "chat-spelling": Term("chat spelling", "short forms and slang"),
    "autocorrect": Term("autocorrect slips", "another real word in place of the one meant"),
    "no-diacritics": Term("no accents", "accents and other signs on letters are left out"),
    "romanised": Term("Latin letters", "Hindi or Bengali as typed without their keyboard"),
    "code-mix": Term("mixed languages", "everyday words in another language than the rest"),
    "dialect": Term("dialect", "spelt and said as in a dialect"),
    "truncated": Term("a broken-off end", "the message stops in the middle of a sentence"),
    "dictation": Term("dictation", "spoken: fillers, words that sound alike, marks said aloud"),
    "pasted": Term("pasted quotes and signatures", "mail that says nothing around the message"),
    "simple-words": Term("simple words", "plain words for harder ones, long sentences split"),
    "swap-names": Term("other names", "people's names are names of another group"),
    "swap-pronouns": Term("other pronouns", "he is she and she is he"),
    "signed": Term("signatures", "signed with the name of somebody of a group"),
    "other-values": Term("other values", "values the right answer copies are other ones, in text and reference alike"),
    "no-evidence": Term("evidence removed", "the sentences that hold the answer are taken out"),
}
#: the same message from another person: what changes must not matter
COUNTERFACTUAL = ("swap-names", "swap-pronouns", "signed", "dialect")
#: those whose first parameter is a group of people: two of its cells are held against each other
BY_GROUP = ("swap-names", "signed")
#: what people write who dictate, cannot type with ease, or read plain language
ACCESSIBLE = ("dictation", "no-punctuation", "simple-words")
DIALECTS = ("pcm", "sco")

LANGUAGES: Mapping[str, str] = {
    "ar": "Arabic", "bn": "Bengali", "de": "German", "en": "English", "es": "Spanish", "es-en": "Spanglish",
    "fr": "French", "hi": "Hindi", "hi-en": "Hinglish", "id": "Indonesian", "it": "Italian", "ja": "Japanese",
    "ko": "Korean", "nl": "Dutch",
    "pcm": "Nigerian Pidgin", "pl": "Polish", "pt": "Portuguese", "ru": "Russian", "sco": "Scots", "sw": "Swahili",
    "ta": "Tamil", "te": "Telugu", "th": "Thai", "tr": "Turkish", "uk": "Ukrainian", "ur": "Urdu", "vi": "Vietnamese",
    "zh": "Chinese",
}  # fmt: skip

#: promptings by their name without parameters (what each puts around a message)
PROMPTINGS: Mapping[str, Term] = {
    "raw": Term("raw", "the message alone, as a user sends it"),
    "zero-shot": Term("zero-shot", "an instruction, no example"),
    "few-shot": Term("few-shot", "an instruction and as many solved examples as the number in brackets"),
    "chain-of-thought": Term("chain of thought", "it reasons in words before it answers"),
    "multi-step": Term("multi-step", "the question is taken apart and answered part by part"),
    "self-consistency": Term("self-consistency", "asked several times, the commonest answer counts"),
    "best-of-n": Term("best of n", "several answers, of which one is chosen"),
    "structured-output": Term("structured output", "the answer fills in a form (JSON)"),
    "lab": Term("lab", "as the literature reports this test"),
    "by-likelihood": Term("by likelihood", "the likeliest of the choices is taken; nothing is written"),
}

TEST_TYPES: Mapping[str, Term] = {
    "INV": Term("meaning kept", "CheckList's INV: the right answer stays the same, so the answer should too"),
    "DIR": Term("should change", "CheckList's DIR: another answer is right here, and right is who follows"),
    "MFT": Term("less to go by", "CheckList's MFT: a harder case of its own"),
}
NAMED = re.compile(r"(?P<name>[^()]+?)(?:\((?P<given>.*)\))?")


def mode(name: str) -> Term:
    """A kind of wrong or lost answer: ``wrong label``."""
    return MODES.get(name) or Term(_plain(name))


def perturbation(name: str) -> str:
    """A cell's perturbation in words: ``keyboard typos (5 %) + no punctuation``."""
    return " + ".join(_one(part) for part in parts(name))


def about(name: str) -> str:
    """What a cell's perturbation does, in one line; "" where nobody has said."""
    return "; ".join(text for part in parts(name) if (text := _known(part).explain))


def bare(name: str) -> str:
    """``keyboard-typos`` of ``keyboard-typos(0.05)``."""
    found = NAMED.fullmatch(name.strip())
    return found["name"] if found else name


def parts(name: str) -> list[str]:
    """Each of the perturbations a cell's name joins."""
    return [part for part in name.split(" + ") if part] or ["none"]


def prompting(name: str) -> str:
    """A cell's prompting in words: ``chain of thought (steps: 2)``, ``few-shot (5)``."""
    found = NAMED.fullmatch(name.strip())
    words = (PROMPTINGS.get(bare(name)) or Term(_plain(bare(name)))).words
    given = found["given"] if found else None
    return f"{words} ({given.replace('_', ' ').replace('=', ': ')})" if given else words


def about_prompting(name: str) -> str:
    """What a prompting puts around a message, in one line; "" where nobody has said."""
    term = PROMPTINGS.get(bare(name))
    return term.explain if term else ""


def group(name: str) -> str:
    """Whose names a cell's perturbation uses: ``West African`` of ``signed(west-african, gender=f)``; "" of none."""
    found = NAMED.fullmatch(name.strip()) if len(parts(name)) == 1 else None
    given = (found["given"] or "").partition(", ")[0] if found and found["name"] in BY_GROUP else ""
    return _plain(given).title()


def language(code: str, own: str = "") -> str:
    """A language by its code; ``""`` is the workload's own, whose code is ``own`` where somebody said it."""
    if code:
        return LANGUAGES.get(code, code)
    return LANGUAGES.get(own, own) or "its own language"


def _one(name: str) -> str:
    words, found = _known(name).words, NAMED.fullmatch(name.strip())
    given = found["given"] if found else None
    shown = [_given(part) for part in given.split(", ")] if given else []
    return f"{words} ({', '.join([group(name) or shown[0], *shown[1:]])})" if shown else words


def _known(name: str) -> Term:
    return PERTURBATIONS.get(bare(name)) or Term(_plain(bare(name)))


def _given(text: str) -> str:
    """A parameter: a share in percent, a language by its name."""
    key, equals, value = text.rpartition("=")
    if re.fullmatch(r"0?\.\d+", value):
        value = f"{float(value) * 100:g} %"
    return f"{key}{': ' if equals else ''}{LANGUAGES.get(value, value)}"


def _plain(name: str) -> str:
    return name.replace("_", " ").replace("-", " ").strip() or name
