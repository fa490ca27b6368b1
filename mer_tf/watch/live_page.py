"""The live page itself: HTML, style and script, served by ``mer_tf.watch.live``; nothing comes from elsewhere."""

from __future__ import annotations

import json
from collections.abc import Mapping
from html import escape


def html(facts: Mapping[str, object]) -> str:
    """The page with what it needs once.

    Args:
        facts: Of ``Live.facts``: title, notice, names.
    """
    notice = "".join(f"<p>{escape(str(text))}</p>" for text in facts["notice"])  # type: ignore[attr-defined]
    limits = "".join(f"<li>{escape(str(text))}</li>" for text in facts["limits"])  # type: ignore[attr-defined]
    data = json.dumps(facts).replace("<", "\\u003c")
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(str(facts['title']))}: mer watch</title>"
        '<link rel="stylesheet" href="/live.css"></head><body>'
        f'<script id="facts" type="application/json">{data}</script>'
        + (f'<section class="notice" aria-label="notice">{notice}</section>' if notice else "")
        + _BODY.replace("LIMITS", limits)
        + '<script src="/live.js"></script></body></html>\n'
    )


_BODY = """
<header><h1 id="source">Waiting for the first picture</h1><p id="status" role="status"></p>
<p id="banner" hidden></p></header>
<main>
<section id="left">
<figure><img id="picture" alt="the newest picture with boxes" width="640" height="480">
<figcaption id="age"></figcaption></figure>
<h2>Faces</h2><div class="wrap"><table><thead><tr><th>face</th><th id="score"></th><th>good for</th><th>micro</th>
<th>macro</th><th>eyes</th><th>why not better</th></tr></thead><tbody id="faces"></tbody></table></div>
<ul id="answers" class="words"></ul>
<div id="behaviours"><h2>Behaviours, last minute</h2><div class="row"><svg id="radar" viewBox="0 0 440 260" role="img"
aria-label="radar of the behaviours"></svg><svg id="bars" viewBox="0 0 330 190" role="img"
aria-label="shares of the behaviours"></svg></div><p id="shares" class="words"></p></div>
</section>
<section id="right"><p class="tools"><label>Seconds shown <select id="span"><option selected>60</option>
<option>120</option><option>300</option><option>900</option></select></label></p><div id="charts"></div>
<h2>Events, newest first</h2><div class="wrap"><table><thead><tr><th>apex</th><th>face</th><th>kind</th><th>length</th>
<th>where</th><th>confidence</th><th id="class"></th></tr></thead>
<tbody id="events" aria-live="polite"></tbody></table></div>
<p id="none" class="words">No event so far.</p></section>
</main>
<footer><details><summary>What this does not say</summary><ul>LIMITS</ul></details></footer>
"""

