import base64
import re
from html.parser import HTMLParser

from dynascene_cli.reports.html_page import Figure, Video, Wipe, html_page

VOID = {"meta", "img", "input", "source", "br"}


class Page(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.text = [], [], ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data

    def of(self, tag):
        return [attrs for name, attrs in self.tags if name == tag]


def full_page():
    return html_page(
        "juggle <in> picos & 'more'",
        video=Video(b"mp4 bytes", b"jpeg bytes"),
        wipes=[Wipe(b"before", b"after", 'at "2.0" s')],
        figures=[Figure(b"sheet", "Matte", "The person over a checkerboard")],
        warnings=["the horizon is a guess <b>"],
        settings={"--camera": "dolly-in", "seed": 0},
        facts={"frames": 247},
    )


def test_every_tag_is_closed_and_every_picture_described():
    page = Page(full_page())
    assert page.open == []
    assert all(image["alt"] for image in page.of("img"))
    assert page.of("html") == [{"lang": "en"}]
    assert page.of("input")[0]["aria-label"].startswith("How much")


def test_nothing_is_fetched_from_elsewhere():
    text = full_page()
    sources = re.findall(r'(?:src|poster|href)="([^"]*)"', text)
    assert len(sources) == 5
    assert all(source.startswith("data:") for source in sources)
    assert "http" not in text
    assert "url(" not in text


def test_the_bytes_are_carried_whole():
    page = Page(full_page())
    video = page.of("source")[0]
    assert video["type"] == "video/mp4"
    assert base64.b64decode(video["src"].partition("base64,")[2]) == b"mp4 bytes"
    carried = [base64.b64decode(i["src"].partition("base64,")[2]) for i in page.of("img")]
    assert carried == [b"after", b"before", b"sheet"]


def test_all_text_is_escaped():
    text = full_page()
    page = Page(text)
    assert "juggle <in> picos & 'more'" in page.text
    assert "the horizon is a guess <b>" in page.text
    assert page.of("b") == []
    assert page.of("in") == []


def test_an_empty_report_says_that_nothing_is_wrong():
    page = Page(html_page("still"))
    assert "No warnings." in page.text
    assert page.of("video") == page.of("table") == page.of("figure") == []
