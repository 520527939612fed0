"""The two forms of a body, and what is cut out of it, as Exchange does it in outline."""

import html
import re

PREVIEW_LENGTH = 255

_BREAKS = re.compile(r"<(?:br\s*/?|/p|/div|/tr|/li|/h[1-6]|/table|/blockquote|hr\s*/?)\s*>", re.IGNORECASE)
_UNSEEN = re.compile(r"<!--.*?-->|<(script|style|title|head)\b[^>]*>.*?</\1\s*>", re.IGNORECASE | re.DOTALL)
_TAG = re.compile(r"</?[a-zA-Z!?][^>]*>")
_BLANK_LINES = re.compile(r"(?:[ \t\xa0]*\r?\n){3,}")
_SCRIPT_LIKE = re.compile(
    r"<(script|iframe|object|embed|applet)\b[^>]*>(?:.*?</\1\s*>)?"
    r"|(?<=\s)on[a-z]+\s*=\s*(?:\"[^\"]*\"|'[^']*'|[^\s>]+)"
    r"|(?:javascript|vbscript):",
    re.IGNORECASE | re.DOTALL,
)
_HEAD = '<html><head>\r\n<meta http-equiv="Content-Type" content="text/html; charset=utf-8"></head><body>\r\n'
_FOOT = "\r\n</body></html>"


def html_from_text(text: str) -> str:
    lines = html.escape(text, quote=False).replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return f'{_HEAD}<div class="PlainText">' + "<br>\r\n".join(lines) + f"</div>{_FOOT}"


def text_from_html(markup: str) -> str:
    without_unseen = _UNSEEN.sub("", markup)
    flat = re.sub(r"\s*\r?\n\s*", " ", without_unseen)
    text = html.unescape(_TAG.sub("", _BREAKS.sub("\r\n", flat)))
    return _BLANK_LINES.sub("\r\n\r\n", text).strip(" \t")


def whole_document(markup: str) -> str:
    """Return the markup as a document of its own, which Exchange makes of a fragment."""
    return markup if "<html" in markup[:2000].lower() else f"{_HEAD}{markup}{_FOOT}"


def safe_html(markup: str) -> str:
    """Return the markup without script-like parts, the form that is served unless unsafe HTML is asked for."""
    return _SCRIPT_LIKE.sub("", markup)


def preview(text: str) -> str:
    return text.strip()[:PREVIEW_LENGTH]


def unique_part(text: str) -> str:
    """Return a text without the quoted mail that it answers."""
    own = text.partition("-----Original Message-----")[0]
    return "\n".join(line for line in own.split("\n") if not line.startswith(">"))
