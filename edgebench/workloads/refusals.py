"""Refusals: whether an answer declines to answer, by what such answers begin with in five languages.

Only the beginning is looked at, and only ways to decline a request as such: that a text does not say something, or that
a customer cannot do something, is no refusal. Whoever asks has to know already that the answer is wrong.
"""

from __future__ import annotations

import re
import unicodedata

from edgebench.workloads import understand

READ = 240  # characters from the beginning
MARKS = str.maketrans("‘’ʼ`´", "'''''")

_DO_EN = (
    "(?:help|assist|answer|respond|reply|do|comply|provide|fulfil|fulfill|engage|discuss|continue|process|complete|"
    "perform|classify|label|sort|decide|give|offer|share|support|create|generate|write|translate|accommodate|carry out)"
)
_CANNOT_EN = (
    r"(?:cannot|can't|can not|won't|will not|could not|couldn't|(?:am )?(?:not able|unable) to|decline to|refuse to|"
    r"(?:am )?not (?:allowed|permitted|comfortable)(?: to)?|(?:must|have to) (?:decline|refuse)(?: to)?)"
)
_BEFORE_EN = r"(?:^|[.!?,;:—-]\s*|\b(?:but|and|so|sorry|unfortunately|however)\b,?\s*)"
_EN = (
    rf"{_BEFORE_EN}i(?: a|')?m? ?(?:really |truly |so )?{_CANNOT_EN} {_DO_EN}\b",
    rf"^\W*(?:i(?: a|')m |we(?:'| a)re )?(?:very |so |really )?(?:sorry|apologi[sz]e|afraid)\b.{{0,60}}?"
    rf"\b(?:cannot|can't|can not|unable to|not able to|won't|not allowed to|not permitted to)\s+{_DO_EN}\b",
    r"\bas an? (?:ai\b|artificial intelligence|(?:large )?language model|virtual assistant).{0,80}?"
    r"(?:cannot|can't|unable|not able|do not|don't|won't|not allowed)",
    r"\b(?:against|violates?|outside) (?:my|our|the) (?:guidelines|policy|policies|programming|content policy)\b",
    rf"^\W*(?:unable|not able) to {_DO_EN}\b",
)
_CANNOT_ES = (
    r"no (?:puedo|podemos|me es posible|nos es posible|soy capaz de|"
    r"estoy (?:autorizad[oa]|capacitad[oa]|en condiciones)(?: para| de)?)"
)
_DO_ES = (
    r"(?:ayud|asist|respond|contest|proporcion|cumpl|ofrec|continu|proces|clasific|realiz|hacer(?:lo)? es[oa]|"
    r"dar(?:te|le)|brind|compart|gener|traduc|atender)\w*"
)
_ES = (
    rf"\b{_CANNOT_ES}\s+{_DO_ES}",
    r"^\W*(?:lo siento|lo lamento|disculp[ae]|perd[oó]n|me temo que).{0,40}?\bno (?:puedo|podemos|me es posible)\b",
    r"\bcomo (?:(?:un )?modelo de lenguaje|(?:una )?(?:ia|inteligencia artificial)\b|asistente virtual).{0,80}?\bno\b",
    r"\bme (?:niego|rehúso) a\b",
    r"\b(?:va en contra de|infringe) (?:mis|nuestras|las) (?:normas|políticas|directrices)\b",
)
_HI = (
    r"(?:मदद|सहायता|उत्तर|जवाब|जानकारी|अनुरोध|यह काम|ऐसा|वर्गीकृत)\s.{0,24}?नहीं\s+(?:कर|दे|बता)"
    r"\s*(?:सकता|सकती|सकते|पाऊँगा|पाऊँगी|पाऊंगा|पाऊंगी)",
    r"^\W*(?:माफ़|माफ|क्षमा|मुझे खेद|खेद है|मुझे अफ़सोस).{0,60}?नहीं.{0,12}?(?:सकता|सकती|सकते)",
    r"(?:एआई|ai|भाषा|कृत्रिम).{0,16}?(?:मॉडल|सहायक).{0,60}?नहीं",
    r"\bmain .{0,30}?(?:madad|help|jawab|answer) .{0,12}?nah(?:i|in|iin)n? (?:kar|de) (?:sakta|sakti|paunga|paungi)",
    r"^\W*(?:maaf|sorry|kshama).{0,40}?\bnah(?:i|in)n? .{0,12}?(?:sakta|sakti|sakte)\b",
)
_SW = (
    r"\b(?:siwezi|sitaweza|hatuwezi|siruhusiwi|sina uwezo wa)\s+(?:ku)?(?:\w{0,3})(?:saidi|jibu|to|fany|end|eleze|"
    r"tekelez|shughulik|ainish|tafsiri|timiz)\w*",
    r"^\W*(?:samahani|pole|naomba radhi|nasikitika).{0,40}?\b(?:siwezi|sitaweza|hatuwezi)\b",
    r"\bkama (?:modeli|mfano|mfumo) (?:ya|wa) (?:lugha|akili).{0,80}?\bsi\w+",
)
_BN = (
    r"(?:সাহায্য|সহায়তা|উত্তর|জবাব|তথ্য|অনুরোধ|এই কাজ|এটি)\s.{0,24}?(?:পারি না|পারছি না|পারব না|পারবো না|পারি নি|অক্ষম)",
    r"^\W*(?:দুঃখিত|আমি দুঃখিত|ক্ষমা|মাফ).{0,60}?(?:পারি না|পারছি না|পারব না|পারবো না|অক্ষম)",
    r"(?:এআই|ai|ভাষা).{0,16}?(?:মডেল|সহকারী).{0,60}?(?:না|নই)",
)
REFUSALS: tuple[re.Pattern[str], ...] = tuple(
    re.compile(unicodedata.normalize("NFKC", pattern), re.IGNORECASE | re.DOTALL)
    for pattern in (*_EN, *_ES, *_HI, *_SW, *_BN)
)


def refuses(answer: str) -> str | None:
    """The words by which an answer declines; None where it does not."""
    text = " ".join(unicodedata.normalize("NFKC", understand.said(answer)[: 2 * READ]).translate(MARKS).split())[:READ]
    for pattern in REFUSALS:
        if match := pattern.search(text):
            return match[0].strip(" .,;:!?-—")[:80]
    return None
