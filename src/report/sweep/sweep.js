"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const $ = (id) => document.getElementById(id);
  const three = (x) => x == null ? "–" : x === 0 ? "0" : Math.abs(x) >= 1000 ? x.toFixed(0) : Number(x.toPrecision(3)).toString();
  const minus = (t) => t.replace("-", "−");
  const percent = (x) => x == null ? "–" : minus((100 * x).toFixed(1));
  const label = (p, a) => data.axes[a].choices.length ? data.axes[a].choices[p.c[a]] : p.c[a];
  const points = data.points.map((row) => ({ i: row[0], c: row[1], acc: row[2], half: row[3], base: row[4], costs: row[5], rung: row[6] }));
  const element = (tag, text, attributes) => {
    const e = document.createElement(tag);
    if (text != null) e.textContent = text;
    for (const key in attributes || {}) e.setAttribute(key, attributes[key]);
    return e;
  };

  // The table: a row a point, on one board at a time.
  const cost = (k) => (p) => p.costs[board] ? p.costs[board][k] : null;
  let board = 0, sorted = 2, down = true, most = 100;
  const columns = [
    { name: "point", get: (p) => p.i, show: (x) => x },
    ...data.axes.map((axis, a) => ({ name: axis.name, get: (p) => axis.choices.length ? p.c[a] : Number(p.c[a]), show: (x, p) => label(p, a), words: true })),
    { name: "accuracy %", get: (p) => p.acc, show: (x, p) => percent(x) + (p.half == null ? "" : " ± " + percent(p.half)) },
    { name: "minus float", get: (p) => p.base, show: (x) => percent(x) },
    { name: "step ms", get: cost(0), show: three }, { name: "step µJ", get: cost(1), show: three },
    { name: "image ms", get: cost(2), show: three }, { name: "image µJ", get: cost(3), show: three },
    { name: "stream J", get: cost(4), show: three }, { name: "RAM KiB", get: cost(5), show: three },
    { name: "flash KiB", get: cost(6), show: three }, { name: "fits", get: cost(7), show: (x) => x == null ? "–" : x ? "yes" : "no" },
  ];
  sorted = data.axes.length + 1;
  const heads = columns.map((column, k) => {
    const th = element("th", null, { scope: "col" });
    const button = element("button", column.name, { type: "button" });
    button.addEventListener("click", () => {
      down = sorted === k ? !down : !column.words;
      sorted = k;
      table();
    });
    th.append(button);
    $("head").append(th);
    return th;
  });
  const option = (select, value, text) => select.append(element("option", text, { value }));
  data.boards.forEach((b, k) => option($("board"), k, b));
  const choosers = data.axes.map((axis, a) => {
    if (!axis.choices.length) return null;
    const box = element("label", axis.name + " ");
    const select = element("select");
    option(select, "", "all");
    axis.choices.forEach((c, k) => option(select, k, c));
    select.addEventListener("change", table);
    box.append(select);
    $("filters").append(box);
    return select;
  });
  function table() {
    const words = $("search").value.toLowerCase().split(/\s+/).filter(Boolean);
    const wanted = points.filter((p) => {
      if (choosers.some((s, a) => s && s.value !== "" && p.c[a] !== Number(s.value))) return false;
      if ($("fits").checked && !(p.costs[board] && p.costs[board][7])) return false;
      const text = data.axes.map((_, a) => label(p, a)).join(" ").toLowerCase();
      return words.every((w) => text.includes(w));
    });
    const get = columns[sorted].get;
    wanted.sort((a, b) => {
      const x = get(a), y = get(b);
      if (x == null || y == null) return (x == null) - (y == null) || a.i - b.i;
      return (x < y ? -1 : x > y ? 1 : 0) * (down ? -1 : 1) || a.i - b.i;
    });
    heads.forEach((th, k) => k === sorted ? th.setAttribute("aria-sort", down ? "descending" : "ascending") : th.removeAttribute("aria-sort"));
    const front = new Set(data.frontiers[board] || []);
    const rows = document.createDocumentFragment();
    for (const p of wanted.slice(0, most)) {
      const tr = element("tr", null, front.has(p.i) ? { class: "front" } : {});
      columns.forEach((column, k) => tr.append(element(k ? "td" : "th", column.show(column.get(p), p), k ? {} : { scope: "row" })));
      rows.append(tr);
    }
    $("rows").replaceChildren(rows);
    $("count").textContent = `${wanted.length} of ${points.length} points` + (wanted.length > most ? `, the first ${most} shown` : "");
    $("more").hidden = wanted.length <= most;
  }
  $("board").addEventListener("change", () => { board = Number($("board").value); table(); });
  $("search").addEventListener("input", table);
  $("fits").addEventListener("change", table);
  $("more").addEventListener("click", () => { most += 500; table(); });

  // The sliders: one an axis with listed choices; they pick a point, and say what it changes against the chosen one.
  const sliders = data.axes.map((axis, a) => ({ axis, a })).filter(({ axis }) => axis.choices.length > 1);
  const byChoice = new Map(points.filter((p) => !p.rung).map((p) => [JSON.stringify(p.c), p]));
  const start = points.find((p) => p.i === data.start) || points[0];
  const state = start.c.slice();
  for (const s of sliders) {
    const id = "slider-" + s.a;
    const row = element("div", null, { class: "slider" });
    row.append(element("label", s.axis.name, { for: id }));
    s.input = element("input", null, { type: "range", id, min: 0, max: s.axis.choices.length - 1, step: 1 });
    s.input.value = state[s.a];
    s.output = element("output", null, { for: id });
    s.input.addEventListener("input", () => { state[s.a] = Number(s.input.value); move(); });
    row.append(s.input, s.output);
    $("sliders").append(row);
  }
  const change = (now, then, digits) => {
    if (now == null || then == null) return "";
    const d = now - then;
    return d === 0 ? "±0" : minus((d > 0 ? "+" : "") + (digits == null ? three(d) : d.toFixed(digits)));
  };
  function move() {
    for (const s of sliders) {
      s.output.textContent = s.axis.choices[state[s.a]];
      s.input.setAttribute("aria-valuetext", s.axis.choices[state[s.a]]);
    }
    const p = byChoice.get(JSON.stringify(state));
    const rows = document.createDocumentFragment();
    const add = (name, values) => {
      const tr = element("tr");
      tr.append(element("th", name, { scope: "row" }));
      values.forEach(([now, then, digits, scale]) => {
        const td = element("td", p ? (digits == null ? three(now) : now == null ? "–" : minus((now * scale).toFixed(digits))) : "–");
        const d = p ? change(now == null ? null : now * (scale || 1), then == null ? null : then * (scale || 1), digits) : "";
        if (d) td.append(element("span", " " + d, { class: "change" }));
        tr.append(td);
      });
      rows.append(tr);
    };
    const all = (k) => data.boards.map((_, b) => [p && p.costs[b] ? p.costs[b][k] : null, start.costs[b] ? start.costs[b][k] : null]);
    const accuracy = [p ? p.acc : null, start.acc, 1, 100];
    add("accuracy %", data.boards.length ? data.boards.map(() => accuracy) : [accuracy]);
    [["step ms", 0], ["– forward", 8], ["– backward", 9], ["– update", 10], ["step µJ", 1], ["image ms", 2], ["stream J", 4], ["RAM KiB", 5], ["flash KiB", 6]].forEach(([name, k]) => add(name, all(k)));
    $("moved").replaceChildren(rows);
    $("which").textContent = p ? `Point ${p.i}; changes are against point ${start.i}.` : "This combination was not run: a constraint leaves it out, or it was not drawn.";
    document.querySelectorAll("circle.here").forEach((ring) => {
      const dot = p && ring.ownerSVGElement.querySelector(`[data-i="${p.i}"]`);
      ring.style.display = dot ? "" : "none";
      if (dot) { const box = dot.getBBox(); ring.setAttribute("cx", box.x + box.width / 2); ring.setAttribute("cy", box.y + box.height / 2); }
    });
  }
  $("moved-head").append(element("th", "", { scope: "col" }), ...(data.boards.length ? data.boards : [""]).map((b) => element("th", b, { scope: "col" })));
  $("interactive").hidden = false;
  $("explorer").hidden = sliders.length === 0;
  table();
  move();
})();
