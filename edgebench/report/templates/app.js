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

  /* ---- what if: volume and limits, recomputed from point estimates */
  const specifications = JSON.parse(one("figures").textContent);
  const digits = (value, count) => {
    if (value === 0) return "0";
    const rounded = Number(value.toPrecision(count));
    const places = Math.min(12, Math.max(0, count - 1 - Math.floor(Math.log10(Math.abs(rounded)))));
    return rounded.toLocaleString("en-US", { minimumFractionDigits: places, maximumFractionDigits: places });
  };
  const usd = (value, count) => `$${digits(value, count || 2)}`;
  const time = (ms) => (ms < 1000 ? `${digits(ms, 3)} ms` : `${digits(ms / 1000, 3)} s`);
  const percent = (share) => `${Number((share * 100).toFixed(1))} %`;
  const between = ([low, high], share) => (share >= 1 ? high : low * (high / low) ** share);
  const share = ([low, high], value) => (high > low ? Math.log(value / low) / Math.log(high / low) : 1);

  const play = ({ arms, chosen, month, volume, p95, right }) => {
    /* a slider whose value where it begins is exact, and a round one elsewhere */
    const slider = (name, first, start, valueAt, say) => {
      const input = one(`what-if-${name}`);
      const output = one(`what-if-${name}-said`);
      const begin = String(Math.round(100 * Math.min(1, Math.max(0, start))));
      input.value = begin;
      return () => {
        const value = input.value === begin ? first : valueAt(Number(input.value) / 100);
        output.textContent = say(value);
        input.setAttribute("aria-valuetext", say(value));
        return value;
      };
    };
    const round = (value) => Number(value.toPrecision(2));
    const read = [
      slider("volume", volume[2], share(volume, volume[2]), (at) => round(between(volume, at)), (value) => digits(value, 2)),
      slider("p95", p95[2], share(p95, p95[2]), (at) => between(p95, at), time),
      slider("right", right, right, (at) => at, percent),
    ];
    const judge = (arm, [requests, limit, least]) => {
      const devices = arm.most === null ? 0 : Math.max(1, Math.ceil((requests / arm.most) * (1 - 1e-12)));
      const cost = arm.each === null ? null : (devices * arm.fixed + requests * arm.each) * month;
      const fast = arm.p95 === null ? null : arm.p95 <= limit * (1 + 1e-9);
      const good = arm.right === null ? (least > 0 ? null : true) : arm.right >= least - 1e-9;
      return { arm, devices, cost, fast, good, meets: fast === true && good === true, per1k: cost === null ? null : (cost / month / requests) * 1000 };
    };
    const word = (met, value, say) => `${met === null ? "?" : met ? "✓" : "✗"} ${value === null ? "not known" : say(value)}`;
    const money = (held) => `${usd(held.cost, 3)} a month`;
    const failing = (one) => {
      const why = [];
      if (one.fast !== true) why.push(one.fast === null ? "its p95 is not known" : `its p95 is ${time(one.arm.p95)}`);
      if (one.good !== true) why.push(one.good === null ? "its accuracy is not known" : `it is right in ${percent(one.arm.right)}`);
      if (!why.length) why.push("it has no price");
      return why.join(" and ");
    };
    const changed = (best, now) => {
      if (now === undefined) return "The page recommends none.";
      if (best === now) return "That is what the page recommends: nothing changes.";
      const instead = `The page recommends ${now.arm.name}, which `;
      if (!now.meets || now.cost === null) return `${instead}is out: ${failing(now)}.`;
      const known = best.arm.right !== null && now.arm.right !== null;
      const apart = known ? `, right in ${percent(now.arm.right)} rather than ${percent(best.arm.right)}` : "";
      return `${instead}meets both limits too, for ${money(now)}${apart}.`;
    };
    const sentence = (judged, best, [requests, limit, least]) => {
      const asked = `At ${digits(requests, 2)} requests a day, p95 within ${time(limit)} and at least ${percent(least)} right, `;
      const count = judged.filter((one) => one.meets).length;
      const now = chosen === null ? undefined : judged[chosen];
      if (best === undefined) {
        const why = count ? `${count} of ${judged.length} meet both limits, but none of them has a price. ` : "no target meets both limits. ";
        return asked + why + (now ? `The page recommends ${now.arm.name}: ${failing(now)}.` : changed(best, now));
      }
      const among = count === 1 ? `the only one of ${judged.length} that meets both limits is` : `the cheapest of the ${count} of ${judged.length} that meet both limits is`;
      return `${asked}${among} ${best.arm.name}, ${money(best)} (by point estimates). ${changed(best, now)}`;
    };
    const update = () => {
      const limits = read.map((value) => value());
      const judged = arms.map((arm) => judge(arm, limits));
      const running = judged.filter((one) => one.meets && one.cost !== null);
      const best = running.length ? running.reduce((a, b) => (b.cost < a.cost ? b : a)) : undefined;
      all("#what-if-table tbody tr").forEach((row, place) => {
        const now = judged[place];
        const standing = now === best ? "best" : !now.meets ? "no" : now.cost === null ? "yes, without a price" : "yes";
        const priced = now.cost === null ? ["—", "—", "—"] : [usd(now.per1k), usd(now.cost, 3), now.devices ? now.devices.toLocaleString("en-US") : "none"];
        [...priced, word(now.fast, now.arm.p95, time), word(now.good, now.arm.right, percent), standing].forEach((text, k) => {
          row.cells[k + 1].textContent = text;
        });
        row.className = now === best ? "best" : now.meets ? "" : "out";
      });
      one("what-if-said").textContent = sentence(judged, best, limits);
    };
    const form = one("what-if");
    form.hidden = false;
    form.addEventListener("input", update);
    form.addEventListener("submit", (event) => event.preventDefault());
    update();
  };
  play(specifications["what-if"]);

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
