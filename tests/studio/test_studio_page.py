"""The studio's page in a real browser, headless; skipped where there is none."""

import json
import shutil
import time

import cv2
import pytest
from page_actions import click, drag, drag_last_keyframe, settle
from studio_process import Studio


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("studio")


@pytest.fixture(scope="module")
def page(folder, chromium, drawn_clip, photo):
    """A page of a studio on a drawn figure: the browser, once its first picture is there."""
    shutil.copy(drawn_clip[0], folder / "anna.mp4")
    shutil.copy(photo, folder / "beach.jpg")
    words = ("anna.mp4", "--scene", "beach.jpg", "--matte", drawn_clip[1], "--end", "0.25")
    studio = Studio(folder, *words)
    chromium.get(studio.url)
    yield chromium
    # A page that is left says so; a browser that is ended may not.
    chromium.get("about:blank")
    assert studio.process.wait(timeout=30) == 0


@pytest.mark.parametrize("width", [1280, 390])
def test_the_matte_is_painted_into_a_folder_of_fixes(page, folder, width):
    page.set_window_size(width, 900)
    settle(page)
    click(page, "input[value=alpha]")
    page.execute_script("goTo(0)")
    click(page, "#after")
    settle(page)
    click(page, "[data-tool=add]")
    fixed = folder / "anna-studio-fixes/matte.00002.png"
    for done in range(2):
        state = drag(page, "overlay", (0.1, 0.2 + 0.2 * done), (0.2, 0))
        assert state["matte"]["fixed"] == [1]
        alpha = cv2.imread(str(fixed), cv2.IMREAD_UNCHANGED)
        assert alpha.shape == (96, 128)
        assert (alpha[19 + 19 * done, 15:36] == 255).all()
        assert "--matte-fixes=anna-studio-fixes" in state["command"]
    for _ in range(2):
        click(page, "#undo")
        state = settle(page)
    assert not fixed.parent.exists()
    assert "--matte-fixes" not in state["command"]
    click(page, "input[value=frame]")
    settle(page)


def test_where_nothing_can_be_pointed_at_it_says_why(page):
    click(page, "input[value=matte]")
    settle(page)
    assert page.find_element("id", "no_clicks").text.startswith("Pointing is not possible: ")
    assert not page.find_element("css selector", "[data-tool=point-add]").is_enabled()
    assert not page.find_element("id", "warnings").is_displayed()
    click(page, "input[value=frame]")
    settle(page)


@pytest.mark.parametrize("width", [1280, 390])
def test_every_drag_changes_the_command(page, width):
    page.set_window_size(width, 900)
    state = settle(page)
    x, y = state["shot"]["feet_in_picture"][0]
    dragged = drag(page, "overlay", (x, y), (0.1, -0.03))
    assert dragged["settings"]["position"] == pytest.approx([x + 0.1, y - 0.03], abs=0.02)
    assert "--position=" in dragged["command"]

    before = dragged["shot"]
    x, y = before["feet_in_picture"][0]
    head = y - before["person_pixels"][0] / before["height"]
    dragged = drag(page, "overlay", (x, head), (0, -0.05))
    grown = dragged["shot"]["person_pixels"][0] / before["person_pixels"][0]
    assert grown == pytest.approx(
        1 + 0.05 * before["height"] / before["person_pixels"][0], abs=0.06
    )

    row = page.execute_script("return horizonRow() / state.shot.height")
    dragged = drag(page, "overlay", (0.02, row), (0, 0.04))
    assert dragged["settings"]["horizon"] == pytest.approx(row + 0.04, abs=0.02)

    dragged = drag(page, "sun", (0.6, 0.5), (0.2, 0))
    azimuth, elevation = dragged["settings"]["sun"]
    assert azimuth == pytest.approx(90, abs=5)
    assert elevation == pytest.approx(90 * (1 - 0.3 * 120 / 54), abs=6)


