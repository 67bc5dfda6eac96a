"""What the tests of report.html in a headless chromium share."""

import os
import shutil
import sys

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.support.ui import WebDriverWait

SCREENSHOTS = "target/screenshots"
PATIENCE = 120  # seconds until what is waited for must have happened: it only bounds a hang


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


def wait(driver, condition, what):
    """Waits until a condition holds, and says so."""
    WebDriverWait(driver, PATIENCE, poll_frequency=0.05).until(condition, f"FAILED: {what}")
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


def wide(driver, width, height=900):
    """Makes the window so wide."""
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
