"""What a user does with the figures, the filter, the links and the tables of report.html: look(driver, page)."""

import csv
import os
import re
from urllib.parse import unquote

from browser_common import SCREENSHOTS, check, open_page, silent, wait, wide
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

# What a figure shows at the moment: of each panel its marks by their series, where they are, and the labels of its ticks.
STATE = """
const figure = drawings.find((figure) => figure.name === arguments[0]);
return figure.panels.map((panel) => ({
  marks: panel.marks.map((mark) => ({
    series: figure.series[mark.series]?.name ?? null, isShown: getComputedStyle(mark.g).display !== 'none',
    paths: mark.paths.map(({ path }) => path.getAttribute('d')),
  })),
  ticks: [...panel.group.querySelectorAll('.tx text')].map((text) => text.textContent),
}));
"""
TIP = "const tip = document.querySelector('.tip'); return tip.hidden ? null : { ...tip.dataset, text: tip.innerText }"
# The letters of a page that are smaller than so many pixels on the screen.
SMALL = """
const small = new Set();
const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walk.nextNode()) {
  const parent = walk.currentNode.parentElement;
  if (!walk.currentNode.textContent.trim() || !parent.checkVisibility() || parent.closest('script, style, noscript')) continue;
  const scale = parent.closest('svg')?.getScreenCTM().a ?? 1;
  const size = parseFloat(getComputedStyle(parent).fontSize) * scale;
  if (size < arguments[0] - 0.05) small.add(`${size.toFixed(1)}: ${walk.currentNode.textContent.slice(0, 40)}`);
}
return [...small];
"""


def number(text):
    return float(text.replace("\u2212", "-").replace(",", ""))


def figure_rows(folder, name):
    with open(os.path.join(folder, "figures", f"{name}.csv"), newline="") as file:
        return list(csv.DictReader(file))


def area(driver, name, panel):
    """What takes the pointer over a panel, in the middle of the window."""
    found = driver.find_elements(By.CSS_SELECTOR, f"figure[id='{name}'] g.p .hit")[panel]
    driver.execute_script("arguments[0].scrollIntoView({ block: 'center', inline: 'center' })", found)
    return found


def point_at(driver, name, panel, x, y):
    """Moves the pointer to a value on the whole axes of a panel."""
    rect = area(driver, name, panel)
    place = driver.execute_script(
        """
        const figure = drawings.find((figure) => figure.name === arguments[0]);
        const panel = figure.panels.filter((panel) => panel.ticks)[arguments[1]];
        const spot = { along: position(panel.x, arguments[2]), up: position(panel.y, arguments[3]) };
        const [h, v] = pixel(panel, spot);
        const scale = figure.svg.getScreenCTM().a;
        return [[(h - panel.left - panel.width / 2) * scale, (v - panel.top - panel.height / 2) * scale], [h, v]];
        """,
        name, panel, x, y,
    )
    ActionChains(driver).move_to_element_with_offset(rect, *[round(v) for v in place[0]]).perform()
    return place[1]


