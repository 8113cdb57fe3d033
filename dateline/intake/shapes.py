"""What a line looks like: a template, a paragraph, a heading, a headline, furniture of a page."""

import re

# Placeholders of the template languages that sites are written in, left unrendered.
TEMPLATE = re.compile(
    r"\{\{.*?\}\}|\{%.*?%\}|<%.*?%>|<\?.*?\?>|\$\{[^}]*\}|\[\[.*?\]\]|%[A-Z_]{3,}%|\{\$[^}]*\}|[#{]?\{[a-z_]+(?:\.[a-z_]+)*\}|@\w+\.\w+"
)
_TERMINAL = re.compile(r"[.!?…:;][\"'”’»“)\]]*$")
_QUOTED_END = re.compile(r"[.!?…,][\"'”’»“]$|[\"”»][.!?…]?$")
# Words of a page's furniture. They are those of web pages at large, not of any agency's.
_FURNITURE = re.compile(
    r"^(?:share|tweet|print|e-?mail|follow us|read (?:more|also)|see also|more on|related|load more|subscribe|"
    r"sign (?:in|up)|log ?in|advertis|sponsored|skip ad|story continues|©|\(c\)|copyright|all rights|cookies?\b|"
    r"we use cookies|"
    r"we value your privacy|this (?:site|website) uses|by continuing|accept|terms\b|privacy|contact|back to top|"
    r"menu\b|home\b|search\b|older|newer|next\b|previous|page \d|photo|image|video|tags?\b|topics?\b|comments?\b|"
    r"no comments|\d+ comments?|newsletter|download|rss\b|latest\b|most read|reading time|\d+ min(?:ute)?s?\b|was this|"
    r"wir verwenden|teilen|anzeige|mehr (?:lesen|zum)|lesen sie|impressum|anmelden|suche|menü|werbung|"
    r"partager|lire (?:aussi|la suite)|s'abonner|se connecter|publicité|nous utilisons|commentaires?|\d+ commentaires?|"
    r"compartir|leer más|publicidad|suscr|condividi|leggi|pubblicità)(?![^\W\d_])",
    re.IGNORECASE,
)
_ADVERTISEMENT = re.compile(
    r"^(?:advertisement|sponsored|anzeige|werbung|publicité|publicidad|pubblicità)\b", re.IGNORECASE
)
_ENDS_A_PAGE = re.compile(
    r"^(?:\d+|no|0) (?:comments?|commentaires?|kommentare?|comentarios?)\b|^(?:©|\(c\)\s|copyright\b)", re.IGNORECASE
)
BYLINE = re.compile(r"^(?:by|von|par|por|di|photo|foto|image|reporting by)\b[\s:]", re.IGNORECASE)
PUBLISHED = re.compile(
    r"^(?:first )?(?:published|updated|posted|last (?:updated|modified)|veröffentlicht|aktualisiert|publié|mis à jour|"
    r"publicado|actualizado|pubblicato)\b(?:\s+(?:on|at|am|le|el|il))?[\s:]*",
    re.IGNORECASE,
)
_CONNECTORS = frozenset(
    [
        "and",
        "of",
        "the",
        "in",
        "on",
        "for",
        "to",
        "a",
        "an",
        "&",
        "+",
        "/",
        "und",
        "für",
        "der",
        "die",
        "das",
        "et",
        "de",
        "la",
        "le",
        "les",
        "du",
        "des",
        "y",
        "e",
        "del",
        "en",
        "von",
        "zu",
    ]
)
_MAX_HEADING_WORDS = 7
_MAX_HEADING_CHARS = 50
_MAX_LOOSE_WORDS = 5
_MIN_PARAGRAPH_WORDS = 2


def is_template(text: str) -> bool:
    """Whether a line is an unrendered template: little is left of it without its placeholders."""
    rest = TEMPLATE.sub("", text)
    return rest != text and len(re.findall(r"\w", rest)) <= len(re.findall(r"\w", text)) // 3


def is_furniture(text: str) -> bool:
    """Whether a line is a page's furniture: a button, a notice, a menu entry."""
    return _FURNITURE.match(text) is not None


def is_advertisement(text: str) -> bool:
    """Whether a line announces an advertisement."""
    return _ADVERTISEMENT.match(text) is not None


def ends_dispatch(text: str) -> bool:
    """Whether no paragraph of a dispatch follows a line: a comment counter, a copyright notice."""
    return _ENDS_A_PAGE.match(text) is not None


def ends_sentence(text: str) -> bool:
    """Whether a line ends as a sentence does."""
    return bool(_TERMINAL.search(text) or _QUOTED_END.search(text))


def is_paragraph(text: str) -> bool:
    """Whether a line reads as a paragraph of a dispatch."""
    if is_furniture(text) or BYLINE.match(text) or (text[0] in "([" and text[-1] in ")]"):
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
        and not BYLINE.match(text)
        and " / " not in text
        and " | " not in text
        # In title case a line of this length with punctuation is a headline; without, it may be a menu.
        and (any(word[0].islower() for word in words) or (len(words) > 4 and not is_heading(text)))
    )


def is_heading(text: str, *, loose: bool = False) -> bool:
    """Whether a text has the shape of a section's heading: short, capitalised, without punctuation.

    `loose` lets small words follow the first: many languages write a heading as a sentence.
    """
    words = text.split()
    if not words or len(words) > _MAX_HEADING_WORDS or len(text) > _MAX_HEADING_CHARS or len(text) < 2:
        return False
    if re.search(r"[.?!:;\"“”«»‘()\[\]|·•]", text) or not text[0].isupper():
        return False
    if words[-1].lower() in _CONNECTORS or not any(letter.islower() or letter.isupper() for letter in text):
        return False
    plain = [word for word in words if word.strip(",").lower() not in _CONNECTORS]
    if loose:
        return len(words) <= _MAX_LOOSE_WORDS and words[0][0].isupper()
    return bool(plain) and all(word[0].isupper() or word.isdigit() for word in plain)


def has_inner_glue(text: str) -> bool:
    """Whether a word of the text has a capital after a small letter, as two words run together have."""
    return re.search(r"[^\W\d_A-Z][A-ZÀ-ÖØ-Þ]", text) is not None