CSS = """
:root{color-scheme:light dark;--ink:#1f2933;--muted:#5b6875;--line:#dfe4ea;--soft:#f5f7fa;--paper:#fff;--blue:#1d5fa8;
--warn:#fff4e5;--micro:#c2570c;--macro:#6b4ba1}
@media (prefers-color-scheme:dark){:root{--ink:#e4e9ee;--muted:#a2aeba;--line:#3a4550;--soft:#1e262e;--paper:#13181d;
--blue:#79b0ea;--warn:#3b2c14;--micro:#e58a45;--macro:#a98ce0}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.45 system-ui,-apple-system,"Segoe UI",Roboto,Arial,
"DejaVu Sans",sans-serif}
h1{font-size:20px;margin:0}h2{font-size:16px;margin:18px 0 6px}
header,main,footer{padding:10px 18px}
header p{margin:4px 0;color:var(--muted);font-variant-numeric:tabular-nums}
.notice,#banner{background:var(--warn);border-left:5px solid #d9822b;padding:8px 16px;color:var(--ink)}
.notice p{margin:4px 0;font-size:14px}
main{display:grid;grid-template-columns:minmax(0,5fr) minmax(0,6fr);gap:24px}
@media (max-width:900px){main{grid-template-columns:minmax(0,1fr)}}
figure{margin:0}figcaption,.words{color:var(--muted);font-size:13px;font-variant-numeric:tabular-nums}
img{width:100%;height:auto;background:var(--soft);display:block}
.wrap{overflow-x:auto}
table{border-collapse:collapse;font-size:14px;font-variant-numeric:tabular-nums;width:100%}
th,td{padding:3px 8px;border-bottom:1px solid var(--line);text-align:left;vertical-align:top}
th{background:var(--soft);font-weight:600;white-space:nowrap}
tr.off td{color:var(--muted)}
.row{display:flex;flex-wrap:wrap;gap:8px}.row svg{flex:1 1 260px;max-width:420px}
svg{width:100%;height:auto;display:block}
svg text{fill:var(--ink);font-size:12px}svg .muted{fill:var(--muted);font-size:11px}
.grid{stroke:var(--line);fill:none}.line{fill:none;stroke-width:1.8;stroke-linejoin:round}
.band{fill:var(--blue);fill-opacity:.16}.mean{stroke:var(--blue);stroke-width:2.4;fill:none}
.area{fill:var(--blue);fill-opacity:.3;stroke:var(--blue);stroke-width:2}.bar{fill:var(--blue);fill-opacity:.82}
.back{fill:var(--line);fill-opacity:.5}.micro{fill:var(--micro)}.macro{fill:var(--macro)}.other{fill:var(--muted)}
.chart h3{font-size:14px;margin:10px 0 0}
footer{border-top:1px solid var(--line);color:var(--muted);font-size:13px}
.tools{margin:0;font-size:13px}
"""