def tooltip(driver, folder, name, panel, title, what):
    """At three points of a panel the tooltip has the numbers of the figure's CSV."""
    rows = [r for r in figure_rows(folder, name) if r["panel"] == title and r["mark"] == "line" and r["low"]]
    rows = [r for r in rows if float(r["low"]) < float(r["high"])]
    for row in [rows[0], rows[len(rows) // 2], rows[-1]]:
        place = point_at(driver, name, panel, float(row["x"]), float(row["y"]))
        wait(driver, lambda d: d.execute_script(TIP), f"{what}: a tooltip at {row['x']} in {name}")
        tip = driver.execute_script(TIP)
        # Where points lie within a pixel of each other, another one may be as near as the one that is meant.
        same = [
            r for r in rows
            if all(abs(float(r[k]) - float(tip.get(k, "nan"))) <= 1e-6 * abs(float(r[k])) for k in ["x", "y", "low", "high"])
        ]
        check(same, f"{what}: its numbers stand in the CSV: {tip['text']!r}")
        dot = driver.execute_script("return ['cx', 'cy'].map((c) => Number(tip.dot.getAttribute(c)))")
        check(max(abs(a - b) for a, b in zip(dot, place)) < 2, f"{what}: its mark is at the pointer {dot} {place}")
        shown = driver.execute_script("return document.querySelector('.tip .value').dataset.value")
        right = abs(number(shown) - float(same[0]["y"])) <= 5.1e-5 * abs(float(same[0]["y"])) and shown in tip["text"]
        check(right, f"{what}: it reads {shown} where the CSV has {same[0]['y']}")
        ends = [number(v) for v in re.search(r"interval (\S+) to (\S+)", tip["text"]).groups()]
        right = all(abs(e - float(same[0][k])) <= 5.1e-5 * abs(float(same[0][k])) for e, k in zip(ends, ["low", "high"]))
        check(right, f"{what}: with its interval, {ends}")
        check(any(r["series"] in tip["series"] for r in same), f"{what}: and the name of its series, {tip['series']}")


def zoom(driver, folder, name, title):
    before = driver.execute_script(STATE, name)
    rect = area(driver, name, 0)
    width = rect.rect["width"]
    actions = ActionChains(driver).move_to_element_with_offset(rect, round(-width / 4), 0).click_and_hold()
    actions.move_by_offset(round(width / 4), 5).release().perform()
    wait(driver, lambda d: d.execute_script(STATE, name) != before, "zoom: a drag along x changes the figure")
    after = driver.execute_script(STATE, name)
    ticks = [[number(t) for t in panel["ticks"]] for panel in after if panel["ticks"]]
    check(ticks and all(len(t) > 1 for t in ticks), f"zoom: there are ticks {ticks}")
    check(all(24 <= t <= 51 for panel in ticks for t in panel), "zoom: they are those of the part that was dragged over")
    moved = [b["marks"][k]["paths"] != m["paths"] for b, a in zip(before, after) for k, m in enumerate(a["marks"]) if m["series"]]
    check(all(moved), "zoom: every line moves, in all panels of that axis")
    rows = [r for r in figure_rows(folder, name) if r["panel"] == title and r["mark"] == "line" and 27 < float(r["x"] or 0) < 48]
    row = rows[len(rows) // 2]
    point_at(driver, name, 0, float(row["x"]), float(row["y"]))
    wait(driver, lambda d: d.execute_script(TIP), "zoom: a tooltip in what is enlarged")
    tip = driver.execute_script(TIP)
    known = any(abs(float(r["y"]) - float(tip["y"])) <= 1e-6 * abs(float(r["y"])) for r in rows if float(r["x"]) == float(tip["x"]))
    check(known and float(tip["x"]) == float(row["x"]), "zoom: with the numbers of the CSV")
    ActionChains(driver).double_click(area(driver, name, 0)).perform()
    wait(driver, lambda d: d.execute_script(STATE, name) == before, "zoom: a double click shows the whole again, as it was")
    # The same by the buttons.
    bar = driver.find_element(By.CSS_SELECTOR, f"figure[id='{name}'] .legend")
    reset = bar.find_element(By.CSS_SELECTOR, ".reset")
    check(not reset.is_displayed(), "zoom: what is whole needs no reset")
    bar.find_element(By.CSS_SELECTOR, "[aria-label='Zoom in along x']").click()
    wait(driver, lambda d: d.execute_script(STATE, name) != before and reset.is_displayed(), "zoom: a button zooms too")
    reset.click()
    wait(driver, lambda d: d.execute_script(STATE, name) == before, "zoom: and another one resets")


def legend(driver, name):
    def shown():
        marks = [m for panel in driver.execute_script(STATE, name) for m in panel["marks"]]
        return [m["isShown"] for m in marks], [m["series"] for m in marks]

    before, series = shown()
    check(all(before), "legend: all series are shown at first")
    buttons = driver.find_elements(By.CSS_SELECTOR, f"figure[id='{name}'] .legend > button")
    names = [b.text for b in buttons]
    check(set(names) == set(series) and len(names) > 3, f"legend: an entry for each series {names}")
    driver.execute_script("arguments[0].scrollIntoView({ block: 'center' })", buttons[1])
    buttons[1].click()
    wait(driver, lambda d: buttons[1].get_attribute("aria-pressed") == "false", "legend: a click is seen")
    check(shown()[0] == [s != names[1] for s in series], f"legend: it hides {names[1]} and nothing else")
    buttons[1].click()
    wait(driver, lambda d: shown()[0] == before, "legend: another click shows it again")
    ActionChains(driver).double_click(buttons[2]).perform()
    wait(driver, lambda d: shown()[0] == [s == names[2] for s in series], "legend: a double click shows one alone")
    ActionChains(driver).double_click(buttons[2]).perform()
    wait(driver, lambda d: shown()[0] == before, "legend: another one shows all")
    ActionChains(driver).key_down(Keys.ALT).click(buttons[0]).key_up(Keys.ALT).perform()
    wait(driver, lambda d: shown()[0] == [s == names[0] for s in series], "legend: Alt and a click do the same")
    ActionChains(driver).key_down(Keys.ALT).click(buttons[0]).key_up(Keys.ALT).perform()
    wait(driver, lambda d: shown()[0] == before, "legend: and back")


def keys(driver, name):
    rect = area(driver, name, 0)
    before = driver.execute_script(STATE, name)
    driver.execute_script("arguments[0].focus()", rect)
    rect.send_keys(Keys.ARROW_RIGHT)
    wait(driver, lambda d: d.execute_script(TIP), "keys: an arrow shows a point")
    first = driver.execute_script(TIP)
    rect.send_keys(Keys.ARROW_RIGHT)
    wait(driver, lambda d: float(d.execute_script(TIP)["x"]) > float(first["x"]), "keys: the next one goes on along x")
    rect.send_keys(Keys.ARROW_DOWN)
    wait(driver, lambda d: d.execute_script(TIP)["series"] != first["series"], "keys: down goes to another series")
    rect.send_keys("+")
    wait(driver, lambda d: d.execute_script(STATE, name) != before, "keys: plus zooms")
    rect.send_keys(Keys.ESCAPE)
    wait(driver, lambda d: d.execute_script(STATE, name) == before, "keys: Escape resets")


def press(driver, title, value):
    for group in driver.find_elements(By.CSS_SELECTOR, "#filters fieldset"):
        if group.find_element(By.TAG_NAME, "legend").text == title:
            for button in group.find_elements(By.TAG_NAME, "button"):
                if button.text == value:
                    driver.execute_script("arguments[0].scrollIntoView({ block: 'center' })", button)
                    button.click()
                    return
    check(False, f"filter: there is a button {value} for {title}")


def filters(driver):
    figures = """return drawings.filter((figure) => figure.panels.some((panel) => panel.ticks)).map((figure) => figure.name)"""
    names = driver.execute_script(figures)
    before = {name: driver.execute_script(STATE, name) for name in names}
    cells = """return [...document.querySelectorAll('#summary tbody tr')].filter((row) => row.checkVisibility())
      .map((row) => [row.cells[0].textContent, row.cells[1].textContent])"""
    rows = driver.execute_script(cells)
    press(driver, "width", "32")
    wait(driver, lambda d: len(d.execute_script(cells)) < len(rows), "filter: a press hides rows of the tables")
    left = driver.execute_script(cells)
    check(left == [row for row in rows if row[1] == "32" or row[0] == "real points"],
          "filter: those of the other width, and no others")
    check(driver.find_element(By.CSS_SELECTOR, "#filters [role=status]").text == "Shown are 3 of 6 pipelines at sweep points.", "filter: it says so")
    shown = [m for panel in driver.execute_script(STATE, "log_likelihood") for m in panel["marks"] if m["isShown"]]
    check(any("width 32" in m["series"] for m in shown), "filter: curves that match stay")
    check(not any("width 16" in m["series"] for m in shown), "filter: curves that do not match are hidden")
    means = driver.execute_script(STATE, "last_step")[0]["marks"]
    was = before["last_step"][0]["marks"]
    halves = [(sum(p.count("M") for p in m["paths"]), sum(p.count("M") for p in w["paths"])) for m, w in zip(means, was)
              if m["isShown"] and m["series"] != "real points"]
    check(any(now * 2 == whole for now, whole in halves), f"filter: of dots along the key those that match stay {halves}")
    gone = [f.is_displayed() for f in driver.find_elements(By.CSS_SELECTOR, "figure[id^='clouds_width']")]
    check(gone == [False, True], "filter: of the clouds the figure of that width stays")
    options = driver.execute_script("return [...document.getElementById('run').options].filter((o) => !o.disabled).map((o) => o.text)")
    point = driver.execute_script("return document.getElementById('run').selectedOptions[0].text")
    check(options == ["width 32"] and point == "width 32", "filter: and of the animation that sweep point")
    press(driver, "pipeline", "baseline")
    titles = "return [...document.querySelectorAll('#sides .side')].filter((s) => s.checkVisibility()).map((s) => s.querySelector('h3').textContent)"
    wait(driver, lambda d: d.execute_script(titles) == ["baseline"], "filter: the cloud of one pipeline")
    check({row[0] for row in driver.execute_script(cells)} == {"baseline", "real points"}, "filter: its rows, and real points to read them by")
    driver.find_element(By.ID, "show-all").click()
    wait(driver, lambda d: d.execute_script(cells) == rows, "filter: one press shows everything")
    check(before == {name: driver.execute_script(STATE, name) for name in names}, "filter: the figures are as they were")


def pairs(driver):
    def choose(side, text):
        select = driver.find_element(By.ID, f"pair-{side}")
        driver.execute_script("arguments[0].scrollIntoView({ block: 'center' })", select)
        [option] = [o for o in select.find_elements(By.TAG_NAME, "option") if o.text == text]
        option.click()

    choose("left", "Gaussianized, width 16")
    choose("right", "baseline, width 32")
    heads = "return [...document.querySelectorAll('.compared th')].map((h) => h.textContent)"
    wait(driver, lambda d: d.execute_script(heads)[1:] == ["Gaussianized, width 16", "baseline, width 32"], "pair: two can be chosen")
    table = driver.execute_script("return [...document.querySelectorAll('.compared tbody tr')].map((r) => [...r.cells].map((c) => c.textContent))")
    summary = driver.execute_script(
        """
        const table = document.querySelector('#summary table');
        const heads = [...table.tHead.rows[0].cells].map((head) => head.textContent);
        return [...table.tBodies[0].rows].map((row) => Object.fromEntries(heads.map((h, i) => [h, row.cells[i].textContent])));
        """
    )
    [left] = [r for r in summary if r["pipeline"] == "Gaussianized" and r["width"] == "16"]
    [right] = [r for r in summary if r["pipeline"] == "baseline" and r["width"] == "32"]
    check(len(table) > 5 and all(cells == [cells[0], left[cells[0]], right[cells[0]]] for cells in table), "pair: their lines of the summary")
    pixels = "return [...document.querySelectorAll('#pair canvas')].map((c) => c.toDataURL())"
    first = driver.execute_script(pixels)
    check(len(first) == 2 and first[0] != first[1], "pair: two clouds")
    slider = driver.find_element(By.ID, "step")
    slider.send_keys(Keys.END)
    wait(driver, lambda d: all(a != b for a, b in zip(first, d.execute_script(pixels))), "pair: the slider moves both")
    tops = driver.execute_script("return [...document.querySelectorAll('#pair canvas')].map((c) => c.getBoundingClientRect().top)")
    check(abs(tops[0] - tops[1]) < 1, "pair: they stand beside each other")
    slider.send_keys(Keys.HOME)
    # A browser that loads the page again may put the lists back to what was chosen: what they say must be what is shown.
    driver.refresh()
    said = "return ['left', 'right'].map((side) => document.getElementById(`pair-${side}`).selectedOptions[0].text)"
    wait(driver, lambda d: d.execute_script("return document.readyState") == "complete", "pair: the page is loaded again")
    wait(driver, lambda d: d.execute_script(heads)[1:] == d.execute_script(said), "pair: the lists say what is shown")


def links(driver, folder):
    found = driver.execute_script("return [...document.querySelectorAll('a')].map((a) => a.getAttribute('href'))")
    within = [a[1:] for a in found if a.startswith("#")]
    check(all(driver.find_elements(By.ID, name) for name in within), "links: the page's own parts are there")
    away = [unquote(a) for a in found if not a.startswith("#")]
    missing = [a for a in away if not os.path.exists(os.path.join(folder, a))]
    check(not missing, f"links: all {len(away)} others lead to files and folders that are there {missing}")
    for end in ["svg", "png", "csv"]:
        check(f"figures/log_likelihood.{end}" in away, f"links: a figure as {end}")
    check(sum(a.startswith("runs/") for a in away) == 30, "links: every run")
    detail = driver.find_element(By.CSS_SELECTOR, "#files summary")
    driver.execute_script("arguments[0].scrollIntoView({ block: 'center' })", detail)
    detail.click()
    wait(driver, lambda d: d.find_element(By.CSS_SELECTOR, "#files td a").is_displayed(), "links: the runs unfold")
    here = driver.current_url
    driver.find_element(By.CSS_SELECTOR, "figure[id='loss'] .links a").click()
    wait(driver, lambda d: d.current_url.endswith("figures/loss.svg"), "links: a click opens the picture")
    driver.back()
    wait(driver, lambda d: d.current_url == here, "links: and back")


def axes(driver):
    labels = driver.execute_script(
        """return [...document.querySelectorAll('#sides .frame svg')].map((svg) => ['across', 'up', 'name'].map(
          (kind) => [...svg.querySelectorAll(`text.${kind}`)].map((text) => text.textContent)))"""
    )
    check(len(labels) == 3, "axes: around every cloud of the animation")
    for across, up, names in labels:
        check(len(across) > 1 and len(up) > 1, f"axes: ticks along both {across} {up}")
        rising = [[number(text) for text in ticks] for ticks in [across, up]]
        check(all(ticks == sorted(ticks) for ticks in rising), "axes: their labels are numbers that rise")
        check(names == ["x0", "x1"], "axes: both have their names")


def phone(driver):
    wide(driver, 390, 800)
    wait(driver, lambda d: d.execute_script("return innerWidth") == 390, "390 pixels: the window is that wide")
    fits = "return document.documentElement.scrollWidth <= innerWidth"
    wait(driver, lambda d: d.execute_script(fits), "390 pixels: the page does not scroll sideways")
    wait(driver, lambda d: not d.execute_script(SMALL, 14), "390 pixels: all letters have 14 pixels or more")
    check(driver.execute_script(SMALL, 14.5), "390 pixels: letters below a size are seen where there are any")
    state = """
    const scroll = document.querySelector('#summary .scroll');
    const box = scroll.closest('.box');
    return { right: getComputedStyle(scroll.parentNode, '::after').opacity, words: box.querySelector('.more').innerText,
      first: scroll.querySelector('td').getBoundingClientRect().left, second: scroll.querySelectorAll('td')[2].getBoundingClientRect().left };
    """
    wait(driver, lambda d: d.execute_script(state)["right"] == "1", "390 pixels: a shadow where the table goes on")
    first = driver.execute_script(state)
    check(first["words"] == "The table goes on to the right: scroll it.", f"390 pixels: and a sentence, {first['words']!r}")
    driver.execute_script("document.querySelector('#summary .scroll').scrollLeft = 1e6")
    wait(driver, lambda d: d.execute_script(state)["right"] == "0", "390 pixels: at the end the shadow goes")
    end = driver.execute_script(state)
    check(end["first"] == first["first"] and end["second"] < first["second"], "390 pixels: the first column stays")
    check("end of the table" in end["words"], f"390 pixels: and the sentence says that this is the end: {end['words']!r}")
    driver.execute_script("document.querySelector('#summary .scroll').scrollLeft = 0")
    svg = driver.execute_script(
        "const b = document.querySelector('figure .scroll'); return [b.scrollWidth, b.clientWidth, b.getBoundingClientRect().right]"
    )
    check(svg[0] > svg[1] and svg[2] <= 390, f"390 pixels: pictures scroll in their own boxes {svg}")


def pictures(driver):
    """Screenshots in both themes, wide and narrow."""
    os.makedirs(SCREENSHOTS, exist_ok=True)
    for theme in ["light", "dark"]:
        wanted = [{"name": "prefers-color-scheme", "value": theme}]
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": wanted})
        for width in [1280, 390]:
            wide(driver, width)
            height = driver.execute_script("return document.documentElement.scrollHeight")
            wide(driver, width, min(height, 12000))
            driver.save_screenshot(f"{SCREENSHOTS}/sweep-{theme}-{width}.png")
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def without_script(driver, page):
    driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    open_page(driver, page)
    shown = """return ['figure svg', '#summary table', '#spec pre', 'noscript p'].map(
      (part) => document.querySelector(part)?.checkVisibility() ?? false)"""
    check(driver.execute_script(shown) == [True] * 4, "without JavaScript: pictures, tables and spec are there, and a sentence says so")
    dead = driver.execute_script("return [...document.querySelectorAll('.controls, #theme')].some((e) => e.checkVisibility())")
    check(not dead, "without JavaScript: there are no buttons that do nothing")
    driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


def look(driver, page):
    folder = os.path.dirname(page)
    wide(driver, 1280, 1000)
    open_page(driver, page)
    silent(driver, "a sweep")
    tooltip(driver, folder, "log_likelihood", 0, "baseline", "tooltip")
    tooltip(driver, folder, "error_over_t", 0, "baseline, noised points", "tooltip on logarithmic axes")
    zoom(driver, folder, "log_likelihood", "baseline")
    legend(driver, "log_likelihood")
    keys(driver, "log_likelihood")
    filters(driver)
    pairs(driver)
    axes(driver)
    links(driver, folder)
    phone(driver)
    pictures(driver)
    silent(driver, "a sweep, used")
    without_script(driver, page)
