"""What is left of HTML, whatever it was."""

from __future__ import annotations

import time
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onegrid_kit.errors import InvalidRequest
from onegrid_notify.errors import BodyEmpty
from onegrid_notify.sanitizing import MAX_BYTES, sanitized

_ALLOWED = (
    "p br hr h1 h2 h3 h4 h5 h6 blockquote span div b strong i em u s sub sup small mark ul ol li dl dt dd "
    "table caption thead tbody tfoot tr th td a img figure figcaption"
)
_OTHERS = (
    "script style iframe form input button select option textarea title svg math mi annotation-xml foreignobject "
    "template noscript xmp plaintext object embed base meta link font nobr pre frameset"
)
_ATTRIBUTES = (
    'href="https://a.example/?b=1&c=2"',
    'href="javascript:alert(1)"',
    "href='&#106;avascript:alert(1)'",
    'href="JaVaScRiPt:alert(1)"',
    'href=" java\tscript:alert(1)"',
    'href="//a.example/"',
    'href="/local"',
    'href="http://a.example/"',
    'href="data:text/html,x"',
    'src="https://a.example/a.png"',
    'src="data:image/svg+xml,x"',
    'src="x" onerror="alert(1)"',
    'onclick="alert(1)"',
    "onmouseover=alert(1)",
    'style="position:fixed"',
    'class="x"',
    'id="x"',
    'rel="opener"',
    'target="_blank"',
    'title="<script>alert(1)</script>"',
    'alt="`><img src=x onerror=alert(1)>"',
    'colspan="2"',
    'srcdoc="<script>"',
    "x=1",
    "x=2",
)
_TEXT = st.one_of(
    st.text(max_size=8),
    st.sampled_from(
        [
            "文",
            " ",
            "&lt;script&gt;",
            "&amp;",
            "&",
            "<",
            ">",
            "<!--",
            "-->",
            "<![CDATA[",
            "]]>",
            "<!doctype html>",
            "\0",
        ]
    ),
)
_TAGS = st.builds(
    lambda close, name, attributes, end: f"<{'/' * close}{' '.join([name, *attributes])}{end}",
    st.booleans(),
    st.sampled_from(f"{_ALLOWED} {_OTHERS}".split()),
    st.lists(st.sampled_from(_ATTRIBUTES), max_size=3),
    st.sampled_from([">", ">", ">", "/>", ""]),
)
HTML = st.lists(st.one_of(_TAGS, _TEXT), max_size=30).map("".join)

_KEPT = {
    "a": {"href", "title", "rel"},
    "img": {"src", "alt", "title", "width", "height"},
    "ol": {"start"},
    "th": {"colspan", "rowspan", "scope"},
    "td": {"colspan", "rowspan"},
}


class Reader(HTMLParser):
    """Reads what is left, and refuses what readers must not get."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in _ALLOWED.split()
        names = {name for name, _ in attrs}
        assert names <= _KEPT.get(tag, set())
        for name, value in attrs:
            if name in ("href", "src"):
                assert value is not None
                assert value.startswith("https:")
            if name == "rel":
                assert value == "noopener noreferrer"
        if tag == "a":
            assert "rel" in names

    def handle_comment(self, data: str) -> None:
        raise AssertionError("a comment is left")

    def handle_decl(self, decl: str) -> None:
        raise AssertionError("a declaration is left")

    def unknown_decl(self, data: str) -> None:
        raise AssertionError("a section is left")

    def handle_pi(self, data: str) -> None:
        raise AssertionError("an instruction is left")


def left(html: str) -> str | None:
    """What is left; None for what is refused."""
    try:
        return sanitized(html, "body_html")
    except InvalidRequest:
        return None


@given(HTML)
def test_nothing_that_runs_survives_and_a_second_pass_changes_nothing(html: str) -> None:
    clean = left(html)
    if clean is None:
        return
    Reader().feed(clean)
    assert sanitized(clean, "body_html") == clean


@given(HTML)
def test_what_is_refused_is_refused_for_being_empty(html: str) -> None:
    try:
        sanitized(f"<p>文</p>{html}", "body_html")
    except InvalidRequest as error:
        pytest.fail(str(error))


@pytest.mark.parametrize(
    ("html", "clean"),
    [
        ("<h2>一</h2><p>二<br>三</p>", "<h2>一</h2><p>二<br>三</p>"),
        ("<ul><li>一<li>二</ul>", "<ul><li>一</li><li>二</li></ul>"),
        (
            "<table><tr><td colspan=2>一</td></tr></table>",
            '<table><tbody><tr><td colspan="2">一</td></tr></tbody></table>',
        ),
        ("<p style='color:red' class=x id=y title=z lang=en>一</p>", "<p>一</p>"),
        ("一<script>alert(1)</script><style>p{}</style>", "一"),
        ("<p onclick='alert(1)'>一</p><!-- 二 -->", "<p>一</p>"),
        ("<form action='/x'><input value=1>一</form>", "一"),
        ("<a href='http://a.example/'>一</a>", '<a rel="noopener noreferrer">一</a>'),
        (
            "<a href='https://a.example/' target=_blank rel=opener>一</a>",
            '<a href="https://a.example/" rel="noopener noreferrer">一</a>',
        ),
        ("<img src=https://a.example/a.png alt=图>", '<img src="https://a.example/a.png" alt="图">'),
        ("一<img src=http://a.example/a.png onerror=alert(1)>", "一<img>"),
    ],
)
def test_what_readers_need_stays_and_the_rest_goes(html: str, clean: str) -> None:
    assert sanitized(html, "body_html") == clean


@pytest.mark.parametrize(
    "html",
    ["<script>x</script>", "<p> \u3000&nbsp;&#8203;</p>", "<img src=http://a.example/>", "<br><hr>", "\u2800\u3164"],
)
def test_a_text_with_nothing_to_be_seen_is_refused(html: str) -> None:
    with pytest.raises(BodyEmpty):
        sanitized(html, "body_html")


@pytest.mark.parametrize("html", ["<img src=https://a.example/a.png>", "<p>1</p>", "&lt;"])
def test_a_text_with_anything_to_be_seen_is_not(html: str) -> None:
    assert left(html)


@pytest.mark.parametrize(
    "html",
    [
        "<div>" * (MAX_BYTES // 5),
        "<ul><li>" * (MAX_BYTES // 8),
        "".join(f"<b x={number}>" for number in range(20_000)),
        "<p>" + "".join(f"<b x={number}>" for number in range(1000)) + "</p><p>文" * 10_000,
    ],
    ids=["blocks", "lists", "emphasis", "emphasis that is taken up again"],
)
def test_what_would_take_minutes_to_read_is_refused_at_once(html: str) -> None:
    began = time.process_time()
    assert left(html) is None
    assert time.process_time() - began < 2


@pytest.mark.parametrize("html", ["&" * 100_000, "<a>文</a>" * 25_000])
def test_what_grows_beyond_the_limit_when_it_is_written_out_is_refused(html: str) -> None:
    assert len(html.encode()) <= MAX_BYTES
    with pytest.raises(InvalidRequest, match="more than 262144 bytes"):
        sanitized(html, "body_html")


def test_a_long_table_and_many_paragraphs_are_no_problem() -> None:
    table = f"<table>{'<tr><td><b>文</b></td><td>字</td></tr>' * 5000}</table>"
    assert left(table)
    assert left("<p>文" * 20_000)
