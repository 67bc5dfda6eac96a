"""Tests of report.html in a headless chromium: python scripts/browser_test.py ONE.html MANY.html

ONE is the page of a single study, MANY that of a sweep of 500 runs.
"""

import os
import shutil
import sys
import time

from selenium import webdriver
from selenium.webdriver.chrome.service import Service

SCREENSHOTS = "target/screenshots"
PATIENCE = 120  # seconds until an animation that plays must have moved: it only bounds a hang
LARGEST = 10_000_000  # bytes
FEWEST = 100  # pixels of a cloud: some hundred points have several each

# How many pixels of a canvas have the colour of its points, which is that of its title.
DRAWN = """
const c = document.querySelectorAll('#clouds canvas')[arguments[0]];
const title = c.parentNode.querySelector('h3');
const [r, g, b] = getComputedStyle(title).color.match(/\\d+/g).map(Number);
const pixels = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
let found = 0;
for (let i = 0; i < pixels.length; i += 4) {
  if (pixels[i] === r && pixels[i + 1] === g && pixels[i + 2] === b && pixels[i + 3] === 255) found++;
}
return found;
"""
PIXELS = "return document.querySelectorAll('#clouds canvas')[arguments[0]].toDataURL()"
MOVE = """
const s = document.getElementById('step');
s.value = arguments[0];
s.dispatchEvent(new Event('input'));
return document.getElementById('shown-step').textContent;
"""


def browser():
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium")
    for argument in ["--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1280,1000"]:
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
    # No network at all: the page must bring everything with it.
    driver.execute_cdp_cmd("Network.enable", {})
    driver.execute_cdp_cmd(
        "Network.emulateNetworkConditions",
        {"offline": True, "latency": 0, "downloadThroughput": 0, "uploadThroughput": 0},
    )
    return driver


def check(holds, what):
    if not holds:
        sys.exit(f"FAILED: {what}")
    print(f"ok: {what}")


def open_page(driver, path):
    driver.get("file://" + os.path.abspath(path))
    entry = driver.execute_script(
        "const [n] = performance.getEntriesByType('navigation'); return n.loadEventEnd - n.startTime"
    )
    return entry


def silent(driver, what):
    # Reading the canvases back is what this test does, not the page.
    messages = [m for m in driver.get_log("browser") if "readback operations" not in m["message"]]
    check(not messages, f"{what}: nothing on the console {messages or ''}")
    asked = driver.execute_script("return performance.getEntriesByType('resource').map((r) => r.name)")
    asked = [name for name in asked if not name.startswith("data:")]
    check(not asked, f"{what}: nothing is fetched {asked or ''}")


def count(driver):
    return driver.execute_script("return document.querySelectorAll('#clouds canvas').length")


def is_drawn(driver, canvas):
    return driver.execute_script(DRAWN, canvas) > FEWEST


def clouds(driver, what):
    canvases = range(count(driver))
    check(len(canvases) >= 2, f"{what}: baseline and Gaussianized stand side by side")
    check(driver.execute_script(MOVE, 0).startswith("step 0 of"), f"{what}: the slider says where it is")
    check(all(is_drawn(driver, i) for i in canvases), f"{what}: no canvas is empty at the first step")
    first = [driver.execute_script(PIXELS, i) for i in canvases]
    last_step = driver.execute_script("return document.getElementById('step').max")
    driver.execute_script(MOVE, last_step)
    check(all(is_drawn(driver, i) for i in canvases), f"{what}: no canvas is empty at the last step")
    last = [driver.execute_script(PIXELS, i) for i in canvases]
    check(all(a != b for a, b in zip(first, last)), f"{what}: the slider moves every cloud")
    driver.execute_script(MOVE, 0)
    again = [driver.execute_script(PIXELS, i) for i in canvases]
    check(first == again, f"{what}: and moves them back")


def an_empty_canvas_is_seen(driver):
    """The check above fails where nothing, or only the contours, are drawn."""
    driver.execute_script(
        "for (const c of document.querySelectorAll('#clouds canvas')) c.getContext('2d').clearRect(0, 0, c.width, c.height)"
    )
    check(not is_drawn(driver, 0), "an empty canvas is seen as one")
    driver.execute_script("for (const side of sides) side.positions.fill(65535); draw()")
    check(not is_drawn(driver, 0), "a canvas without points is seen as empty")
    driver.refresh()


