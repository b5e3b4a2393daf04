"""``dataset review`` as a browser sees it: decisions, undo, what is refused, and its manifests."""

import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from dynascene_cli.camera.estimation.estimate import FeatureTracks
from dynascene_cli.camera.estimation.estimate_files import write_tracks
from dynascene_cli.dataset.clip_folder import write_film
from dynascene_cli.dataset.filmed.review import review_dataset
from dynascene_cli.dataset.filmed.reviews import read_reviews
from dynascene_cli.dataset.manifest import write_manifest
from dynascene_cli.dataset.synthetic.clip import SyntheticSettings, synthetic_clip
from dynascene_cli.errors import InputError
from dynascene_cli.video import open_clip, open_sink

LEFT = "\ue012"
"""The arrow key, as WebDriver calls it."""

NAMES = ("a-0000", "b-0000", "c-0000")


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """A folder as ``dataset build`` leaves it, of synthetic clips."""
    lines = []
    for number, name in enumerate(NAMES):
        clip = synthetic_clip(number, SyntheticSettings((64, 36), 3))
        folder = tmp_path / "set" / "clips" / name
        folder.mkdir(parents=True)
        with open_sink(folder / "clip.mp4", width=64, height=36,
                       frame_rate=clip.camera.frame_rate) as sink:  # fmt: skip
            for frame in clip.frames:
                sink.write(frame)
        write_film(folder / "matte.mkv", clip.alphas, clip.camera.frame_rate)
        seen = FeatureTracks(
            np.array([0, 0, 0]), np.arange(3), np.array([[5.0, 5], [6, 5], [7, 5]]), 3, 64, 36
        )
        write_tracks(folder / "tracks.npz", seen)
        lines.append({"name": name, "clip": f"clips/{name}/clip.mp4", "split": "train",
                      "motion_score": 0.5})  # fmt: skip
    write_manifest(tmp_path / "set" / "manifest.jsonl", lines)
    return tmp_path / "set"


class Browser:
    def __init__(self, address: str) -> None:
        self.url = address
        self.address, _, self.token = address.partition("?token=")

    def get(self, path: str, **headers: str) -> bytes:
        headers = {"X-Page-Token": self.token, **headers}
        request = urllib.request.Request(self.address + path, headers=headers)
        with urllib.request.urlopen(request) as answer:
            return answer.read()

    def act(self, token: str | None = None, **what: object) -> dict:
        request = urllib.request.Request(
            self.address + "act",
            data=json.dumps(what).encode(),
            headers={"X-Page-Token": self.token if token is None else token},
        )
        with urllib.request.urlopen(request) as answer:
            return json.loads(answer.read())


@pytest.fixture
def browser(built) -> Iterator[Browser]:
    addresses: list[str] = []
    thread = threading.Thread(target=review_dataset, args=(built, 0, addresses.append))
    thread.start()
    for _ in range(200):
        if addresses:
            break
        time.sleep(0.05)
    opened = Browser(addresses[0])
    yield opened
    # It may have been finished, and be on its way out.
    with suppress(urllib.error.URLError):
        opened.act(finish=True)
    thread.join(20)
    assert not thread.is_alive()


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_decisions_are_kept_in_the_manifest_and_undone(built, browser):
    assert browser.address.startswith("http://127.0.0.1:")
    state = json.loads(browser.get("state"))
    assert [clip["decision"] for clip in state["clips"]] == ["", "", ""]
    browser.act(decide="accepted", name="a-0000")
    browser.act(decide="rejected", name="b-0000")
    assert decisions(built) == {"a-0000": "accepted", "b-0000": "rejected", "c-0000": None}
    assert [line["name"] for line in lines(built / "train.jsonl")] == ["a-0000", "c-0000"]
    state = browser.act(decide="rejected", name="a-0000")
    assert state["last"] == "a-0000"
    assert browser.act(undo=True)["clips"][0]["decision"] == "accepted"
    undone = browser.act(undo=True)
    assert (undone["last"], undone["clips"][1]["decision"]) == ("b-0000", "")
    assert [line["name"] for line in lines(built / "train.jsonl")] == list(NAMES)
    assert browser.act(undo=True)["can_undo"] is False
    assert browser.act(undo=True)["last"] is None
    assert read_reviews(built).decisions == {}


