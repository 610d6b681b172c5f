//! The page of a sweep in a headless browser: no error, sorting and sliders work, nothing overflows on a phone.

use super::{succeeds, write};
use std::fs;
use std::path::Path;
use std::process::Command;

const CHROMIUM: &str = "/usr/bin/chromium";

/// Runs in the outer page: waits for the report inside the frame, uses it as a reader would, writes down what happened.
const DRIVER: &str = r##"
const frame = document.getElementById("frame"), log = [];
const say = (ok, what) => log.push((ok ? "ok: " : "FAILED: ") + what);
frame.addEventListener("load", () => setTimeout(() => {
  try {
    const page = frame.contentDocument, window = frame.contentWindow;
    const rows = () => [...page.querySelectorAll("#rows tr")].map((r) => [...r.children].map((c) => c.textContent));
    const heads = [...page.querySelectorAll("#head button")];
    say(!page.getElementById("interactive").hidden, "the script ran");
    say(rows().length === 12, "every point has a row");
    heads[0].click();
    const down = rows().map((r) => Number(r[0]));
    heads[0].click();
    const up = rows().map((r) => Number(r[0]));
    say(down.every((x, i) => i === 0 || down[i - 1] > x) && up.join() === [...down].reverse().join(), "a column sorts both ways");
    say(heads[0].parentElement.getAttribute("aria-sort") === "ascending", "the order is told to screen readers");
    const search = page.getElementById("search");
    search.value = "stochastic"; search.dispatchEvent(new window.Event("input"));
    say(rows().length === 6 && rows().every((r) => r.includes("stochastic")), "searching filters");
    search.value = ""; search.dispatchEvent(new window.Event("input"));
    const select = page.querySelector("#filters select");
    select.value = "1"; select.dispatchEvent(new window.Event("change"));
    say(rows().length === 6, "choosing filters");
    const figures = () => page.getElementById("moved").textContent, before = figures();
    const slider = page.querySelector("#sliders input");
    slider.value = slider.value === "0" ? "1" : "0"; slider.dispatchEvent(new window.Event("input"));
    say(figures() !== before && slider.getAttribute("aria-valuetext"), "the slider moves the figures");
    say([...page.querySelectorAll("input, select, button")].every((e) => e.labels?.length || e.textContent), "every control has a name");
    say([...page.querySelectorAll("svg[role=img]")].every((s) => s.querySelector("title").textContent), "every drawing has a name");
    const ids = [...page.querySelectorAll("[id]")].map((e) => e.id);
    say(new Set(ids).size === ids.length, "names are unique");
    say(page.documentElement.scrollWidth <= window.innerWidth, `nothing overflows at ${window.innerWidth} px`);
    say(!/https?:\/\/(?!www\.w3\.org)/.test(page.documentElement.outerHTML), "no network");
  } catch (error) { log.push("FAILED: " + error); }
  document.getElementById("result").textContent = log.join("\n");
}, 300));
frame.srcdoc = document.getElementById("report").textContent;
"##;

/// What the browser says after it has run the driver at this width: the log, and console lines of stderr.
fn drive(dir: &Path, report: &str, width: u32) -> (String, String) {
    let quoted = report.replace('&', "&amp;").replace('<', "&lt;");
    let page = format!(
        "<!DOCTYPE html><meta charset=utf-8><textarea id=report hidden>{quoted}</textarea><pre id=result>nothing</pre>\
         <iframe id=frame width={width} height=900 style=\"border:0\"></iframe><script>{DRIVER}</script>"
    );
    let path = dir.join(format!("drive-{width}.html"));
    fs::write(&path, page).unwrap();
    let output = Command::new(CHROMIUM)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
        .args(["--enable-logging=stderr", "--virtual-time-budget=4000", "--window-size=1300,1000", "--dump-dom"])
        .arg(format!("--user-data-dir={}", dir.join("profile").display()))
        .arg(format!("file://{}", path.display()))
        .output()
        .unwrap();
    let dom = String::from_utf8_lossy(&output.stdout).into_owned();
    let log = dom.split_once("<pre id=\"result\">").and_then(|(_, rest)| rest.split_once("</pre>"));
    let console = String::from_utf8_lossy(&output.stderr);
    let console: Vec<&str> = console.lines().filter(|l| l.contains("CONSOLE")).collect();
    (log.map_or(dom.clone(), |(log, _)| log.to_owned()), console.join("\n"))
}

#[test]
fn the_page_works_in_a_browser_wide_and_narrow() {
    if !Path::new(CHROMIUM).exists() {
        println!("skipped: {CHROMIUM} is not installed");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    write(dir.path());
    succeeds(dir.path(), &["sweep", "x.toml", "--out", "out"]);
    let report = fs::read_to_string(dir.path().join("out/report.html")).unwrap();
    for width in [400, 1200] {
        let (log, console) = drive(dir.path(), &report, width);
        assert!(log.starts_with("ok: ") && !log.contains("FAILED"), "{width} px:\n{log}");
        assert_eq!(log.lines().count(), 12, "{log}");
        assert_eq!(console, "", "{width} px: the console is not empty");
    }
    // The driver must see what is broken: a page without its script fails.
    let broken = report.replace("$(\"interactive\").hidden = false", "");
    assert!(drive(dir.path(), &broken, 400).0.contains("FAILED: the script ran"));
}
