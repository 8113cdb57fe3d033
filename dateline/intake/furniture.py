"""The furniture of web pages: buttons, notices, labels, counters, bylines. It is no page's news.

The words are those of web pages at large, not of any agency's. A sentence that begins with one of them
(`Search teams worked all night.`, `By Friday, all had left.`) is not furniture.
"""

import re

from dateline.intake.shapes import ends_sentence, is_heading

# What only furniture begins with, however it goes on.
_PHRASES = [
    "share (?:this|on|via)", "follow us", "read (?:more|also)", "see also", "(?:load|show) more", "sign (?:in|up)",
    "log ?in", "skip (?:ad|to)", "story continues", "©", r"\(c\)", "all rights", r"cookies?\b", "we use cookies",
    "we value your privacy", "this (?:site|website) uses", "by continuing", "accept (?:all|cookies)",
    "terms (?:of (?:use|service)|and conditions)", "privacy (?:policy|notice)", "contact us", "back to top",
    "most read", r"no comments", r"\d+ comments?", "(?:get|subscribe to|sign up for|download) (?:our|the) ",
    "reading time", r"\d+ min(?:ute)?s?(?: read)?$", "was this", "wir verwenden", "mehr (?:lesen|zum)", "lesen sie",
    "lire (?:aussi|la suite)", "s'abonner", "se connecter", "nous utilisons", r"\d+ commentaires?", "leer más",
    "leggi (?:anche|tutto)",
]  # fmt: skip
# What labels a button or a list where it stands alone, or before a colon.
_LABELS = [
    "share", "tweet", "print", "e-?mail", "more on", "related", "subscribe", "advertis", "sponsored", "copyright",
    "accept", "terms", "privacy", "contact", "menu", "home", "search", "older", "newer", "next", "previous",
    r"page \d", "photo", "image", "video", "tags?", "topics?", "comments?", "newsletter", "download", "rss", "latest",
    "teilen", "anzeige", "impressum", "anmelden", "suche", "menü", "werbung", "partager", "publicité", "commentaires?",
    "compartir", "publicidad", "suscr", "condividi", "leggi", "pubblicità",
]  # fmt: skip
_PHRASE = re.compile(rf"^(?:{'|'.join(_PHRASES)})(?![^\W\d_])", re.IGNORECASE)
_LABEL = re.compile(rf"^(?:{'|'.join(_LABELS)})(?![^\W\d_])", re.IGNORECASE)
_LISTED = re.compile(r"\s[|/·•>]\s|\s»")
_MAX_LABEL_WORDS = 3
_MIN_PARAGRAPH_WORDS = 2
_ADVERTISEMENT = re.compile(
    r"^(?:advertisement|sponsored|anzeige|werbung|publicité|publicidad|pubblicità)\b", re.IGNORECASE
)
_ENDS_A_PAGE = re.compile(
    r"^(?:\d+|no|0) (?:comments?|commentaires?|kommentare?|comentarios?)\b|^(?:©|\(c\)\s|copyright\b)", re.IGNORECASE
)
_BYLINE = re.compile(r"^(?:by|von|par|por|di|photo|foto|image|reporting by)\b[\s:]", re.IGNORECASE)
_MAX_BYLINE_WORDS = 4
_COUNTER = re.compile(r"[\d\s.,…]+[KkMm]?(?:\s[^\W\d_]+)?(?:\s[»›>])?")
PUBLISHED = re.compile(
    r"^(?:first )?(?:published|updated|posted|last (?:updated|modified)|veröffentlicht|aktualisiert|publié|mis à jour|"
    r"publicado|actualizado|pubblicato)\b(?:\s+(?:on|at|am|le|el|il))?[\s:]*",
    re.IGNORECASE,
)


def is_furniture(text: str) -> bool:
    """Whether a line is a page's furniture: a button, a notice, a menu entry."""
    if _PHRASE.match(text):
        return True
    label = _LABEL.match(text)
    if label is None:
        return False
    return len(text.split()) <= _MAX_LABEL_WORDS or text[label.end()] in ":-–—" or _LISTED.search(text) is not None


def is_byline(text: str) -> bool:
    """Whether a line names who wrote or photographed."""
    match = _BYLINE.match(text)
    if match is None:
        return False
    return match[0].endswith(":") or not ends_sentence(text) or len(text.split()) <= _MAX_BYLINE_WORDS


def is_counter(text: str) -> bool:
    """Whether a line counts something: `12 Shares`, `3 comments`, `1 2 3 … 47`."""
    return _COUNTER.fullmatch(text) is not None


def is_advertisement(text: str) -> bool:
    """Whether a line announces an advertisement."""
    return _ADVERTISEMENT.match(text) is not None


def ends_dispatch(text: str) -> bool:
    """Whether no paragraph of a dispatch follows a line: a comment counter, a copyright notice."""
    return _ENDS_A_PAGE.match(text) is not None


def is_paragraph(text: str) -> bool:
    """Whether a line reads as a paragraph of a dispatch."""
    if is_furniture(text) or is_byline(text) or (text[0] in "([" and text[-1] in ")]"):
        return False
    return ends_sentence(text) and len(text.split()) >= _MIN_PARAGRAPH_WORDS


def is_headline(text: str) -> bool:
    """Whether a line can be a dispatch's headline."""
    words = text.split()
    return (
        3 <= len(words) <= 30
        and len(text) <= 250
        and not text.endswith((".", ",", ":", ";"))
        and not is_furniture(text)
        and not is_byline(text)
        and " / " not in text
        and " | " not in text
        # In title case a line of this length with punctuation is a headline; without, it may be a menu.
        and (any(word[0].islower() for word in words) or (len(words) > 4 and not is_heading(text)))
    )
