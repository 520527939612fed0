"""
Mail's HTML made safe to show: no scripts, no forms, no layers over the page, and nothing loaded from other servers
unless the reader asks for it.
"""

import re
from dataclasses import dataclass
from typing import Final

ATTRIBUTES_BY_TAG: Final = {
    "*": {"align", "bgcolor", "dir", "height", "lang", "style", "title", "valign", "width"},
    "a": {"href"},
    "blockquote": {"cite"},
    "col": {"span"},
    "colgroup": {"span"},
    "font": {"color", "face", "size"},
    "hr": {"color", "noshade", "size"},
    "img": {"alt", "border", "hspace", "src", "vspace"},
    "li": {"type", "value"},
    "ol": {"reversed", "start", "type"},
    "table": {"background", "border", "bordercolor", "cellpadding", "cellspacing", "rules"},
    "td": {"abbr", "background", "colspan", "headers", "nowrap", "rowspan"},
    "th": {"abbr", "background", "colspan", "headers", "nowrap", "rowspan", "scope"},
    "tr": {"background"},
    "ul": {"type"},
}
TAGS: Final = {
    *(ATTRIBUTES_BY_TAG.keys() - {"*"}),
    *("abbr", "acronym", "address", "article", "aside", "b", "bdi", "bdo", "big", "br", "caption", "center", "cite"),
    *("code", "dd", "del", "details", "dfn", "div", "dl", "dt", "em", "figcaption", "figure", "footer", "h1", "h2"),
    *("h3", "h4", "h5", "h6", "header", "i", "ins", "kbd", "main", "mark", "nav", "p", "pre", "q", "rp", "rt", "ruby"),
    *("s", "samp", "section", "small", "span", "strike", "strong", "sub", "summary", "sup", "tbody", "tfoot"),
    *("thead", "time", "tt", "u", "var", "wbr"),
}
TAGS_DROPPED_WHOLE: Final = {
    *("applet", "audio", "button", "canvas", "embed", "frameset", "iframe", "math", "noembed", "noframes", "object"),
    *("script", "select", "style", "svg", "template", "textarea", "title", "video", "xmp"),
}
STYLES: Final = {
    *("background", "background-color", "background-image", "background-position", "background-repeat"),
    *("background-size", "border-collapse", "border-radius", "border-spacing", "box-sizing", "clear", "color"),
    *("direction", "display", "float", "height", "letter-spacing", "line-height", "list-style-type", "margin"),
    *("margin-bottom", "margin-left", "margin-right", "margin-top", "max-height", "max-width", "min-height"),
    *("min-width", "overflow-wrap", "table-layout", "text-align", "text-decoration", "text-indent", "text-transform"),
    *("unicode-bidi", "vertical-align", "white-space", "width", "word-break", "word-spacing", "word-wrap"),
}
STYLE_FAMILIES: Final = ("border", "font", "padding")
DECLARATION: Final = re.compile(r"\s*(?P<name>[a-z-]+)\s*:(?P<value>[^\\{}<>@]*)", re.IGNORECASE)
CSS_URL: Final = re.compile(r"url\(\s*['\"]?\s*(?P<url>[^'\"()]*?)\s*['\"]?\s*\)", re.IGNORECASE)
CSS_CALL: Final = re.compile(r"(?<![\w-])(?!(?:rgb|rgba|hsl|hsla|calc)\()[\w-]+\(|/\*", re.IGNORECASE)
LINK: Final = re.compile(r"(?:https?://|mailto:|tel:)", re.IGNORECASE)
REMOTE: Final = re.compile(r"(?:https?:)?//", re.IGNORECASE)
EMBEDDED: Final = re.compile(r"cid:|data:image/(?:png|gif|jpe?g|webp|bmp)[;,]", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class SafeHtml:
    html: str
    remote_images_blocked: int


def sanitise(html: str, *, remote_images: bool) -> SafeHtml:
    """
    Keep what mail needs and is harmless; count the remote images that were taken out.

    The cost can grow with the square of the input, in time and in memory: see `html_apart`.
    """
    import nh3  # noqa: PLC0415 - queue workers never need it

    judge = _AttributeJudge(remote_images=remote_images)
    cleaned = nh3.clean(
        html,
        tags=TAGS,
        clean_content_tags=TAGS_DROPPED_WHOLE,
        attributes=ATTRIBUTES_BY_TAG,
        attribute_filter=judge,
        url_schemes={"http", "https", "mailto", "tel", "cid", "data"},
        url_relative="pass_through",
        link_rel="noopener noreferrer nofollow",
        set_tag_attribute_values={"a": {"target": "_blank"}},
    )
    return SafeHtml(cleaned, judge.blocked)


class _AttributeJudge:
    """Decides on each attribute that the allow-list lets through, and counts."""

    def __init__(self, *, remote_images: bool) -> None:
        self.blocked = 0
        self._remote_images = remote_images

    def __call__(self, _tag: str, name: str, value: str) -> str | None:
        if name in {"src", "background"}:
            return self._image(value.strip())
        if name in {"href", "cite"}:
            return value if LINK.match(value.strip()) else None
        if name == "style":
            return self._style(value) or None
        return value

    def _image(self, url: str) -> str | None:
        if EMBEDDED.match(url):
            return url
        if not REMOTE.match(url):
            return None  # relative: it would mean our own server
        if not self._remote_images:
            self.blocked += 1
            return None
        return f"https:{url}" if url.startswith("//") else url

    def _style(self, style: str) -> str:
        kept = (self._declaration(each) for each in style.split(";"))
        return ";".join(each for each in kept if each)

    def _declaration(self, text: str) -> str | None:
        parts = DECLARATION.fullmatch(text)
        if parts is None or not _is_style(parts["name"].lower()):
            if REMOTE.search(text):
                self.blocked += not self._remote_images and "url(" in text.lower()
            return None
        images = [self._image(found["url"]) for found in CSS_URL.finditer(parts["value"])]
        if None in images or CSS_CALL.search(CSS_URL.sub("", parts["value"])):
            return None
        return text.strip()


def _is_style(name: str) -> bool:
    return name in STYLES or name.split("-", maxsplit=1)[0] in STYLE_FAMILIES