@pytest.mark.parametrize("width", [1280, 390])
def test_the_picture_stays_in_sight_beside_what_changes_it(page, width):
    page.set_window_size(width, 900)
    settle(page)
    top, bottom, seen = page.execute_script("""
        by('sun').scrollIntoView({block: 'end'});
        const {top, bottom} = by('frame').getBoundingClientRect();
        return [top, bottom, innerHeight]""")
    assert 0 <= top < bottom < seen
    covered = page.execute_script("""
        const {left, top, width, height} = by('sun').getBoundingClientRect();
        return document.elementFromPoint(left + width / 2, top + height / 2).id""")
    assert covered == "sun"
    page.execute_script("scrollTo(0, 0)")


def test_the_picture_follows_the_horizon_and_the_sun_before_they_are_dropped(page):
    from selenium.webdriver.common.action_chains import ActionChains

    page.set_window_size(1280, 900)
    for name, setting in (("overlay", "horizon"), ("sun", "sun")):
        before = settle(page)["settings"][setting]
        canvas = page.find_element("id", name)
        page.execute_script("arguments[0].scrollIntoView({block: 'center'})", canvas)
        wide, high = canvas.size["width"], canvas.size["height"]
        row = page.execute_script("return horizonRow() / state.shot.height")
        at = (-0.45 * wide, (row - 0.5) * high) if name == "overlay" else (10, 10)
        ActionChains(page).move_to_element_with_offset(canvas, *at).click_and_hold().move_by_offset(
            0, 20
        ).perform()
        wait_until(page, "return !sending && wanted === null")
        held = page.execute_script("return [drag?.what, state.settings]")
        assert held[0] == setting
        assert held[1][setting] != before
        ActionChains(page).release().perform()
        assert settle(page)["settings"][setting] == held[1][setting]


def test_a_change_that_is_not_answered_yet_outlasts_the_next(page):
    settle(page)
    click(page, "[data-move=static]")
    settle(page)
    shown = page.execute_script("""
        set({person_height: 1.83});
        set({camera: 'pan-left'});
        return [sending, document.querySelector('[data-move=pan-left]').ariaPressed]""")
    assert shown == [True, "true"]
    state = settle(page)
    assert state["settings"]["person_height"] == 1.83
    assert state["settings"]["camera"] == "pan-left"
    page.execute_script("set({person_height: 1.7})")
    settle(page)


def test_a_keyframe_is_dragged_into_a_file(page):
    page.set_window_size(1280, 900)
    settle(page)
    click(page, "[data-move=orbit-left]")
    assert settle(page)["settings"]["camera"] == "orbit-left"
    state = drag_last_keyframe(page, (-0.05, 0.0))
    assert "--camera anna-beach-studio-move.json" in state["command"]


def edit(page, move):
    """Begin to edit the keyframes of a preset."""
    settle(page)
    page.execute_script("move = null; showKeys()")
    click(page, f"[data-move={move}]")
    settle(page)
    click(page, "#edit")
    wait_until(page, "return !!move")


def wait_until(page, script):
    until = time.monotonic() + 300
    while not page.execute_script(script):
        assert time.monotonic() < until
        time.sleep(0.1)


@pytest.mark.parametrize("width", [1280, 390])
def test_keyframes_are_dragged_in_the_picture(page, folder, width):
    page.set_window_size(width, 900)
    edit(page, "dolly-in")
    file = folder / "anna-beach-studio-move.json"
    page.execute_script("goTo(0)")
    settle(page)
    share = "/ state.shot.width, y / state.shot.height]"
    at = page.execute_script(f"const [x, y] = keysInPicture().at(-1); return [x {share}")
    state = drag(page, "overlay", at, (-0.1, -0.1))
    first, last = json.loads(file.read_text())["keyframes"]
    assert "--camera anna-beach-studio-move.json" in state["command"]
    assert first["position"] == [0, 0, 0]
    (right, down, forwards), ahead = last["position"], last["look_at"]
    assert right < -0.005
    assert down < -0.005
    # What does not turn goes on not turning: the point that is looked at goes along.
    assert ahead[0] == pytest.approx(right, abs=1e-6)
    assert forwards == pytest.approx(0.25, abs=1e-3)

    page.execute_script("document.querySelector('#keys button:last-child').click()")
    settle(page)
    assert page.execute_script("return aims()")
    at = page.execute_script(f"const [x, y] = crossAt(); return [x {share}")
    drag(page, "overlay", at, (0.1, -0.05))
    _, last = json.loads(file.read_text())["keyframes"]
    assert last["position"] == pytest.approx([right, down, forwards], abs=1e-6)
    assert last["look_at"][0] > ahead[0] + 0.02
    assert last["look_at"][1] < ahead[1] - 0.005


