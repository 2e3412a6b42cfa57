// What a probe found, and samples side by side.
"use strict";
(() => {
  const { element, figures, control, show } = report;
  const figureTitles = [
    ["signalToNoise", "signal to noise"], ["bias", "bias² of the direction"], ["cosine", "cosine to the reference gradient"],
    ["variance", "variance in units of the signal"], ["norm", "norm of one batch's gradient"], ["scale", "length relative to the reference"],
  ].map(([id, title]) => ({ id, title }));

  /** The chosen probe and point; both charts of a probe have their own choice. */
  const chosen = (figure, probes) => {
    const probe = probes[control(figure, "probe", "Probe", probes.map(({ title }, index) => ({ id: String(index), title })))];
    const points = probe.points.map(({ step }, index) => ({ id: String(index), title: "after iteration " + step }));
    return probe.points[control(figure, "point", "Policy", points, String(points.length - 1))];
  };

  figures.cosines = (figure, { probes }) => {
    const point = chosen(figure, probes);
    const names = point.estimators.map(({ name }) => name);
    const rows = point.cosines.flatMap((row, a) => row.map((cosine, b) => ({ a: names[a], b: names[b], cosine, text: cosine == null ? "–" : cosine.toFixed(2) })));
    const place = { type: "nominal", sort: names, title: null };
    return show(figure, {
      description: "Cosine between the mean gradients of each pair of algorithms", data: { values: rows }, height: 40 * names.length,
      encoding: { x: { field: "b", ...place, axis: { labelAngle: -35, orient: "top" } }, y: { field: "a", ...place } },
      layer: [
        { mark: "rect", encoding: {
          color: { field: "cosine", type: "quantitative", title: "cosine", scale: { domain: [-1, 1], scheme: "blueorange", reverse: true }, legend: null },
          tooltip: [{ field: "a", title: "of" }, { field: "b", title: "and" }, { field: "text", title: "cosine" }] } },
        { mark: { type: "text", fontSize: 12 }, encoding: {
          text: { field: "text" },
          color: { condition: { test: "abs(datum.cosine) > 0.7", value: "#ffffff" }, value: "#111111" } } },
      ],
    });
  };

  /** What noise hides has no bar. */
  const bars = (figure, all, title, description) => {
    const rows = all.filter(({ mean }) => mean != null);
    const names = [...new Set(rows.map(({ name }) => name))];
    const y = { field: "name", type: "nominal", title: null, sort: names };
    return show(figure, {
      description, data: { values: rows }, height: 28 * names.length,
      layer: [
        { mark: { type: "bar", color: report.palette()[0], opacity: 0.75 }, encoding: { y, x: { field: "mean", type: "quantitative", title },
          tooltip: [{ field: "name", title: "of" }, { field: "mean", format: ".4~g" }, { field: "low", format: ".4~g" }, { field: "high", format: ".4~g" }] } },
        { mark: { type: "rule", strokeWidth: 2, color: report.color("--ink") }, encoding: { y, x: { field: "low", type: "quantitative", title }, x2: { field: "high" } } },
      ],
    });
  };

  figures.estimators = (figure, { probes }) => {
    const id = control(figure, "figure", "Figure", figureTitles, "signalToNoise");
    const point = chosen(figure, probes);
    const title = figureTitles.find((one) => one.id === id).title;
    return bars(figure, point.estimators.map((estimator) => ({ name: estimator.name, ...estimator[id] })), title,
      `${title} of each algorithm's gradient, with its interval`);
  };

  figures.baselines = (figure, { probes }) => {
    const kinds = [{ id: "error", title: "error against Monte Carlo values" }, { id: "rankCorrelation", title: "rank correlation with them" }];
    const id = control(figure, "figure", "Figure", kinds, "error");
    const point = chosen(figure, probes);
    const title = kinds.find((one) => one.id === id).title;
    return bars(figure, point.baselines.filter((baseline) => baseline[id]).map((baseline) => ({ name: baseline.name, ...baseline[id] })), title,
      `${title} by baseline, with its interval`);
  };

  // --- Samples -------------------------------------------------------------------------------------------------------

  const short = (text) => (text.trim().length > 60 ? text.trim().slice(0, 60) + "…" : text.trim() || "(empty)");

  figures.samples = (figure, { samples }) => {
    const index = control(figure, "prompt", "Prompt", samples.map(({ prompt }, index) => ({ id: String(index), title: `${index + 1}. ${short(prompt)}` })));
    const { prompt, answers } = samples[index];
    const rows = answers.map(({ variant, text, gold }) => {
      const name = element("dt", {}, variant);
      if (gold != null) name.append(element("small", {}, "gold " + Number(gold).toPrecision(3)));
      return element("div", {}, name, element("dd", {}, text));
    });
    figure.querySelector(".drawing").replaceChildren(element("p", { class: "prompt" }, prompt), element("dl", { class: "samples" }, ...rows));
  };
})();
