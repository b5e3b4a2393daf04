"""What a person does on the studio's page, in a real browser."""

import time


def settle(page):
    """Wait until what was asked for is drawn."""
    until = time.monotonic() + 300
    drawn = "return !!state && !sending && wanted === null && !looking && !drag && "
    drawn += "document.getElementById('busy').hidden && "
    drawn += (
        "document.getElementById('frame').dataset.frame === `${state.version}/${number}/${view()}`"
    )
    while not page.execute_script(drawn):
        assert time.monotonic() < until
        time.sleep(0.1)
    return page.execute_script("return state")


def drag(page, name, start, by):
    """Drag on a canvas, from a place in fractions of it, by fractions of it."""
    from selenium.webdriver.common.action_chains import ActionChains

    canvas = page.find_element("id", name)
    page.execute_script("arguments[0].scrollIntoView({block: 'center'})", canvas)
    size = canvas.size["width"], canvas.size["height"]
    offset = [(share - 0.5) * side for share, side in zip(start, size, strict=True)]
    steps = ActionChains(page).move_to_element_with_offset(canvas, *offset).click_and_hold()
    for _ in range(4):
        steps.move_by_offset(*(share * side / 4 for share, side in zip(by, size, strict=True)))
    steps.release().perform()
    return settle(page)


def click(page, selector):
    page.execute_script("document.querySelector(arguments[0]).click()", selector)


def drag_last_keyframe(page, by):
    """Edit the move's keyframes, and drag the last one by fractions of the view from above."""
    before = settle(page)["settings"]["camera"]
    click(page, "#edit")
    until = time.monotonic() + 300
    while not page.execute_script("return !!move"):
        assert time.monotonic() < until
        time.sleep(0.1)
    at = page.execute_script(
        "const [x, y] = topScale().to(keyPosition(move.keyframes.at(-1)));"
        "return [x / topView.width, y / topView.height]"
    )
    state = drag(page, "top", at, by)
    while state["settings"]["camera"] == before:
        assert time.monotonic() < until
        time.sleep(0.2)
        state = settle(page)
    return state