def test_keyframes_are_added_moved_and_removed_by_keyboard(page, folder):
    from selenium.webdriver.common.keys import Keys

    page.set_window_size(1280, 900)
    edit(page, "truck-left")
    page.execute_script("goTo(3)")
    settle(page)
    page.find_element("id", "key_add").send_keys(Keys.ENTER)
    wait_until(page, "return move.keyframes.length === 3")
    settle(page)
    file = folder / "anna-beach-studio-move.json"
    last = page.execute_script("return state.frame_count - 1")
    times = [key["time"] for key in json.loads(file.read_text())["keyframes"]]
    assert times == pytest.approx([0, 3 / last, 1])
    page.find_elements("css selector", "#keys button")[1].send_keys(Keys.ARROW_LEFT)
    settle(page)
    times = [key["time"] for key in json.loads(file.read_text())["keyframes"]]
    assert times == pytest.approx([0, 2 / last, 1])
    up = page.find_element("id", "key_up")
    up.clear()
    up.send_keys("0.4", Keys.TAB)
    settle(page)
    moved = json.loads(file.read_text())["keyframes"][1]["position"]
    distance = page.execute_script("return unit()")
    assert moved[1] == pytest.approx(-0.4 / distance, abs=1e-6)
    page.find_elements("css selector", "#keys button")[1].send_keys(Keys.DELETE)
    settle(page)
    assert len(json.loads(file.read_text())["keyframes"]) == 2


def test_every_control_is_named_and_reached_by_keyboard(page):
    settle(page)
    nameless = page.execute_script("""
        return [...document.querySelectorAll('button, input, select, canvas')].filter((each) =>
          !(each.ariaLabel || each.textContent.trim() || each.labels?.[0]?.textContent.trim()
            || each.tabIndex < 0)).map((each) => each.outerHTML)""")
    assert nameless == []
    before = settle(page)["settings"]["position"]
    field = page.find_element("id", "feet_x")
    field.clear()
    from selenium.webdriver.common.keys import Keys

    field.send_keys("0.4", Keys.TAB)
    after = settle(page)["settings"]["position"]
    assert after[0] == 0.4
    assert after != before


def test_two_pages_show_each_others_keyframes(page):
    edit(page, "dolly-in")
    first = page.current_window_handle
    address = page.current_url
    page.switch_to.new_window("tab")
    page.get(address)
    settle(page)
    click(page, "#edit")
    wait_until(page, "return !!move")
    page.execute_script("move.keyframes[1].position[0] = 0.05; sendMove()")
    settle(page)
    page.close()
    page.switch_to.window(first)
    wait_until(page, "return move.keyframes[1].position[0] === 0.05")
    settle(page)
    assert page.execute_script("return document.documentElement.scrollWidth <= innerWidth")


def test_what_is_refused_is_told_beside_the_picture_and_a_page_may_be_loaded_anew(page):
    settle(page)
    page.execute_script("set({camera_height: -1})")
    settle(page)
    assert "camera_height is -1" in page.find_element("id", "told").text
    assert [entry["source"] for entry in page.get_log("browser")] == ["network"]
    page.refresh()
    time.sleep(4)
    settle(page)
    assert page.find_element("id", "told").text == ""
