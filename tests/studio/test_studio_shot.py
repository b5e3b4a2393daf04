"""From a clip and a photo to a finished shot, by hand on the page of a real browser."""

import json
import shutil
import time

import pytest
from page_actions import click, drag, drag_last_keyframe, settle
from studio_process import Studio

from dynascene_cli.video import open_clip

SEEN = 0.5
"""Seconds after which what the page says of a render has changed at the latest."""


def test_a_shot_is_directed_and_rendered(tmp_path, chromium, person_clip, photo):
    shutil.copy(person_clip, tmp_path / "gym.mp4")
    shutil.copy(photo, tmp_path / "meadow.jpg")
    studio = Studio(tmp_path, "gym.mp4", "--scene", "meadow.jpg")
    page = chromium
    page.set_window_size(1280, 900)
    page.get(studio.url)
    show(page, tmp_path / "1-begun.png")

    shot = settle(page)["shot"]
    row = page.execute_script("return horizonRow() / state.shot.height")
    state = drag(page, "overlay", (0.03, row), (0, 0.03))
    assert state["settings"]["horizon"] == pytest.approx(row + 0.03, abs=0.02)
    x, y = state["shot"]["feet_in_picture"][0]
    state = drag(page, "overlay", (x, y), (0.06, 0.02))
    assert state["settings"]["position"] == pytest.approx([x + 0.06, y + 0.02], abs=0.02)
    assert state["shot"]["width"] == shot["width"]
    show(page, tmp_path / "2-placed.png")

    click(page, "[data-move=orbit-left]")
    assert settle(page)["settings"]["camera"] == "orbit-left"
    drag_last_keyframe(page, (-0.03, 0.02))
    drag_key_to_the_middle(page)
    move = json.loads((tmp_path / "gym-meadow-studio-move.json").read_text())
    assert move["keyframes"][-1]["time"] == pytest.approx(0.5, abs=0.1)
    show(page, tmp_path / "3-keyframe.png")

    click(page, "input[value=alpha]")
    settle(page)
    click(page, "[data-tool=remove]")
    state = drag(page, "overlay", (0.1, 0.05), (0.2, 0))
    assert state["matte"]["fixed"] == [page.execute_script("return number")]
    show(page, tmp_path / "4-matte.png")
    click(page, "input[value=frame]")
    state = settle(page)

    page.set_window_size(390, 844)
    said = render(page, tmp_path / "5-rendering.png")
    assert said[-1] == "done: gym-meadow-studio.mp4", said
    assert any(text.startswith(("matte", "composite")) for text in said), said
    show(page, tmp_path / "6-done.png")
    assert open_clip(tmp_path / "gym-meadow-studio.mp4").frame_count == 12
    for word in (
        "--scene-json=",
        "--position=",
        "--camera gym-meadow-studio-move.json",
        "--matte-fixes=",
    ):
        assert word in state["command"]

    page.get("about:blank")
    assert studio.process.wait(timeout=60) == 0


def drag_key_to_the_middle(page):
    """Drag the last keyframe's mark over the timeline to the middle of the clip."""
    from selenium.webdriver.common.action_chains import ActionChains

    before, until = settle(page)["version"], time.monotonic() + 300
    mark = page.find_elements("css selector", "#keys button")[-1]
    page.execute_script("arguments[0].scrollIntoView({block: 'center'})", mark)
    far = page.find_element("id", "keys").size["width"] / 2
    ActionChains(page).click_and_hold(mark).move_by_offset(-far / 2, 0).move_by_offset(
        -far / 2, 0
    ).release().perform()
    while settle(page)["version"] == before:
        assert time.monotonic() < until
        time.sleep(0.1)


def show(page, path):
    """Keep a picture of the page, once what was asked for is drawn."""
    settle(page)
    page.save_screenshot(str(path))


def render(page, path):
    """Press Render, and wait for its end: what the page said meanwhile."""
    click(page, "#render")
    page.execute_script("document.getElementById('rendering').scrollIntoView({block: 'center'})")
    said = []
    until = time.monotonic() + 600
    while not page.find_element("id", "render").is_enabled() or not said:
        assert time.monotonic() < until
        text = page.find_element("id", "rendering").text
        if text and text not in said:
            said.append(text)
            page.save_screenshot(str(path))
        time.sleep(SEEN / 5)
    said.append(page.find_element("id", "rendering").text)
    assert not page.find_element("id", "progress").is_displayed()
    return said
