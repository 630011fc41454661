# SPDX-License-Identifier: BSD-3-Clause
#
# browser.py PAGE...: looks at pages (.html) and graphs (.svg) of plx-bench in a headless Chromium, by
# its debugging protocol over a pipe, and says what is wrong with them, a line each. Exit status 0
# nothing, 1 something.

import base64
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
import xml.dom.minidom

TIMEOUT_S = 60

# Sizes of windows: a desk, a phone.
WINDOWS = {"desk": (1280, 800), "phone": (390, 844)}

# What holds for every page, whatever its window and colours. Returns a list of complaints.
PAGE_JS = r"""
((width, height) => {
const wrong = [];
const doc = document.documentElement;
const hues = text => text.match(/[\d.]+/g).map(Number);
const luminance = text => {
	const [r, g, b] = hues(text).map(v => v / 255)
		.map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
	return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const contrast = (a, b) => {
	const [x, y] = [luminance(a), luminance(b)];
	return (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05);
};
const paper = element => {
	for (; element; element = element.parentElement) {
		const colour = getComputedStyle(element).backgroundColor;
		if (hues(colour).length === 3 || hues(colour)[3] > 0)
			return colour;
	}
	return "rgb(255, 255, 255)";
};
if (doc.scrollWidth > width)
	wrong.push(`${doc.scrollWidth} pixels wide in a window of ${width}`);
if (document.scripts.length)
	wrong.push(`${document.scripts.length} scripts`);
if (!doc.lang || document.querySelectorAll("h1").length !== 1 || !document.title)
	wrong.push("wants a language, a title and one h1");
const answer = document.querySelector(".answers li") || document.querySelector("h1");
if (answer.getBoundingClientRect().bottom + scrollY > height)
	wrong.push(`the answer is not on the first screen: ${answer.textContent}`);
const ids = [...document.querySelectorAll("[id]")].map(element => element.id);
if (new Set(ids).size !== ids.length)
	wrong.push("an id occurs twice");
for (const element of document.querySelectorAll("[aria-labelledby]"))
	for (const id of element.getAttribute("aria-labelledby").split(" "))
		if (!document.getElementById(id)?.textContent.trim())
			wrong.push(`aria-labelledby=${id} leads to nothing`);
const svgs = document.querySelectorAll("svg");
if (svgs.length < 3)
	wrong.push(`only ${svgs.length} graphs`);
for (const svg of svgs) {
	const name = svg.querySelector("title")?.textContent;
	const box = svg.getBoundingClientRect();
	if (!name || !svg.querySelector("desc")?.textContent || svg.getAttribute("role") !== "img")
		wrong.push("a graph without title, description or role");
	if (box.width < 300 || box.height < 150 || box.right > width)
		wrong.push(`${name}: ${box.width} x ${box.height} pixels`);
	const texts = [...svg.querySelectorAll("text")].map(text => [text, text.getBoundingClientRect()]);
	for (const [text, at] of texts) {
		if (at.left < box.left - 1 || at.right > box.right + 1 || at.bottom > box.bottom + 1)
			wrong.push(`${name}: "${text.textContent}" sticks out`);
		for (const [other, there] of texts)
			if (other !== text && at.left < there.right - 1 && there.left < at.right - 1 &&
			    at.top < there.bottom - 4 && there.top < at.bottom - 4)
				wrong.push(`${name}: "${text.textContent}" lies over "${other.textContent}"`);
		if (contrast(getComputedStyle(text).fill, paper(svg)) < 4.5)
			wrong.push(`${name}: "${text.textContent}" is too pale`);
	}
	for (const line of svg.querySelectorAll(".line"))
		if (contrast(getComputedStyle(line).stroke, paper(svg)) < 3)
			wrong.push(`${name}: a line is too pale`);
}
for (const table of document.querySelectorAll("table"))
	if (!table.querySelector("thead th[scope=col]") || !table.querySelector("tbody th[scope=row]"))
		wrong.push("a table without headings");
const pale = new Set();
for (const element of document.querySelectorAll("h1,h2,h3,p,th,td,dt,dd,li,figcaption,.chip,.spread,footer"))
	if (contrast(getComputedStyle(element).color, paper(element)) < 4.5)
		pale.add(`${element.tagName}.${element.className}`);
for (const kind of pale)
	wrong.push(`${kind} is too pale`);
return wrong;
})
"""

GRAPH_JS = r"""
(() => {
const box = document.documentElement.getBoundingClientRect();
return box.width > 300 && box.height > 200 && document.querySelectorAll("text").length > 5 ?
	[] : [`${box.width} x ${box.height} pixels`];
})()
"""