SCRIPT = r"""
"use strict";
const facts = JSON.parse(document.getElementById("facts").textContent);
const at = name => document.getElementById(name);
const SVG = "http://www.w3.org/2000/svg";
const COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#8a7500", "#3a9bd8", "#7a5195", "#7f7f7f"];
let run = null, since = 0, ticks = [], events = [], now = 0, heard = 0, numbers = {}, last = null;

function make(name, attributes, text) {
  const element = document.createElementNS(SVG, name);
  for (const key in attributes) element.setAttribute(key, attributes[key]);
  if (text !== undefined) element.textContent = text;
  return element;
}
function cell(row, text) { const td = document.createElement("td"); td.textContent = text; row.append(td); }
function clock(seconds, digits) {
  const unit = Math.pow(10, digits || 0), whole = Math.round(seconds * unit);
  const s = Math.floor(whole / unit), h = Math.floor(s / 3600), m = Math.floor(s % 3600 / 60);
  const two = value => String(value).padStart(2, "0");
  const rest = digits ? "." + String(whole % unit).padStart(digits, "0") : "";
  return (h ? h + ":" + two(m) : m) + ":" + two(s % 60) + rest;
}
const shown = (value, digits) => value === null || value === undefined ? "–" : value.toFixed(digits || 0);

// ---- charts: a list of {name, top, lines: [{label, colour, points: [[t, value or null]], band}], note}

function chartList(from) {
  const rows = ticks.filter(tick => tick.t > from);
  const group = name => ({label: "", mean: true, points: rows.map(tick => [tick.t, tick[name][1]]),
                          band: rows.map(tick => [tick.t, tick[name][2], tick[name][3]])});
  const latest = rows.length ? rows[rows.length - 1] : null;
  const tracks = facts.classroom ? [] : [...new Set(rows.flatMap(tick => Object.keys(tick.faces)))].slice(-8);
  const single = index => tracks.map(track => ({
    label: String(numbers[track] || track), colour: COLOURS[((numbers[track] || 1) - 1) % COLOURS.length],
    points: rows.map(tick => [tick.t, tick.faces[track] ? tick.faces[track][index] : null])}));
  const told = (name, digits) => latest === null ? "" : latest[name][1] === null
    ? "all faces: no value, " + latest[name][0] + " of at least " + facts.least + " faces have one"
    : "all faces: " + shown(latest[name][1], digits) + " (" + shown(latest[name][2], digits) + " to " +
      shown(latest[name][3], digits) + "), n = " + latest[name][0];
  const own = index => latest === null || facts.classroom ? "" : tracks.map(track =>
    "face " + (numbers[track] || track) + ": " + shown(latest.faces[track] ? latest.faces[track][index] : null))
    .join(", ") + "; ";
  const charts = [];
  if (!facts.classroom) charts.push({name: "Motion of the strongest region, eye distances", top: 0.05, digits: 3,
    lines: single(2), note: tracks.map(track => "face " + (numbers[track] || track) + ": " +
      shown(latest && latest.faces[track] ? latest.faces[track][2] : null, 4)).join(", ")});
  const scores = [{name: "Facing the target, last 10 s, 0 to 100", top: 100, lines: [...single(1), group("facing")],
                   note: own(1) + told("facing")},
                  {name: "Facial movement, last 10 s, 0 to 100", top: 100, lines: [...single(0), group("motion")],
                   note: own(0) + told("motion")}];
  charts.push(...(facts.classroom ? scores : scores.reverse()));
  if (facts.classroom) {
    if (facts.emotion) charts.push({name: "Balance of the classes, last minute; 50 is even, or no evidence", top: 100,
                                    lines: [group("balance")], note: told("balance")});
    else {
      const rates = ["micro_rate", "macro_rate"].map((name, k) => ({label: k ? "macro" : "micro",
        colour: k ? "var(--macro)" : "var(--micro)", points: rows.map(tick => [tick.t, tick[name][1]])}));
      const most = Math.max(2, ...rates.flatMap(line => line.points.map(point => point[1] || 0)));
      charts.push({name: "Events a minute and face, last minute", top: 1.2 * most, digits: 1, lines: rates,
                   note: "micro: " + told("micro_rate", 2) + "; macro: " + told("macro_rate", 2)});
    }
    const worth = Object.keys(facts.worth).map(name => facts.behaviours[name] + " " + facts.worth[name]).join(", ");
    charts.push({name: "Group value, last minute, 0 to 100", top: 100,
      lines: [{label: "", mean: true, points: rows.map(tick => [tick.t, tick.value])}],
      note: "value: " + shown(latest ? latest.value : null) + ". Worth of a second, by convention: " + worth});
  }
  return charts;
}

function drawCharts() {
  const span = Number(at("span").value), to = Math.max(now, span), from = to - span;
  const wide = 640, high = 110, left = 40, right = 26, top = 8;
  const x = t => left + (wide - left - right) * (t - from) / span;
  const place = at("charts");
  const parts = chartList(from).map(chart => {
    const box = document.createElement("div");
    box.className = "chart";
    const title = document.createElement("h3");
    title.textContent = chart.name;
    const svg = make("svg", {viewBox: "0 0 " + wide + " " + (high + 34), role: "img", "aria-label": chart.name});
    const y = value => top + high * (1 - Math.min(Math.max(value, 0), chart.top) / chart.top);
    for (const share of [0, 0.5, 1]) {
      const level = y(share * chart.top);
      svg.append(make("line", {x1: left, x2: wide - right, y1: level, y2: level, class: "grid"}));
      svg.append(make("text", {x: left - 5, y: level + 4, "text-anchor": "end", class: "muted"},
                      (share * chart.top).toFixed(chart.digits || 0)));
    }
    const step = span / 6;
    for (let t = Math.ceil(from / step) * step; t <= to + 1e-6; t += step) {
      svg.append(make("line", {x1: x(t), x2: x(t), y1: top, y2: top + high, class: "grid"}));
      svg.append(make("text", {x: x(t), y: top + high + 15, "text-anchor": "middle", class: "muted"}, clock(t)));
    }
    for (const event of events) if (event.counts && event.apex > from && !facts.classroom)
      svg.append(make("rect", {x: x(event.onset), y: top, width: Math.max(2, x(event.offset) - x(event.onset)),
                               height: high, class: event.kind, "fill-opacity": 0.35}));
    for (const line of chart.lines) {
      const way = (run, k) => run.map(p => x(p[0]) + " " + y(p[k])).join("L");
      for (const run of runs(line.band || []))
        svg.append(make("path", {class: "band", d: "M" + way(run, 2) + "L" + way([...run].reverse(), 1) + "Z"}));
      const found = runs(line.points);
      for (const run of found) {
        const points = run.length > 1 ? run : [[run[0][0] - 1, run[0][1]], run[0]];
        const path = make("path", {d: "M" + way(points, 1), class: line.mean ? "mean" : "line"});
        if (!line.mean) path.style.stroke = line.colour;
        svg.append(path);
      }
      if (line.label && found.length) {
        const end = found[found.length - 1].slice(-1)[0];
        const text = make("text", {x: Math.min(x(end[0]) + 4, wide - 24), y: y(end[1]) + 4}, line.label);
        text.style.fill = line.colour;
        svg.append(text);
      }
    }
    const note = document.createElement("p");
    note.className = "words";
    note.textContent = chart.note;
    box.append(title, svg, note);
    return box;
  });
  place.replaceChildren(...parts);
}
function runs(points) {  // cut where there is no value, and where a second is missing
  const found = [];
  let run = [];
  for (const point of points) {
    if (run.length && (point[1] === null || point[0] - run[run.length - 1][0] > 1.6)) { found.push(run); run = []; }
    if (point[1] !== null) run.push(point);
  }
  if (run.length) found.push(run);
  return found;
}

function drawBehaviours() {
  const latest = ticks.length ? ticks[ticks.length - 1] : null;
  const radar = at("radar"), bars = at("bars"), names = Object.keys(facts.behaviours);
  radar.replaceChildren(); bars.replaceChildren();
  const shares = latest ? latest.shares : null;
  radar.toggleAttribute("hidden", !shares); bars.toggleAttribute("hidden", !shares);
  radar.style.display = bars.style.display = shares ? "" : "none";
  if (!shares) {
    at("shares").textContent = latest && facts.classroom ? "No shares: " + latest.share_faces + " of at least " +
      facts.least + " faces were measured." : "No second was measured yet.";
    return;
  }
  const spot = (k, share) => { const a = 2 * Math.PI * k / names.length - Math.PI / 2;
    return [220 + 90 * share * Math.cos(a), 130 + 90 * share * Math.sin(a)]; };
  for (const ring of [0.25, 0.5, 0.75, 1])
    radar.append(make("polygon", {points: names.map((_, k) => spot(k, ring).join(",")).join(" "), class: "grid"}));
  names.forEach((name, k) => {
    const [x, y] = spot(k, 1.13);
    const side = Math.abs(x - 220) < 8 ? "middle" : x > 220 ? "start" : "end";
    radar.append(make("text", {x: x, y: y + 4, "text-anchor": side}, facts.behaviours[name]));
    bars.append(make("text", {x: 128, y: 22 + 30 * k, "text-anchor": "end"}, facts.behaviours[name]));
    bars.append(make("rect", {x: 134, y: 8 + 30 * k, width: 140, height: 20, class: "back"}));
    bars.append(make("rect", {x: 134, y: 8 + 30 * k, width: 140 * shares[name], height: 20, class: "bar"}));
    bars.append(make("text", {x: 280, y: 22 + 30 * k}, (100 * shares[name]).toFixed(1) + " %"));
  });
  const corners = names.map((name, k) => spot(k, shares[name]).join(",")).join(" ");
  radar.append(make("polygon", {points: corners, class: "area"}));
  at("shares").textContent = "Of the visible seconds of " + latest.share_faces + " face" +
    (latest.share_faces === 1 ? "" : "s") + " in the last minute; the middle of the radar is 0 %, its rim 100 %.";
}

// A count of 0 would be an answer: where nothing can be found there is none.
function so_far(face, kind, tiers) {
  if (face[kind]) return face[kind] + " so far";
  return face.analysed && tiers.includes(face.tier) ? "none so far" : "–";
}
function drawTables(state) {
  at("faces").replaceChildren(...state.faces.map(face => {
    const row = document.createElement("tr");
    row.className = face.analysed ? "" : "off";
    const good = face.analysed ? face.tier + ", " + facts.tiers[face.tier] : "not analysed";
    for (const text of [face.number, shown(face.value), good, so_far(face, "micro", "AB"), so_far(face, "macro", "ABC"),
                        face.eyes + " px", face.reasons]) cell(row, text);
    return row;
  }));
  at("answers").replaceChildren(...state.answers.map(answer => {
    const item = document.createElement("li");
    item.textContent = "face " + answer.number + ": micro-expressions " + answer.micro + "; macro-expressions " +
      answer.macro;
    return item;
  }));
  const newest = events.slice(-50).reverse();
  at("none").hidden = newest.length > 0;
  at("events").replaceChildren(...newest.map(event => {
    const row = document.createElement("tr");
    row.className = event.counts ? "" : "off";
    for (const text of [clock(event.apex, 2), numbers[event.track] || event.track,
                        event.kind + (event.counts ? "" : ", not counted"),
                        (event.offset - event.onset).toFixed(2) + " s", event.regions.join(", "),
                        event.confidence.toFixed(2), event.class]) cell(row, text);
    return row;
  }));
}

function told(state) {
  const late = state.latency === null ? "latency not known" : "latency " + (1000 * state.latency).toFixed(0) +
    " ms (95 % below " + (1000 * state.latency_95).toFixed(0) + ")";
  const analysed = state.faces.filter(face => face.analysed).length;
  return [clock(state.time), state.fps === null ? "rate not known yet" : state.fps.toFixed(1) + " frames a second",
          analysed + " of " + state.faces.length + " faces analysed", late,
          state.dropped + " frames dropped (" + (100 * state.dropped_share).toFixed(1) + " %)"].join(" · ");
}

async function poll() {
  try {
    const answer = await fetch("/state?since=" + since);
    if (!answer.ok) throw new Error(answer.status);
    const state = await answer.json();
    if (run !== null && run !== state.run) { location.reload(); return; }
    run = state.run; since = state.sequence; now = state.time; heard = Date.now(); last = state;
    ticks = ticks.concat(state.ticks).slice(-facts.kept);
    events = events.concat(state.events).slice(-200);
    for (const face of state.faces) numbers[face.track] = face.number;
    at("source").textContent = state.source || "Waiting for the first picture";
    at("status").textContent = told(state) + (state.ended ? " · " + state.ended : "");
    at("banner").hidden = !state.banner; at("banner").textContent = state.banner;
    drawTables(state); drawCharts(); drawBehaviours();
  } catch (error) {
    at("status").textContent = heard ? "No data since " + new Date(heard).toLocaleTimeString() +
      ": the watching was ended, or is stuck." : "No data yet.";
  }
  setTimeout(poll, 500);
}
let shownPicture = null;
async function picture() {
  let wait = 100;
  try {
    const answer = await fetch("/picture");
    if (answer.status === 200) {
      const age = Number(answer.headers.get("X-Age")), url = URL.createObjectURL(await answer.blob());
      const image = at("picture");
      await new Promise(done => { image.onload = image.onerror = done; image.src = url; });
      image.width = image.naturalWidth; image.height = image.naturalHeight;
      if (shownPicture) URL.revokeObjectURL(shownPicture);
      shownPicture = url;
      const told = "This picture is " + (1000 * age).toFixed(0) + " ms old.";
      at("age").textContent = (last && last.ended ? "The last picture." : told) +
        (facts.blur ? " Faces are blurred from the moment they are found; the first second is blurred whole." : "");
    }
  } catch (error) { wait = 1000; }
  setTimeout(picture, last && last.ended ? 2000 : wait);
}
at("score").textContent = facts.number;
at("class").textContent = facts.emotion ? "class" : "";
at("span").addEventListener("change", drawCharts);
poll(); picture();
"""
