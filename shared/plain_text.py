"""HTML to readable text."""

import html
import re
from typing import Final

from selectolax.lexbor import LexborHTMLParser

TEXT_MAX_CHARACTERS: Final = 1_000_000
HTML_MAX_CHARACTERS: Final = 2_000_000
_FEW_TAGS: Final = 800  # of which nothing bad can be made
_DEEPEST: Final = 2_000
_MOST_REPAIRS: Final = 200_000
_UNREAD: Final = "script,style,head,title,noscript,template"
_BLOCKS: Final = (
    "address,article,aside,blockquote,center,dd,div,dl,dt,fieldset,figure,footer,form,h1,h2,h3,h4,h5,h6,header,hr,li,"
    "main,nav,ol,p,pre,section,table,tr,ul"
)
_TAG: Final = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)")
_SELF_CLOSED: Final = frozenset(
    "area base br col dd dt embed hr img input li link meta option p td th tr wbr".split()  # noqa: SIM905 - as above
)
_FORMATTING: Final = frozenset("a b big code em font i nobr s small strike strong tt u".split())  # noqa: SIM905 - as above
_MARKUP: Final = re.compile(r"<[^<>]*>")
_EDGE, _LINE_END = "\x1e", "\x1f"  # of a block: as many as there are make one line end; of a line: each makes one
_SHOWN: Final = (("\r", " "), ("\n", " "), ("\t", " "), ("\f", " "), ("\xa0", " "))  # a line end in HTML is a space


def plain_text(source: str) -> str:
    """
    Give the text that a reader would see, with a line per block, at most a million characters of it.

    Only the first two million characters of the source are looked at. HTML that is a trap for a parser only has
    its tags taken out.
    """
    source = source[:HTML_MAX_CHARACTERS]
    text = _stripped(source) if _is_trap(source) else _parsed(source)
    return _tidied(text)[:TEXT_MAX_CHARACTERS]


def _parsed(source: str) -> str:
    tree = LexborHTMLParser(source)
    if tree.body is None:
        return ""
    for node in tree.css(_UNREAD):
        node.decompose()
    for node in tree.body.css(_BLOCKS):
        node.insert_before(_EDGE)
        node.insert_after(_EDGE)
    for node in tree.body.css("br"):
        node.insert_after(_LINE_END)
    for node in tree.body.css("td,th"):
        node.insert_before(" ")
    return tree.body.text(deep=True)


def _stripped(source: str) -> str:
    return html.unescape(_MARKUP.sub(_EDGE, source))


def _tidied(text: str) -> str:
    """Collapse spaces and empty lines; with few passes over the whole, because each costs as much as parsing it."""
    for written, shown in _SHOWN:
        text = text.replace(written, shown)
    while "  " in text:
        text = text.replace("  ", " ")
    blocks = (_lines(block) for block in text.split(_EDGE))
    text = "".join(block if block.endswith("\n") else f"{block}\n" for block in blocks if block)
    while "\n\n\n" in text:
        text = text.replace("\n\n\n", "\n\n")
    return text.strip()


def _lines(block: str) -> str:
    if _LINE_END not in block:
        return block.strip(" ")
    return "\n".join(line.strip(" ") for line in block.split(_LINE_END))


def _is_trap(source: str) -> bool:
    """
    Tell whether parsing may take much more time or memory than the length promises.

    A nest costs the square of its depth. What formatting is open when its block ends is opened again in every block
    that follows, so that some kilobytes of well chosen tags become gigabytes.
    """
    if source.count("<") < _FEW_TAGS:
        return False
    depth = formats = deepest = most_formats = tags = 0
    for closing, written in _TAG.findall(source):
        name = written.lower()
        step = -1 if closing else 1
        tags += 1
        if name in _FORMATTING:
            formats = max(0, formats + step)
            most_formats = max(most_formats, formats)
        if name not in _SELF_CLOSED:
            depth = max(0, depth + step)
            deepest = max(deepest, depth)
    return deepest > _DEEPEST or most_formats * tags > _MOST_REPAIRS
