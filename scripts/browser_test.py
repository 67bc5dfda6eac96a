"""Tests of report.html in a headless chromium: python scripts/browser_test.py ONE.html MANY.html LATE.html SWEEP.html

ONE is the page of a single study with diagnostics, beside its tables, MANY that of a sweep of 500 runs
without, LATE that of pipelines that start at times of their own, SWEEP that of a sweep over two widths with five
replicates, beside its tables.
"""

import csv
import os
import sys

from browser_common import SCREENSHOTS, browser, check, open_page, silent, wait, wide
from browser_look import look
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

LARGEST = 10_000_000  # bytes
FEWEST = 100  # pixels of a cloud: some hundred points have several each

# How many pixels of a canvas have the colour of its points, which is that of its title.
DRAWN = """
const c = document.querySelectorAll('#sides canvas')[arguments[0]];
const title = c.closest('.side').querySelector('h3');
const [r, g, b] = getComputedStyle(title).color.match(/\\d+/g).map(Number);
const pixels = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
let found = 0;
for (let i = 0; i < pixels.length; i += 4) {
  if (pixels[i] === r && pixels[i + 1] === g && pixels[i + 2] === b && pixels[i + 3] === 255) found++;
}
return found;
"""
PIXELS = "return document.querySelectorAll('#sides canvas')[arguments[0]].toDataURL()"
MOVE = """
const s = document.getElementById('step');
s.value = arguments[0];
s.dispatchEvent(new Event('input'));
return document.getElementById('shown-step').textContent;
"""

# Every small curve as it stands: its marker, whether the dot lies on the line, its fixed lines, and what is written.
CURVES = """
return [...document.querySelectorAll('.curve')].filter((c) => c.querySelector('svg')).map((c) => {
  const of = (selector, name) => Number(c.querySelector(selector).getAttribute(name));
  const inner = c.querySelector('svg svg');
  const [left, top] = ['x', 'y'].map((name) => Number(inner.getAttribute(name)));
  const [x, y] = [of('.dot', 'cx'), of('.dot', 'cy')];
  const corners = c.querySelector('polyline').getAttribute('points').split(' ').map((p) => p.split(',').map(Number));
  const far = Math.min(...corners.map(([a, b]) => Math.hypot(a + left - x, b + top - y)));
  const value = c.querySelector('.read strong');
  const texts = [...c.querySelectorAll('svg text')].map((t) => t.getBoundingClientRect());
  const svg = c.querySelector('svg').getBoundingClientRect();
  const apart = (a, b) => a.right <= b.left || b.right <= a.left || a.bottom <= b.top + 2 || b.bottom <= a.top + 2;
  return {
    ...c.dataset, points: corners.length, line: of('.at', 'x1'), width: of('svg', 'width'), x, y, far,
    isInside: y > top && y < top + Number(inner.getAttribute('height')),
    text: value.textContent, value: Number(value.dataset.value), row: Number(value.dataset.row),
    guides: [...c.querySelectorAll('.guide')].map((g) => Number(g.getAttribute('x1'))),
    names: [...c.querySelectorAll('svg text')].map((t) => t.textContent),
    overlaps: texts.some((a, i) => texts.some((b, j) => i < j && !apart(a, b))),
    leaves: texts.some((t) => t.left < svg.left - 1 || t.right > svg.right + 1),
  };
});
"""


def count(driver):
    return driver.execute_script("return document.querySelectorAll('#sides canvas').length")


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


def rows(folder, curve):
    """Abscissa and value of the rows that a curve is made of, of the first replicate."""
    column, place = curve["column"], curve["place"]
    over = "t" if column in ("excess", "kl_share", "mse") else "step"
    name = "error_over_t" if over == "t" else "metrics" if column.startswith("log_likelihood") else "bifurcation"
    with open(os.path.join(folder, f"{name}.csv"), newline="") as file:
        table = list(csv.DictReader(file))
    mine = [r for r in table if r["pipeline"] == curve["pipeline"] and r["replicate"] == "0"]
    mine = [r for r in mine if r[column] != "" and (not place or r["where"] == place)]
    # The error is drawn where its optimum is not known.
    mine = [r for r in mine if column != "mse" or r["optimal"] == ""]
    return over, {int(r[over]): float(r[column]) for r in mine}


