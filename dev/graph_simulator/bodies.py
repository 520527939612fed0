"""The two forms of a body, and what is cut out of it, as Exchange does it in outline."""

import html
import re

PREVIEW_LENGTH = 255

_BREAKS = re.compile(r"<(?:br\s*/?|/p|/div|/tr|/li|/h[1-6]|/table|/blockquote|hr\s*/?)\s*>", re.IGNORECASE)
_UNSEEN = re.compile(r"<(?:!--.*?--|(script|style|title|head)\b[^>]*>.*?</\1\s*)>", re.IGNORECASE | re.DOTALL)
_TAG = re.compile(r"</?[a-zA-Z!?][^>]*>")
_ACTIVE_NAMES = ("script", "iframe", "object", "embed", "applet")
_ACTIVE = re.compile(rf"<({'|'.join(_ACTIVE_NAMES)})\b[^>]*>(?:.*?</\1\s*>)?", re.IGNORECASE | re.DOTALL)
_EVENT = re.compile(r"(?<=\s)on[a-z]{3,}\s*=\s*(?:\"[^\"]*\"|'[^']*'|[^\s>]+)", re.IGNORECASE)
_EVENT_TRACE = re.compile(r"on[a-z]{3,}\s*=")  # starts with letters, so that the search is fast
_SCRIPT_URL = re.compile(r"(?:javascript|vbscript):", re.IGNORECASE)
_HEAD = '<html><head>\r\n<meta http-equiv="Content-Type" content="text/html; charset=utf-8"></head><body>\r\n'
_FOOT = "\r\n</body></html>"


def html_from_text(text: str) -> str:
    lines = html.escape(text, quote=False).replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return f'{_HEAD}<div class="PlainText">' + "<br>\r\n".join(lines) + f"</div>{_FOOT}"


def text_from_html(markup: str) -> str:
    flat = " ".join(line.strip() for line in _UNSEEN.sub("", markup).splitlines())
    text = html.unescape(_TAG.sub("", _BREAKS.sub("\n", flat)))
    lines: list[str] = []
    for line in text.split("\n"):
        if line.strip() or (lines and lines[-1]):  # no more than one empty line in a row
            lines.append(line.strip())
    return "\r\n".join(lines)


def whole_document(markup: str) -> str:
    """Return the markup as a document of its own, which Exchange makes of a fragment."""
    return markup if "<html" in markup[:2000].lower() else f"{_HEAD}{markup}{_FOOT}"


def safe_html(markup: str) -> str:
    """Return the markup without script-like parts, the form that is served unless unsafe HTML is asked for."""
    lowered = markup.lower()  # searching it first is many times faster than replacing nothing
    if any(f"<{name}" in lowered for name in _ACTIVE_NAMES):
        markup = _ACTIVE.sub("", markup)
    if _EVENT_TRACE.search(lowered):
        markup = _EVENT.sub("", markup)
    return _SCRIPT_URL.sub("", markup) if "script:" in lowered else markup


def preview(text: str) -> str:
    return text.strip()[:PREVIEW_LENGTH]


def unique_part(text: str) -> str:
    """Return a text without the quoted mail that it answers."""
    own = text.partition("-----Original Message-----")[0]
    return "\n".join(line for line in own.split("\n") if not line.startswith(">"))