def test_a_preview_shows_clip_matte_and_tracks(built, browser, tmp_path):
    (tmp_path / "preview.mp4").write_bytes(browser.get("preview/b-0000"))
    film = open_clip(tmp_path / "preview.mp4")
    assert (film.frame_count, film.width) == (3, 3 * 420)


def test_clips_are_decided_by_keys_in_a_browser(built, browser, chromium):
    chromium.get(browser.url)
    page = chromium.find_element("tag name", "body")
    wait_for(chromium, "state.clips.length === 3")
    wait_for(chromium, "byId('film').readyState === 4 && byId('film').videoWidth === 3 * 420")
    # Played over and over, though it lasts less than half a second.
    chromium.execute_script("rounds = 0; byId('film').onseeked = () => { rounds += 1; }")
    wait_for(chromium, "rounds >= 2")

    def press(keys, place, decision="not decided"):
        page.send_keys(keys)
        wait_for(chromium, f"byId('place').textContent === '{place} of 3'")
        wait_for(chromium, f"byId('decision').textContent === '{decision}'")

    press("a", 2)
    press("r", 3)
    assert decisions(built) == {"a-0000": "accepted", "b-0000": "rejected", "c-0000": None}
    assert [line["name"] for line in lines(built / "train.jsonl")] == ["a-0000", "c-0000"]
    press("u", 2)
    press("u", 1)
    # Faster than the answers: each key means the clip that is shown when it is its turn.
    press("raa", 3, "accepted")
    assert set(decisions(built).values()) == {"rejected", "accepted"}
    assert decisions(built)["a-0000"] == "rejected"
    press("u", 3)
    press(LEFT, 2, "accepted")
    press("r", 3)
    assert decisions(built) == {"a-0000": "rejected", "b-0000": "rejected", "c-0000": None}
    assert [line["name"] for line in lines(built / "train.jsonl")] == ["c-0000"]
    asked = chromium.execute_script(
        "return performance.getEntriesByType('resource').map((entry) => entry.name)"
    )
    assert all(address.startswith(browser.address) for address in asked)
    chromium.find_element("id", "finish").click()
    wait_for(chromium, "document.querySelector('main').textContent.startsWith('Finished')")
    chromium.get("about:blank")


def wait_for(chromium, condition: str) -> None:
    until = time.monotonic() + 60
    while not chromium.execute_script(f"return {condition}"):
        assert time.monotonic() < until, condition
        time.sleep(0.05)


def decisions(built: Path) -> dict[str, str | None]:
    return {line["name"]: line.get("review") for line in lines(built / "manifest.jsonl")}


def test_what_others_ask_is_refused(built, browser):
    before = (built / "manifest.jsonl").read_bytes()
    for code, ask in (
        (403, lambda: browser.act(token="guess", decide="rejected", name="a-0000")),
        (403, lambda: browser.get("state", Host="evil.example")),
        (403, lambda: browser.get("state", Origin="http://evil.example")),
        (403, lambda: browser.get("", **{"X-Page-Token": "guess"})),
        (422, lambda: browser.get("preview/../../manifest.jsonl")),
        (404, lambda: browser.get("manifest.jsonl")),
        (422, lambda: browser.act(decide="rejected", name="nobody")),
        (422, lambda: browser.act(decide="perhaps", name="a-0000")),
    ):
        with pytest.raises(urllib.error.HTTPError) as refused:
            ask()
        assert refused.value.code == code
    assert (built / "manifest.jsonl").read_bytes() == before
    page = browser.get("").decode()
    assert "http" not in page and "//" not in page.replace("</", "")


def test_what_is_no_data_set_is_told(dynascene, tmp_path, built):
    run = dynascene("dataset", "review", tmp_path)
    assert run.code == 1
    assert "is no data set" in run.err
    (built / "reviews.json").write_text('{"decisions": {"a-0000": "perhaps"}, "history": []}')
    with pytest.raises(InputError, match="damaged"):
        read_reviews(built)
