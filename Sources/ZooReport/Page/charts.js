// The charts of a report, as Vega-Lite.
"use strict";
(() => {
  const { figures, control, show } = report;
  const number = (value) => (value == null ? "–" : Number(value).toPrecision(3).replace(/\.0+e/, "e"));
  const variants = () => report.page.charts.variants;
  const hue = (name) => report.palette()[Math.max(0, variants().indexOf(name)) % report.palette().length];
  /** Variants by colour, the same everywhere; `hues` names the variant that lends a sweep its own. */
  const color = (names = variants(), hues = names) => ({
    field: "variant", type: "nominal", title: null, scale: { domain: names, range: hues.map(hue) },
  });
  /** Parts of a whole, in the palette's order. */
  const partColor = (parts) => ({ field: "part", type: "nominal", title: null, scale: { domain: parts, range: parts.map((_, index) => report.palette()[index % 10]) } });
  const dashes = [[1, 0], [6, 3], [2, 2], [8, 3, 2, 3], [12, 4], [4, 1]];

  // --- Learning curves -----------------------------------------------------------------------------------------------

  const curves = (metrics, firstMetrics) => (figure, { curves }) => {
    const wanted = firstMetrics(curves);
    const known = metrics(curves.metrics);
    const counted = known.map(({ id, title, group }) => {
      const count = curves.series.filter((series) => series.metrics[id]).length;
      return { id, group, title: count < curves.series.length ? `${title} (${count} of ${curves.series.length} variants)` : title };
    });
    const metric = control(figure, "metric", "Metric", counted, wanted.find((id) => known.some((one) => one.id === id)));
    const axis = control(figure, "x", "against", curves.axes, "step");
    const title = known.find(({ id }) => id === metric)?.title ?? metric;
    const axisTitle = curves.axes.find(({ id }) => id === axis)?.title ?? axis;
    const rows = curves.series.flatMap((series) => {
      const found = series.metrics[metric];
      if (!found) return [];
      return found.mean.flatMap((mean, index) => {
        const at = found.at ? found.at[index] : index;
        const x = series.axes[axis]?.[at];
        if (mean == null || x == null) return [];
        const [low, high] = [found.low?.[index] ?? mean, found.high?.[index] ?? mean];
        return [{ variant: series.variant, x, mean, low, high, step: series.axes.step[at], interval: `${number(low)} to ${number(high)}` }];
      });
    });
    const names = variants().filter((name) => rows.some((row) => row.variant === name));
    const y = { type: "quantitative", scale: { zero: false }, title };
    return show(figure, {
      description: `${title} against ${axisTitle}, one line a variant with the interval over its seeds`,
      data: { values: rows }, height: 320,
      encoding: { x: { field: "x", type: "quantitative", title: axisTitle, axis: { format: "~s", tickCount: 8 } },
        color: { ...color(names), legend: { symbolType: "stroke", symbolOpacity: 1, symbolSize: 300 } },
      },
      layer: [
        { mark: { type: "area", opacity: 0.18 }, encoding: { y: { field: "low", ...y }, y2: { field: "high" } } },
        {
          mark: { type: "line", strokeWidth: 2 },
          params: [{ name: "only", select: { type: "point", fields: ["variant"] }, bind: "legend" }],
          encoding: {
            y: { field: "mean", ...y },
            // Told apart without colours too.
            strokeDash: { field: "variant", type: "nominal", title: null,
              scale: { domain: names, range: names.map((name) => dashes[variants().indexOf(name) % dashes.length]) } },
            opacity: { condition: { param: "only", value: 1 }, value: 0.12 },
          },
        },
        {
          // Large enough to be met. (The nearest point's tooltip would lose its texts: Vega-Lite writes datum.datum for numbers alone.)
          mark: { type: "point", filled: true, size: 150 },
          params: [{ name: "near", select: { type: "point", on: "pointerover", clear: "pointerout" } }],
          encoding: {
            y: { field: "mean", ...y }, opacity: { condition: { param: "near", empty: false, value: 1 }, value: 0 },
            tooltip: [
              { field: "variant", title: "variant" }, { field: "step", title: "step" }, { field: "x", title: axisTitle, format: ".4~s" },
              { field: "mean", title: "mean", format: ".4~g" }, { field: "interval", title: "interval" },
            ],
          },
        },
      ],
    });
  };
  figures.curves = curves((all) => all, ({ first }) => first);
  figures.critic = curves((all) => all.filter(({ id }) => id.startsWith("critic/") || /value_avg|vf_|\/critic$/.test(id)), () => ["critic/vf_explained_var"]);

  // --- Reward against distance ---------------------------------------------------------------------------------------

  figures.plane = (figure, { plane }) => {
    const y = control(figure, "y", "Reward", plane.rewards);
    const kind = control(figure, "way", "Show", [{ id: "ends", title: "the trained models" }].concat(
      plane.ways.length ? [{ id: "ways", title: "and their training" }] : []), "ends");
    const reward = plane.rewards.find(({ id }) => id === y);
    const points = plane.points.filter((point) => point[y] != null && point[reward.kl] != null).map((point) => ({
      ...point, variant: point.series ?? point.variant, name: point.variant, x: Math.sqrt(Math.max(0, point[reward.kl])), y: point[y],
    }));
    const all = report.page.charts.plane.points;
    const hues = variants().filter((name) => points.some((point) => point.name === name));
    const series = new Map(hues.map((name) => [all.find((point) => point.variant === name).series ?? name, name]).reverse());
    const names = [...series.keys()].reverse();
    // A sweep is joined through the means of its values.
    const sweeps = names.flatMap((variant) => {
      const own = points.filter((point) => point.variant === variant && point.value != null);
      return [...new Set(own.map(({ value }) => value))].sort((a, b) => a - b).map((value) => {
        const here = own.filter((point) => point.value === value);
        const mean = (key) => here.reduce((sum, point) => sum + point[key], 0) / here.length;
        return { variant, value, x: mean("x"), y: mean("y") };
      });
    });
    const ways = kind === "ways" ? plane.ways.filter((way) => way[y] != null).map((way) => ({ ...way, variant: way.series ?? way.variant, name: way.variant, x: Math.sqrt(Math.max(0, way.kl)), y: way[y] })) : [];
    const fits = kind === "ways" && y === "gold" ? plane.fits.flatMap(({ variant, curve }) => curve.map(([x, y]) => ({ variant, x, y }))) : [];
    const frontier = (plane.frontiers[y] ?? []).map(([kl, y]) => ({ x: Math.sqrt(Math.max(0, kl)), y }));
    const encoding = {
      x: { field: "x", type: "quantitative", title: "√KL to the base, √nats" },
      y: { field: "y", type: "quantitative", title: reward.title, scale: { zero: false } },
      color: { ...color(names, names.map((name) => series.get(name))), legend: { symbolOpacity: 1 } },
    };
    return show(figure, {
      description: `${reward.title} against the square root of the KL to the base model, one point a run`, height: 340,
      layer: [
        { data: { values: frontier }, mark: { type: "line", color: report.color("--faint"), strokeDash: [4, 4] },
          encoding: { x: encoding.x, y: encoding.y, order: { field: "x" }, tooltip: { value: "the highest reward of any policy at that distance" } } },
        { data: { values: ways }, mark: { type: "line", opacity: 0.55, strokeWidth: 1.5 }, encoding: { ...encoding, order: { field: "step" }, detail: [{ field: "name" }] } },
        { data: { values: fits }, mark: { type: "line", strokeDash: [2, 3], strokeWidth: 2, clip: true }, encoding: { ...encoding, order: { field: "x" } } },
        { data: { values: sweeps }, mark: { type: "line", strokeWidth: 2 }, encoding: { ...encoding, order: { field: "value" } } },
        {
          data: { values: points }, mark: { type: "point", filled: true, size: 90, opacity: 0.9 },
          encoding: { ...encoding, shape: { field: "variant", type: "nominal", title: null, scale: { domain: names } },
            tooltip: [{ field: "name", title: "variant" }, { field: "seed", title: "seed" }, ...(sweeps.length ? [{ field: "value", title: "value", format: ".4~g" }] : []),
              { field: "x", title: "√KL", format: ".3~g" }, { field: "y", title: reward.title, format: ".4~g" }] },
        },
      ].filter(({ data }) => data.values.length),
    });
  };

  // --- Costs ---------------------------------------------------------------------------------------------------------

  figures.costs = (figure, { costs }) => {
    const id = control(figure, "quantity", "Cost", costs.map(({ id, title }) => ({ id, title })));
    const form = control(figure, "form", "as", [{ id: "stacked", title: "one bar per variant" }, { id: "beside", title: "variants side by side" }], "stacked");
    const cost = costs.find((cost) => cost.id === id);
    const order = new Map(cost.parts.map((part, index) => [part, index]));
    const rows = cost.values.map((row) => ({ ...row, order: order.get(row.part) }));
    const x = { field: "value", type: "quantitative", title: cost.unit, axis: { format: "~s", tickCount: 6 } };
    const tooltip = [{ field: "variant", title: "variant" }, { field: "part", title: "what" }, { field: "text", title: cost.title }];
    const names = variants().filter((name) => rows.some(({ variant }) => variant === name));
    const stacked = form === "stacked";
    return show(figure, {
      description: `${cost.title} of a run by variant and by what they went into`, data: { values: rows },
      mark: { type: "bar", stroke: report.color("--paper"), strokeWidth: 1 },
      height: stacked ? 36 * names.length : Math.max(40, 12 * names.length) * cost.parts.length,
      encoding: stacked
        ? { x, y: { field: "variant", type: "nominal", title: null, sort: names }, color: partColor(cost.parts), order: { field: "order" }, tooltip }
        : { x, y: { field: "part", type: "nominal", title: null, sort: cost.parts }, yOffset: { field: "variant", type: "nominal", sort: names }, color: color(names), tooltip },
    });
  };
})();