def markers(driver, folder, what, fewest):
    """The slider moves the marker of every curve, and the values beside it are those of the tables."""
    last = int(driver.execute_script("return document.getElementById('step').max"))
    seen = []
    for position in [0, last // 2, last]:
        words = driver.execute_script(MOVE, position).split()
        here = {"step": int(words[1]), "t": int(words[-1])}
        curves = driver.execute_script(CURVES)
        check(len(curves) >= fewest, f"{what}: {len(curves)} curves at {here}")
        for curve in curves:
            name = f"{what}: {curve['pipeline']} {curve['column']} {curve['place']} at {here}"
            over, known = rows(folder, curve)
            least = min(abs(x - here[over]) for x in known)
            right = abs(curve["row"] - here[over]) == least and curve["row"] in known
            value = known.get(curve["row"], float("nan"))
            right = right and abs(curve["value"] - value) <= 1e-6 * abs(value)
            shown = float(curve["text"].replace("\u2212", "-"))
            right = right and abs(shown - value) <= 5.1e-4 * abs(value)
            on_line = curve["far"] < 0.2 or not curve["isInside"]
            if not (right and on_line and curve["points"] <= 400):
                check(False, f"{name}: {curve} beside {value}")
        seen.append(curves)
    for first, middle, end in zip(*seen):
        if not first["line"] < middle["line"] < end["line"]:
            check(False, f"{what}: the marker of {first} does not move")
        if not first["guides"] == middle["guides"] == end["guides"]:
            check(False, f"{what}: the fixed lines of {first} move")
    # At one step the markers of all curves over the steps stand one above the other.
    for curves in seen:
        by_step = {(round(c["line"], 3), c["width"]) for c in curves if not c["place"]}
        widths = {width for _, width in by_step}
        check(len(by_step) == len(widths), f"{what}: the marker stands at one step in every curve")
    check(True, f"{what}: markers and values at three positions")
    return seen[0]


def keyboard(driver):
    driver.execute_script(MOVE, 0)
    before = driver.execute_script(CURVES)
    slider = driver.find_element(By.ID, "step")
    slider.send_keys(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
    check(driver.execute_script("return document.getElementById('step').value") == "2", "arrow keys move the slider")
    after = driver.execute_script(CURVES)
    # A marker over the time t waits at the first of its times until sampling has come to it.
    moved = [a["line"] < b["line"] for a, b in zip(before, after) if not a["place"]]
    check(len(moved) > 0 and all(moved), "and the markers with it")
    slider.send_keys(Keys.END)
    value, last = (driver.execute_script(f"return document.getElementById('step').{k}") for k in ["value", "max"])
    check(value == last, "the end key goes to the last step")
    said = driver.execute_script("return document.getElementById('step').getAttribute('aria-valuetext')")
    check(said.startswith("step "), f"a screen reader is told the step: {said}")


def unequal(driver, what):
    """Processes of unequal length share a slider: wherever it stands, every cloud is drawn."""
    last = int(driver.execute_script("return document.getElementById('step').max"))
    lengths = driver.execute_script("return sides.map((s) => s.stops[s.stops.length - 1].step)")
    check(len(set(lengths)) > 1, f"{what}: the processes have {lengths} steps")
    for position in [0, last // 3, 2 * last // 3, last]:
        driver.execute_script(MOVE, position)
        for i in range(count(driver)):
            check(is_drawn(driver, i), f"{what}: cloud {i + 1} is drawn at position {position}")


def an_empty_canvas_is_seen(driver):
    """The check above fails where nothing, or only the contours, are drawn."""
    driver.execute_script(
        "for (const c of document.querySelectorAll('#sides canvas')) c.getContext('2d').clearRect(0, 0, c.width, c.height)"
    )
    check(not is_drawn(driver, 0), "an empty canvas is seen as one")
    driver.execute_script("for (const side of sides) side.positions.fill(65535); draw()")
    check(not is_drawn(driver, 0), "a canvas without points is seen as empty")
    driver.refresh()


def play(driver):
    driver.execute_script(MOVE, 0)
    driver.execute_script("document.getElementById('play').click()")
    step = "return Number(document.getElementById('step').value)"
    wait(driver, lambda d: d.execute_script(step) >= 3, "the animation plays")
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
    const table = document.querySelectorAll('#summary table.sortable')[arguments[0]];
    return [...table.tBodies[0].rows].map((r) => r.children[arguments[1]].dataset.value)
    """
    tables = driver.execute_script(
        "return [...document.querySelectorAll('#summary table.sortable')].map((t) => [...t.tHead.rows[0].children].map((h) => h.textContent))"
    )
    check(len(tables) == 2, "there are a table of values and one of differences")
    for table, heads in enumerate(tables):
        column = heads.index("precision")
        click = "document.querySelectorAll('#summary table.sortable')[arguments[0]].tHead.rows[0].children[arguments[1]].firstChild.click()"
        driver.execute_script(click, table, column)
        numbers = [float(v) for v in driver.execute_script(values, table, column) if v != ""]
        check(len(numbers) > 0 and numbers == sorted(numbers), f"a click on a column sorts table {table + 1}")


def settled(driver):
    """Waits until the curves have the width that there is."""
    wrong = """return [...document.querySelectorAll('.curve > svg')].some(
      (s) => Number(s.getAttribute('width')) !== s.parentNode.clientWidth)"""
    wait(driver, lambda d: not d.execute_script(wrong), "the curves have the width that there is")


def narrow(driver, what):
    for width in [1280, 420, 390]:
        wide(driver, width)
        # Curves take the new width a moment after the window has it.
        settled(driver)
        fits = lambda d: d.execute_script("return document.documentElement.scrollWidth") <= width
        wait(driver, fits, f"{what}: fits {width} pixels")
        crowded = [c for c in driver.execute_script(CURVES) if c["overlaps"] or c["leaves"]]
        check(not crowded, f"{what}: the texts of every curve are apart at {width} pixels {crowded[:1] or ''}")
    driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def main():
    one, many, late, sweep = sys.argv[1:]
    driver = browser()
    try:
        open_page(driver, one)
        silent(driver, "one study")
        clouds(driver, "one study")
        an_empty_canvas_is_seen(driver)
        play(driver)
        folder = os.path.dirname(one)
        first = markers(driver, folder, "one study", 3 + 2 * 3 + 2 * 3)
        names = {name for curve in first for name in curve["names"]}
        check({"speciation by theory", "cloning"} <= names, "one study: the fixed lines have their names")
        keyboard(driver)
        said = driver.execute_script("return document.getElementById('inside').textContent")
        check("[diagnostics]" not in said, "one study: nothing is said to be missing")
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
        said = driver.execute_script("return document.getElementById('inside').textContent")
        for key in ["cloning", "error_over_t"]:
            check(f"[diagnostics] {key} = true" in said, f"500 runs: the part says that {key} would add curves")
        rows = driver.execute_script("return document.querySelectorAll('#summary table.sortable tbody tr').length")
        check(rows >= 250, f"500 runs: {rows} lines in the summary")
        before = driver.execute_script(PIXELS, 0)
        driver.execute_script(
            "const r = document.getElementById('run'); r.value = r.options.length - 1; r.dispatchEvent(new Event('change'))"
        )
        check(driver.execute_script(PIXELS, 0) != before or is_drawn(driver, 0), "500 runs: another point can be chosen")
        themes(driver, "many")
        narrow(driver, "500 runs")
        silent(driver, "500 runs, used")

        open_page(driver, late)
        unequal(driver, "late starts")
        narrow(driver, "late starts")
        silent(driver, "late starts, used")

        look(driver, sweep)
    finally:
        driver.quit()


main()
