"use strict";
/* What the page gains with JavaScript: a theme button, sorting, a filter, sliders, live charts. The page is whole without. */
(() => {
  const one = (id) => document.getElementById(id);
  const all = (selector, root = document) => Array.from(root.querySelectorAll(selector));

  /* ---- theme */
  const root = document.documentElement;
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : dark.matches);
  const button = one("theme");
  const nameTheme = () => { button.textContent = isDark() ? "Light theme" : "Dark theme"; };
  button.hidden = false;
  nameTheme();
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    nameTheme();
    redraw();
  });
  dark.addEventListener("change", () => { nameTheme(); redraw(); });

  /* ---- sorting: a button in each heading, absent numbers always last */
  const key = (row, column) => {
    const cell = row.cells[column];
    if (!cell || cell.querySelector(".absent")) return undefined;
    return cell.dataset.sort || cell.textContent.trim();
  };
  const compare = (a, b) => {
    const [x, y] = [Number(a), Number(b)];
    if (!Number.isNaN(x) && !Number.isNaN(y)) return x - y;
    return String(a).localeCompare(String(b), "en");
  };
  const sort = (table, column, heading) => {
    const direction = heading.getAttribute("aria-sort") === "ascending" ? -1 : 1;
    all("thead th", table).forEach((th) => th.removeAttribute("aria-sort"));
    heading.setAttribute("aria-sort", direction === 1 ? "ascending" : "descending");
    const rows = all("tbody tr", table).map((row, place) => ({ row, place, value: key(row, column) }));
    rows.sort((a, b) => {
      if (a.value === undefined || b.value === undefined) {
        return (a.value === undefined) - (b.value === undefined) || a.place - b.place;
      }
      return direction * compare(a.value, b.value) || a.place - b.place;
    });
    table.tBodies[0].append(...rows.map((entry) => entry.row));
  };
  all("table.sortable").forEach((table) => {
    all("thead th", table).forEach((heading, column) => {
      if (!all("tbody tr", table).some((row) => key(row, column) !== undefined)) return;
      const press = document.createElement("button");
      press.type = "button";
      press.append(...heading.childNodes);
      heading.replaceChildren(press);
      press.addEventListener("click", () => sort(table, column, heading));
    });
  });

  /* ---- filters of the disagreements and of the wrong answers: by words, and by what each list can be chosen by */
  all("form.filter").forEach((form) => {
    const box = form.closest(".filtered");
    const [search, said, more] = [form.querySelector("input"), form.querySelector("output"), box.querySelector("details.more")];
    const selects = all("select", form);
    const items = all(".disputes > li", box).map((element) => ({ element, text: element.textContent.toLowerCase() }));
    const apply = () => {
      const words = search.value.trim().toLowerCase();
      const asked = selects.filter((select) => select.value);
      let shown = 0;
      items.forEach(({ element, text }) => {
        const fits = text.includes(words) && asked.every(({ dataset, value }) => element.dataset[dataset.key].split(" ").includes(value));
        element.hidden = !fits;
        shown += fits ? 1 : 0;
      });
      if (more && (words || asked.length)) more.open = true;
      said.textContent = `${shown} of ${items.length}`;
    };
    form.hidden = false;
    form.addEventListener("input", apply);
    form.addEventListener("submit", (event) => event.preventDefault());
    apply();
  });

  /* ---- what if: the decision again at every move of a slider (whatif.js decides; here are the controls and the words) */
  let specifications = {};
  const digits = (value, count) => {
    if (value === 0) return "0";
    const rounded = Number(value.toPrecision(count));
    const places = Math.min(12, Math.max(0, count - 1 - Math.floor(Math.log10(Math.abs(rounded)))));
    return rounded.toLocaleString("en-US", { minimumFractionDigits: places, maximumFractionDigits: places });
  };
  const usd = (value, count) => {
    const { sign, per_usd } = (specifications["what-if"] && specifications["what-if"].currency) || { sign: "$", per_usd: 1 };
    return `${sign}${digits(value * per_usd, count || 2)}`;
  };
  const time = (ms) => (ms < 1000 ? `${digits(ms, 3)} ms` : `${digits(ms / 1000, 3)} s`);
  const percent = (share) => `${Number((share * 100).toFixed(1))} %`;
  const often = (share) => (share > 0 && share < 0.01 ? "< 1 %" : share > 0.99 && share < 1 ? "> 99 %" : `${Math.round(share * 100)} %`);
  const shown = ({ unit }, value) => (unit === "fraction" ? percent(value) : unit === "ms" ? time(value) : unit === "$" ? usd(value) : `${digits(value, 3)} ${unit}`);

  const play = (given) => {
    const { arms, names, chosen, ranges, limits } = given;
    const form = one("what-if");
    const own = one("what-if-own");
    /* a slider in a hundred steps: exact where it begins, round elsewhere, and at ``open`` it asks for nothing */
    const slider = (name, [low, high], first, { linear, open, say, none, begin }) => {
      const input = one(`what-if-${name}`);
      const output = one(`what-if-${name}-said`);
      const at = (step) => (linear ? low + (high - low) * (step / 100) : low * (high / low) ** (step / 100));
      const of = (value) => Math.round(100 * Math.min(1, Math.max(0, linear ? (value - low) / (high - low) : Math.log(value / low) / Math.log(high / low))));
      const from = first === null ? (begin === undefined ? 50 : begin) : of(first);
      input.value = String(from);
      input.defaultValue = String(from);
      return () => {
        const step = Number(input.value);
        const moved = step !== from;
        const value = !moved ? first : step === open ? null : Number(at(step).toPrecision(2));
        const words = value === null ? none : say(value);
        output.textContent = words;
        input.setAttribute("aria-valuetext", words);
        return { value, moved, words };
      };
    };
    const read = {
      requests: slider("requests", ranges.requests, ranges.requests[2], { say: (value) => digits(value, 2) }),
      duty: slider("duty", ranges.duty, ranges.duty[2], { say: percent, none: "each as planned", begin: 50 }),
      price: slider("price", ranges.price, 1, { say: (value) => `× ${Number(value.toPrecision(2))}` }),
      kwh: slider("kwh", ranges.kwh, ranges.kwh[2], { say: (value) => `${usd(value)} a kWh`, none: "each as planned", begin: 50 }),
      p95: slider("p95", ranges.p95_ms, limits.p95_ms, { say: time, none: "any", open: 100, begin: 100 }),
      right: slider("right", [0, 1], limits.accuracy, { linear: true, say: percent, none: "any", open: 0, begin: 0 }),
    };
    const settings = () => {
      const now = Object.fromEntries(Object.entries(read).map(([name, value]) => [name, value()]));
      if (own.checked) {
        one("what-if-duty-said").textContent = "by the requests";
        one("what-if-duty").setAttribute("aria-valuetext", "follows from the requests a day");
      }
      return {
        words: now,
        moved: own.checked || Object.values(now).some((slide) => slide.moved),
        requests: now.requests.value,
        own: own.checked,
        duty: now.duty.moved ? now.duty.value : null,
        price: now.price.value,
        kwh: now.kwh.moved ? now.kwh.value : null,
        limits: { p95_ms: now.p95.value, accuracy: now.right.value },
      };
    };

    /* ---- words */
    const LIMITS = { p95_ms: "its p95 is over the limit", accuracy: "it is not right often enough" };
    const whyNot = (k, decided) => {
      const [arm, now] = [arms[k], decided.standings[k]];
      if (!arm.eligible) return "it answered nothing";
      const misses = Object.keys(now.judged).filter((metric) => now.judged[metric] === "missed");
      if (misses.length) return misses.map((metric) => LIMITS[metric] || "it misses a limit of the plan").join(" and ");
      if (arm.standin && !now.may) return "it is a stand-in";
      if (!now.may) return "another target is no worse in anything";
      return outdone(k, decided);
    };
    /* the objective at which the rule leaves a target behind */
    const outdone = (k, { pick, points, standings }) => {
      const n = given.objectives.length;
      const value = (i, o) => points[i * n + o] * (given.objectives[o].low ? 1 : -1);
      let alive = standings.map((_, i) => i).filter((i) => standings[i].may);
      for (let o = 0; o < n; o += 1) {
        const objective = given.objectives[o];
        const best = Math.min(...alive.map((i) => points[i * n + o]));
        const slack = o === n - 1 ? 0 : objective.share ? given.rule.points : given.rule.ratio * Math.abs(best);
        if (points[k * n + o] > best + slack + given.rule.rounding) {
          const near = o === n - 1 ? "" : objective.share ? `, more than ${percent(given.rule.points)} away` : `, more than ${percent(given.rule.ratio)} away`;
          return `in ${objective.label} it has ${shown(objective, value(k, o))}, the best ${shown(objective, value(alive.find((i) => points[i * n + o] === best), o))}${near}`;
        }
        alive = alive.filter((i) => points[i * n + o] <= best + slack + given.rule.rounding);
      }
      return `nothing tells it from ${names[pick]}`;
    };
    const asked = ({ words, own: alone }) => {
      const busy = alone ? "on devices that do nothing else" : given.device ? `devices ${words.duty.words === "each as planned" ? "as busy as planned" : `${words.duty.words} busy`}` : "";
      const bounds = [words.p95.value === null ? "" : `p95 within ${words.p95.words}`, words.right.value === null ? "" : `at least ${words.right.words} right`].filter(Boolean);
      const price = words.price.moved ? `APIs at ${words.price.words} their price` : "";
      const kwh = words.kwh.moved ? `power at ${words.kwh.words}` : "";
      return [`At ${words.requests.words} requests a day`, busy, price, kwh, ...bounds].filter(Boolean).join(", ");
    };
    const bill = (standing) => (standing.usd_a_month === null ? "" : `, ${usd(standing.usd_a_month, 3)} a month`);
    const sentence = (now, decided) => {
      const { pick, standings } = decided;
      const planned = chosen === null ? "The page recommends none." : `The page recommends ${names[chosen]}: `;
      if (pick === null) {
        const held = chosen === null ? "" : `${whyNot(chosen, decided)}.`;
        return `${asked(now)}, no target may be recommended. ${planned}${held}`;
      }
      const picked = standings[pick];
      const sure = picked.picked === 1 ? `in all of ${given.draws} resamples` : `in ${often(picked.picked)} of ${given.draws} resamples`;
      const says = `${asked(now)}, the rule picks ${names[pick]} (${sure}${bill(picked)}).`;
      if (chosen === null) return `${says} ${planned}`;
      if (pick === chosen) return `${says} That is what the page recommends: nothing changes.`;
      return `${says} This changes the recommendation. ${planned}${whyNot(chosen, decided)}.`;
    };
    const SIGN = { met: "✓", missed: "✗", undecided: "?" };
    const standing = (k, decided) => {
      const now = decided.standings[k];
      if (decided.pick === k) return "picked";
      if (now.may) return now.picked > 0 ? `${often(now.picked)} of resamples` : "may be";
      return arms[k].standin && !Object.values(now.judged).includes("missed") ? "a stand-in" : arms[k].eligible ? "out" : "no answer";
    };
    const cells = (k, decided) => {
      const [arm, now] = [arms[k], decided.standings[k]];
      const priced = now.usd_per_1k === null ? ["—", "—", "—"] : [usd(now.usd_per_1k), usd(now.usd_a_month, 3), now.devices ? now.devices.toLocaleString("en-US") : "none"];
      const judged = [["p95_ms", time], ["accuracy", percent]].map(([metric, say]) => {
        const value = arm.points[given.metrics.indexOf(metric)];
        return `${SIGN[now.judged[metric]] || ""} ${value === null ? "not known" : say(value)}`.trim();
      });
      return [...priced, now.front === null ? "—" : often(now.front), ...judged, standing(k, decided)];
    };
    const rows = all("#what-if-table tbody tr");
    const update = () => {
      const now = settings();
      const decided = reconsider(given, now);
      rows.forEach((row, k) => {
        cells(k, decided).forEach((text, place) => { row.cells[place + 1].textContent = text; });
        row.className = decided.pick === k ? "best" : decided.standings[k].may ? "" : "out";
      });
      one("what-if-said").textContent = sentence(now, decided);
      form.dataset.changed = decided.pick === chosen ? "no" : "yes";
      point("cost-volume", now.requests);
      point("cost-duty", now.own || now.duty === null ? ranges.duty[2] : now.duty);
    };
    one("what-if-requests").addEventListener("input", () => { if (given.device) own.checked = true; });
    one("what-if-duty").addEventListener("input", () => { own.checked = false; });
    form.hidden = false;
    form.addEventListener("input", update);
    form.addEventListener("reset", () => setTimeout(update));
    form.addEventListener("submit", (event) => event.preventDefault());
    return update;
  };

  /* where a slider stands in a live chart: a line */
  const stands = {};
  const shapes = (figure) => {
    const base = specifications[figure].layout.shapes || [];
    if (!stands[figure]) return base;
    const line = { type: "line", xref: "x", yref: "paper", x0: stands[figure], x1: stands[figure], y0: 0, y1: 1, line: { color: "var(--accent)", width: 1.5 } };
    return [...base, line];
  };
  const point = (figure, x) => {
    if (!specifications[figure] || x === null) return;
    stands[figure] = x;
    const place = all(`.live[data-figure="${figure}"]`)[0];
    if (place && drawn.has(place)) window.Plotly.relayout(place, { shapes: painted(shapes(figure)) });
  };

  /* ---- live charts: plotly.js is unpacked once the page stands, each chart drawn when it comes near */
  const probe = document.createElement("span");
  probe.hidden = true;
  document.body.append(probe);
  const colour = (name, strength) => {
    probe.style.color = name;
    const [r, g, b] = getComputedStyle(probe).color.match(/[\d.]+/g);
    return `rgba(${r},${g},${b},${strength === undefined ? 1 : strength})`;
  };
  const painted = (value, strength) => {
    if (typeof value === "string") {
      if (value.startsWith("var(--")) return colour(value, strength);
      return value.replace(/^<span style="color:(var\(--[a-z0-9-]+\))">/, (whole, name) => `<span style="color:${colour(name)}">`);
    }
    if (Array.isArray(value)) return value.map((part) => painted(part));
    if (value === null || typeof value !== "object") return value;
    const out = {};
    Object.keys(value).forEach((name) => {
      if (name === "strength") return;
      out[name] = painted(value[name], name === "color" ? value.strength : undefined);
    });
    return out;
  };

  const SIGNS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%.()*+-;,=:?@^_`{|}~";
  const bytesOf = (packed) => {
    const cut = packed.indexOf(" ");
    const [length, text] = [Number(packed.slice(0, cut)), packed.slice(cut + 1)];
    const worth = new Uint8Array(128);
    for (let k = 0; k < SIGNS.length; k += 1) worth[SIGNS.charCodeAt(k)] = k;
    const words = new DataView(new ArrayBuffer((text.length / 5) * 4));
    for (let from = 0, to = 0; from < text.length; from += 5, to += 4) {
      let value = 0;
      for (let k = 0; k < 5; k += 1) value = value * 85 + worth[text.charCodeAt(from + k)];
      words.setUint32(to, value);
    }
    return new Uint8Array(words.buffer, 0, length);
  };
  const unpacked = (id) => {
    const stream = new Blob([bytesOf(one(id).textContent)]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Response(stream).text();
  };
  const load = () => {
    const script = document.createElement("script");
    const library = one("library");
    script.textContent = new TextDecoder().decode(expand(bytesOf(library.textContent), Number(library.dataset.bytes)));
    document.head.append(script);
  };
  const drawn = new Set();
  const draw = (place) => {
    const specification = specifications[place.dataset.figure];
    const still = all(".static", place.parentElement);
    const width = place.parentElement.clientWidth;
    const layout = painted({ ...specification.layout, shapes: shapes(place.dataset.figure) });
    layout.height = Math.round(width * specification.ratio);
    place.hidden = false;
    window.Plotly.react(place, painted(specification.data), layout, { displayModeBar: false, responsive: true });
    still.forEach((element) => element.classList.add("replaced"));
    drawn.add(place);
  };
  function redraw() {
    drawn.forEach(draw);
  }
  const enliven = async () => {
    if (!("DecompressionStream" in window)) return;
    specifications = JSON.parse(await unpacked("figures"));
    if (specifications["what-if"]) play(specifications["what-if"])();
    if (window.matchMedia("(max-width: 640px), print").matches) return;
    load();
    if (!window.Plotly) return;
    const watcher = new IntersectionObserver((entries) => {
      entries.filter((entry) => entry.isIntersecting).forEach((entry) => {
        watcher.unobserve(entry.target);
        draw(all(".live", entry.target)[0]);
      });
    }, { rootMargin: "400px" });
    all(".drawing").forEach((element) => watcher.observe(element));
    root.dataset.live = "yes";
  };
  const idle = window.requestIdleCallback || ((task) => setTimeout(task, 50));
  const start = () => idle(() => { enliven(); }, { timeout: 500 });
  if (document.readyState === "complete") start();
  else window.addEventListener("load", start);
})();
