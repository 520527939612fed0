"""HTML as readable text."""

import resource
import time

import pytest

from shared.plain_text import TEXT_MAX_CHARACTERS, plain_text


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("<p>Hello <b>w</b>orld</p><p>again</p>", "Hello world\nagain"),
        ("one<br>two<div>three</div>four<b>five</b>", "one\ntwo\nthree\nfourfive"),
        ("<div><p>a</p></div><div><br></div><div>b<br></div><div>c</div>", "a\n\nb\nc"),
        ("<p>a\r\n  line&nbsp;&amp; more</p>", "a line & more"),
        ("<table><tr><td>1</td><td>2</td></tr><tr><td>3</td></tr></table>", "1 2\n3"),
        ("<ul><li>x<li>y</ul>", "x\ny"),
        ("<head><title>t</title><style>p{}</style></head><body><script>s()</script>seen</body>", "seen"),
        ("<!-- hidden -->shown<template>not</template>", "shown"),
        ("plain, without tags", "plain, without tags"),
        ("", ""),
        ("<p>1 < 2 <unclosed", "1 < 2"),
    ],
)
def test_text_reads_as_it_is_seen(source: str, text: str) -> None:
    assert plain_text(source) == text


def test_a_huge_text_is_cut() -> None:
    assert len(plain_text("<p>word</p>" * 300_000)) <= TEXT_MAX_CHARACTERS


@pytest.mark.parametrize(
    "source",
    [
        "<div>" * 400_000 + "deep",
        "".join(f"<font color={n}>" for n in range(1_500)) + "<p>x" * 20_000 + "deep",
        "<div>" + "".join(f"<font color={n}>" for n in range(1_900)) + "</div>" + "<p>x</p>" * 50_000,
        "<" * 2_000_000,
        "<!--" * 500_000,
        "<div>" * 3_000 + "<script " * 200_000,
        "&amp" * 500_000,
        " \n" * 1_000_000,
        "<a " + "x=1 " * 400_000,
    ],
    ids=[
        "nested",
        "formatting",
        "formatting that must be opened again",
        "open",
        "comments",
        "scripts",
        "entities",
        "spaces",
        "attributes",
    ],
)
def test_html_made_to_be_slow_or_large_is_read_in_time_and_in_place(source: str) -> None:
    started, held = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    plain_text(source)
    assert time.process_time() - started < 3  # a parser alone would take minutes over the first
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - held < 250_000  # and gigabytes over the third


def test_of_html_that_is_too_deep_to_parse_the_words_remain() -> None:
    assert plain_text("<div>" * 400_000 + "deep &amp; found") == ""  # beyond what is looked at
    assert plain_text("<div>" * 10_000 + "deep &amp; found") == "deep & found"