class Browser:
    """A Chromium of our own, with a home of its own, and one tab of it."""

    def __init__(self, home):
        to_read, self.to = os.pipe()
        self.back, to_write = os.pipe()
        command = shutil.which("chromium") or shutil.which("chromium-browser")
        self.process = subprocess.Popen(
            ["bash", "-c", f'exec "$@" 3<&{to_read} 4>&{to_write}', "-", command, "--headless",
             "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
             "--disable-background-networking", "--disable-component-update",
             "--user-data-dir=" + os.path.join(home, "profile"), "--remote-debugging-pipe"],
            env={"HOME": home, "PATH": os.environ["PATH"], "TMPDIR": home, "LC_ALL": "C.UTF-8"},
            pass_fds=(to_read, to_write), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        os.close(to_read)
        os.close(to_write)
        self.buffer = b""
        self.number = 0
        self.session = None
        self.events = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Log", "Runtime"):
            self.call(domain + ".enable")

    def message(self, end):
        while b"\0" not in self.buffer:
            if not select.select([self.back], [], [], max(0, end - time.monotonic()))[0]:
                raise RuntimeError(f"the browser is silent for {TIMEOUT_S} s")
            data = os.read(self.back, 1 << 20)
            if not data:
                raise RuntimeError("the browser has ended")
            self.buffer += data
        text, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(text)

    def call(self, method, **params):
        self.number += 1
        request = {"id": self.number, "method": method, "params": params}
        if self.session:
            request["sessionId"] = self.session
        os.write(self.to, json.dumps(request).encode() + b"\0")
        end = time.monotonic() + TIMEOUT_S
        while True:
            answer = self.message(end)
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]
            self.events.append(answer)

    def open(self, path):
        self.events.clear()
        self.call("Page.navigate", url="file://" + os.path.abspath(path))
        end = time.monotonic() + TIMEOUT_S
        while not any(event.get("method") == "Page.loadEventFired" for event in self.events):
            self.events.append(self.message(end))

    def run(self, script):
        result = self.call("Runtime.evaluate", expression=script, returnByValue=True)
        if "exceptionDetails" in result:
            raise RuntimeError(str(result["exceptionDetails"]))
        return result["result"]["value"]

    def complaints(self):
        """What was asked of the network, and what stands on the console."""
        for event in self.events:
            params = event.get("params", {})
            if event.get("method") == "Network.requestWillBeSent":
                if params.get("type") != "Document" and not params["request"]["url"].startswith("data:"):
                    yield "asks for " + params["request"]["url"]
            elif event.get("method") == "Log.entryAdded":
                yield "on the console: " + params["entry"]["text"]
            elif event.get("method") in ("Runtime.consoleAPICalled", "Runtime.exceptionThrown"):
                yield "on the console: " + json.dumps(params)[:300]

    def close(self):
        self.process.kill()
        self.process.wait()


def look_at_page(browser, path):
    papers = {}
    for colours in ("light", "dark"):
        browser.call("Emulation.setEmulatedMedia",
                     features=[{"name": "prefers-color-scheme", "value": colours}])
        for window, (width, height) in WINDOWS.items():
            browser.call("Emulation.setDeviceMetricsOverride", width=width, height=height,
                         deviceScaleFactor=1, mobile=window == "phone")
            browser.open(path)
            yield from (f"{colours}, {window}: {text}" for text in browser.run(f"{PAGE_JS}({width}, {height})"))
            yield from (f"{colours}, {window}: {text}" for text in browser.complaints())
        papers[colours] = browser.run("getComputedStyle(document.body).backgroundColor")
    if papers["light"] == papers["dark"]:
        yield f"light and dark have the same background, {papers['light']}"
    pdf = base64.b64decode(browser.call("Page.printToPDF", printBackground=False)["data"])
    if not pdf.startswith(b"%PDF") or len(pdf) < 20000:
        yield f"printed, it is a PDF of {len(pdf)} bytes"
    browser.call("Emulation.setEmulatedMedia", media="print", features=[])
    yield from (f"print: {text}" for text in browser.run(f"{PAGE_JS}({width}, {height})") if "too pale" in text)
    browser.call("Emulation.setEmulatedMedia", media="", features=[])
    with open(path, encoding="utf-8") as file:
        text = file.read()
    if "url(" in text or "@import" in text:
        yield "names another file in its style"
    if text.count("http") != text.count('xmlns="http://www.w3.org/2000/svg"'):
        yield "names an address of the network"


def look_at_graph(browser, path):
    xml.dom.minidom.parse(path)
    browser.open(path)
    yield from browser.run(GRAPH_JS)
    yield from browser.complaints()


def main(paths):
    status = 0
    home = tempfile.mkdtemp(prefix="plx-browser-")
    browser = None
    try:
        browser = Browser(home)
        for path in paths:
            look = look_at_page if path.endswith(".html") else look_at_graph
            for text in look(browser, path):
                print(f"{os.path.basename(path)}: {text}")
                status = 1
    finally:
        if browser:
            browser.close()
        shutil.rmtree(home, ignore_errors=True)
    return status


sys.exit(main(sys.argv[1:]))