def play(driver):
    driver.execute_script(MOVE, 0)
    driver.execute_script("document.getElementById('play').click()")
    deadline = time.time() + PATIENCE
    while time.time() < deadline:
        if int(driver.execute_script("return document.getElementById('step').value")) >= 3:
            break
        time.sleep(0.05)
    moved = int(driver.execute_script("return document.getElementById('step').value"))
    check(moved >= 3, "the animation plays")
    driver.execute_script("document.getElementById('play').click()")


def themes(driver, name):
    back = "return getComputedStyle(document.documentElement).backgroundColor"
    seen = {}
    for wanted in ["light", "dark"]:
        driver.execute_cdp_cmd(
            "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": wanted}]}
        )
        seen[wanted] = driver.execute_script(back)
        screenshot(driver, f"{name}-{wanted}")
    check(seen["light"] != seen["dark"], f"{name}: light and dark as the system says")
    before = driver.execute_script(PIXELS, 0)
    driver.execute_script("document.getElementById('theme').click()")
    check(driver.execute_script(back) == seen["light"], f"{name}: the button turns dark into light")
    check(driver.execute_script(PIXELS, 0) != before, f"{name}: the clouds follow")
    driver.execute_script("delete document.documentElement.dataset.theme")
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def screenshot(driver, name):
    os.makedirs(SCREENSHOTS, exist_ok=True)
    height = driver.execute_script("return document.documentElement.scrollHeight")
    driver.set_window_size(1280, min(height + 120, 9000))
    driver.save_screenshot(f"{SCREENSHOTS}/{name}.png")
    driver.set_window_size(1280, 1000)


def sorting(driver):
    values = """
    const table = document.querySelectorAll('table.sortable')[arguments[0]];
    return [...table.tBodies[0].rows].map((r) => r.children[arguments[1]].dataset.value)
    """
    tables = driver.execute_script(
        "return [...document.querySelectorAll('table.sortable')].map((t) => [...t.tHead.rows[0].children].map((h) => h.textContent))"
    )
    check(len(tables) == 2, "there are a table of values and one of differences")
    for table, heads in enumerate(tables):
        column = heads.index("precision")
        click = "document.querySelectorAll('table.sortable')[arguments[0]].tHead.rows[0].children[arguments[1]].firstChild.click()"
        driver.execute_script(click, table, column)
        numbers = [float(v) for v in driver.execute_script(values, table, column) if v != ""]
        check(len(numbers) > 0 and numbers == sorted(numbers), f"a click on a column sorts table {table + 1}")


def narrow(driver, what):
    for width in [1280, 420]:
        driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False},
        )
        wide = driver.execute_script("return document.documentElement.scrollWidth")
        check(wide <= width, f"{what}: fits {width} pixels ({wide})")
    driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def main():
    one, many = sys.argv[1:]
    driver = browser()
    try:
        open_page(driver, one)
        silent(driver, "one study")
        clouds(driver, "one study")
        an_empty_canvas_is_seen(driver)
        play(driver)
        themes(driver, "one")
        narrow(driver, "one study")
        sorting(driver)
        silent(driver, "one study, used")

        size = os.path.getsize(many)
        check(size < LARGEST, f"500 runs: {size / 1e6:.1f} MB")
        fastest = min(open_page(driver, many) for _ in range(3))
        check(fastest > 0, f"500 runs: loaded, in {fastest:.0f} ms here")
        silent(driver, "500 runs")
        clouds(driver, "500 runs")
        rows = driver.execute_script("return document.querySelectorAll('table.sortable tbody tr').length")
        check(rows >= 250, f"500 runs: {rows} lines in the summary")
        before = driver.execute_script(PIXELS, 0)
        driver.execute_script(
            "const r = document.getElementById('run'); r.value = r.options.length - 1; r.dispatchEvent(new Event('change'))"
        )
        check(driver.execute_script(PIXELS, 0) != before or is_drawn(driver, 0), "500 runs: another point can be chosen")
        themes(driver, "many")
        narrow(driver, "500 runs")
        silent(driver, "500 runs, used")
    finally:
        driver.quit()


main()
