"use strict";
/* The decision again at other settings: edgebench/decide/whatif.py, pareto.py and rule.py line by line; a test holds both together. */
const reconsider = (() => {
  /* ---- money */
  const devices = (given, arm, requests) => (arm.busy === null ? 0 : Math.max(1, Math.ceil(((requests * arm.busy) / given.day) * (1 - 1e-12))));
  const power = (arm, settings) => (settings.kwh === null ? arm.kwh || 0 : settings.kwh);
  const duty = (given, arm, settings) => {
    if (settings.own) return (settings.requests * (arm.busy || 0)) / given.day / devices(given, arm, settings.requests);
    return settings.duty === null ? arm.duty || 1 : settings.duty;
  };
  const aRequest = (given, arm, settings, token, busy) => {
    const billed = token * settings.price;
    if (busy === null) return billed;
    const joule = power(arm, settings) * given.joule;
    if (settings.own) {
      const fixed = devices(given, arm, settings.requests) * (arm.owned + arm.idle * given.day * joule);
      return billed + fixed / settings.requests + (arm.active - arm.idle) * busy * joule;
    }
    const share = duty(given, arm, settings);
    const energy = (arm.active * busy + arm.idle * (busy / share - busy)) * joule;
    return billed + (arm.owned / given.day / share) * busy + energy;
  };
  const aMonth = (given, arm, settings) => {
    const joule = power(arm, settings) * given.joule;
    const fixed = devices(given, arm, settings.requests) * (arm.owned + arm.idle * given.day * joule);
    const each = arm.token * settings.price + (arm.active - arm.idle) * (arm.busy || 0) * joule;
    return (fixed + settings.requests * each) * given.month;
  };
  const mean = (given, arm, settings) => 1000 * aRequest(given, arm, settings, arm.token, arm.busy);
  const dollars = (given, arm, settings) =>
    Array.from({ length: given.draws }, (_, d) => {
      const token = arm.tokens.length ? arm.tokens[d] : null;
      const busy = arm.busies.length ? arm.busies[d] : null;
      return 1000 * aRequest(given, arm, settings, token === null ? arm.token : token, busy === null ? arm.busy : busy);
    });

  /* ---- losses: lower is better, unknown is worst */
  const AS_PLANNED = { requests: 1000, own: false, duty: null, price: 1, kwh: null, limits: {} };
  const values = (given, arm, metric, settings) => {
    const place = given.metrics.indexOf(metric);
    const point = arm.points[place];
    const drawn = arm.draws[place].length ? arm.draws[place] : new Array(given.draws).fill(point);
    if (metric === "usd_per_1k" && arm.priced) return [mean(given, arm, settings), dollars(given, arm, settings)];
    if (metric === "value_per_1k" && arm.priced && point !== null) {
      const [now, before] = [dollars(given, arm, settings), dollars(given, arm, AS_PLANNED)];
      const moved = drawn.map((one, d) => (one === null ? null : one - (now[d] - before[d])));
      return [point - (mean(given, arm, settings) - mean(given, arm, AS_PLANNED)), moved];
    }
    return [point, drawn];
  };
  const losses = (given, settings) => {
    const [n, k] = [given.arms.length, given.objectives.length];
    const points = [new Float64Array(n * k).fill(Infinity)];
    const draws = Array.from({ length: given.draws }, () => new Float64Array(n * k).fill(Infinity));
    given.arms.forEach((arm, i) => given.objectives.forEach((objective, o) => {
      const sign = objective.low ? 1 : -1;
      const [point, drawn] = values(given, arm, objective.metric, settings);
      if (point !== null) points[0][i * k + o] = sign * point;
      drawn.forEach((one, d) => { if (one !== null) draws[d][i * k + o] = sign * one; });
    }));
    return [points, draws];
  };

  /* ---- the front: which arms another one dominates, in how many draws */
  const beaten = (draws, places, k) => {
    const often = new Array(places.length).fill(0);
    draws.forEach((loss) => places.forEach((i, at) => {
      const wins = (j) => {
        let better = false;
        for (let o = 0; o < k; o += 1) {
          const [theirs, mine] = [loss[j * k + o], loss[i * k + o]];
          if (!(theirs <= mine)) return false;
          if (theirs < mine) better = true;
        }
        return better;
      };
      if (places.some(wins)) often[at] += 1;
    }));
    return often.map((count) => count / draws.length);
  };

  /* ---- the rule */
  const pick = (given, loss, places) => {
    const k = given.objectives.length;
    let alive = places;
    const least = (o) => Math.min(...alive.map((i) => loss[i * k + o]));
    given.objectives.slice(0, -1).forEach((objective, o) => {
      const best = least(o);
      const slack = objective.share ? given.rule.points : Number.isFinite(best) ? given.rule.ratio * Math.abs(best) : 0;
      alive = alive.filter((i) => loss[i * k + o] <= best + slack + given.rule.rounding);
    });
    [k - 1, ...Array(k - 1).keys()].forEach((o) => {
      const best = least(o);
      alive = alive.filter((i) => loss[i * k + o] <= best);
    });
    return alive[0];
  };

  /* ---- limits: the plan's as they were judged, moved ones by the share of draws that keep them */
  const judge = (given, arm, settings) => {
    const found = { ...arm.judged };
    Object.entries(settings.limits).forEach(([metric, limit]) => {
      if (limit === given.limits[metric]) return;
      delete found[metric];
      if (limit === null) return;
      const place = given.metrics.indexOf(metric);
      if (arm.points[place] === null) { found[metric] = "undecided"; return; }
      const known = arm.draws[place].filter((one) => one !== null);
      const drawn = known.length ? known : [arm.points[place]];
      const kept = drawn.filter((one) => (metric === "accuracy" ? one >= limit : one <= limit)).length / drawn.length;
      found[metric] = kept >= given.rule.kept ? "met" : kept < given.rule.lost ? "missed" : "undecided";
    });
    return found;
  };

  return (given, settings) => {
    const { arms } = given;
    const k = given.objectives.length;
    const judged = arms.map((arm) => judge(given, arm, settings));
    const all = arms.map((_, i) => i);
    const answered = all.filter((i) => arms[i].eligible);
    const able = answered.filter((i) => !Object.values(judged[i]).includes("missed"));
    const real = able.filter((i) => !arms[i].standin);
    let places = real.length ? real : able;
    const [points, draws] = losses(given, settings);
    const front = new Map();
    beaten(draws, answered, k).forEach((often, at) => front.set(answered[at], 1 - often));
    const often = beaten(draws, places, k);
    places = places.filter((_, at) => often[at] < 1 - given.rule.dominated);
    const picked = new Array(arms.length).fill(0);
    if (places.length) draws.forEach((loss) => { picked[pick(given, loss, places)] += 1; });
    return {
      pick: places.length ? pick(given, points[0], places) : null,
      points: points[0],
      standings: arms.map((arm, i) => ({
        usd_per_1k: arm.priced ? mean(given, arm, settings) : null,
        usd_a_month: arm.priced ? aMonth(given, arm, settings) : null,
        devices: devices(given, arm, settings.requests),
        duty_cycle: arm.busy === null ? null : duty(given, arm, settings),
        front: front.has(i) ? front.get(i) : null,
        judged: judged[i],
        may: places.includes(i),
        picked: picked[i] / draws.length,
      })),
    };
  };
})();
