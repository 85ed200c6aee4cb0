"use strict";
/* What the page gains with JavaScript: a theme button, sorting, a filter, live charts. All of it works without. */
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

  /* ---- filter of the disagreements */
  const filter = one("filter");
  if (filter) {
    const items = all(".disputes > li").map((element) => ({
      element,
      text: element.textContent.toLowerCase(),
      wrong: element.dataset.wrong.split(" "),
    }));
    const apply = () => {
      const [words, arm] = [one("find").value.trim().toLowerCase(), one("wrong-at").value];
      let shown = 0;
      items.forEach(({ element, text, wrong }) => {
        const fits = text.includes(words) && (!arm || wrong.includes(arm));
        element.hidden = !fits;
        shown += fits ? 1 : 0;
      });
      if (one("more") && (words || arm)) one("more").open = true;
      one("found").textContent = `${shown} of ${items.length}`;
    };
    filter.hidden = false;
    filter.addEventListener("input", apply);
    filter.addEventListener("submit", (event) => event.preventDefault());
    apply();
  }

  /* ---- live charts: plotly.js is unpacked once the page stands, each chart drawn when it comes near */
  const specifications = JSON.parse(one("figures").textContent);
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
  const bytesOf = (text, length) => {
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
  const unpack = async () => {
    const library = one("library");
    const stream = new Blob([bytesOf(library.textContent, Number(library.dataset.bytes))]).stream().pipeThrough(new DecompressionStream("gzip"));
    const script = document.createElement("script");
    script.textContent = await new Response(stream).text();
    document.head.append(script);
  };
  const drawn = new Set();
  const draw = (place) => {
    const specification = specifications[place.dataset.figure];
    const still = all(".static", place.parentElement);
    const width = place.parentElement.clientWidth;
    const layout = painted(specification.layout);
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
    if (!("DecompressionStream" in window) || window.matchMedia("(max-width: 640px), print").matches) return;
    await unpack();
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
