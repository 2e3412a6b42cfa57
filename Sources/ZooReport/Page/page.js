// The page's frame: choices that are kept, figures that are drawn, and the data that a running experiment adds.
"use strict";
const report = {
  page: JSON.parse(document.getElementById("data").textContent),
  /** Draws a figure into its element; by the name in `data-chart`. */
  figures: {},
  choices: {},
};

// --- Small tools -----------------------------------------------------------------------------------------------------

/** An element with attributes and children; texts are texts, never markup. */
report.element = (tag, attributes = {}, ...children) => {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
};
report.isDark = () => matchMedia("(prefers-color-scheme: dark)").matches;
report.color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// Choices outlive a reload; where the browser keeps nothing, they live as long as the page.
const place = "report:" + location.pathname;
try { report.choices = JSON.parse(sessionStorage.getItem(place)) ?? {}; } catch { report.choices = {}; }
const choose = (key, value) => {
  report.choices[key] = value;
  try { sessionStorage.setItem(place, JSON.stringify(report.choices)); } catch { /* as said above */ }
};

/**
 * A labelled list to choose from, of {id, title, group?}. Gives the chosen id.
 * It is made once a figure and filled anew where its options change, so that the keyboard's focus stays.
 */
report.control = (figure, name, label, options, fallback) => {
  const key = figure.dataset.chart + "." + name;
  const ids = options.map((option) => option.id);
  const wanted = report.choices[key];
  const chosen = ids.includes(wanted) ? wanted : ids.includes(fallback) ? fallback : ids[0];
  let bar = figure.querySelector(".controls");
  if (!bar) figure.querySelector(".drawing").before((bar = report.element("div", { class: "controls" })));
  let select = bar.querySelector(`select[name="${name}"]`);
  if (!select) {
    select = report.element("select", { name });
    select.addEventListener("change", () => {
      choose(key, select.value);
      draw(figure);
    });
    bar.append(report.element("label", {}, label, select));
  }
  const print = JSON.stringify(options);
  if (select.dataset.print !== print) {
    select.dataset.print = print;
    const groups = new Map();
    for (const { id, title, group } of options) {
      if (!groups.has(group)) groups.set(group, group ? report.element("optgroup", { label: group }) : document.createDocumentFragment());
      groups.get(group).append(report.element("option", { value: id }, title));
    }
    select.replaceChildren(...groups.values());
  }
  select.value = chosen;
  select.parentElement.hidden = options.length < 2;
  return chosen;
};

// --- Drawing ---------------------------------------------------------------------------------------------------------

// Colours that people tell apart whatever colours they see: Okabe and Ito (2008), lightened for dark paper.
const palette = {
  light: ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7a5195", "#4d4d4d", "#8c564b", "#b5a300"],
  dark: ["#56b4e9", "#ff9248", "#2fc49a", "#e39fc6", "#f0c94a", "#9fc5f8", "#c1a0e0", "#c8c8c8", "#d8a08f", "#e8e070"],
};
report.palette = () => palette[report.isDark() ? "dark" : "light"];

const config = () => {
  const [ink, faint, line] = ["--ink", "--faint", "--line"].map(report.color);
  const axis = { labelColor: ink, titleColor: faint, gridColor: line, domainColor: faint, tickColor: faint, labelLimit: 220 };
  return {
    background: null, font: "system-ui, sans-serif", axis, view: { stroke: null }, range: { category: report.palette() },
    legend: { labelColor: ink, titleColor: faint, orient: "top", symbolStrokeWidth: 2 }, title: { color: ink },
    text: { color: ink }, rule: { color: faint },
  };
};

/** Shows a Vega-Lite specification in a figure; a later one for the same figure wins. */
report.show = async (figure, specification) => {
  const drawing = figure.querySelector(".drawing");
  const turn = (figure.turn = (figure.turn ?? 0) + 1);
  const columns = Math.max(1, Math.floor(drawing.clientWidth / 170));
  const settings = config();
  settings.legend.columns = columns;
  // Drawn beside the old one, which makes room at once: nothing jumps.
  const fresh = report.element("div", { class: "drawing" });
  fresh.style.cssText = "position:absolute;visibility:hidden;width:" + drawing.clientWidth + "px";
  drawing.after(fresh);
  const options = { actions: { export: true, source: false, compiled: false, editor: false }, renderer: "svg", ast: true,
    tooltip: { theme: report.isDark() ? "dark" : "light" }, config: settings };
  const { finalize } = await vegaEmbed(fresh, { width: "container", autosize: { type: "fit-x", contains: "padding" }, ...specification }, options);
  if (turn !== figure.turn) {
    finalize();
    fresh.remove();
    return;
  }
  figure.finalize?.();
  figure.finalize = finalize;
  drawing.remove();
  fresh.style.cssText = "";
};

const draw = async (figure) => {
  try { await report.figures[figure.dataset.chart](figure, report.page.charts); } catch (error) {
    figure.querySelector(".drawing").textContent = "This chart cannot be drawn: " + error.message;
    console.error(error);
  }
};
/** One after the other, so that the page answers meanwhile. */
const drawAll = async () => {
  for (const figure of document.querySelectorAll("figure[data-chart]")) {
    await new Promise((next) => setTimeout(next));
    await draw(figure);
  }
};

// --- While runs go on ------------------------------------------------------------------------------------------------

let version = report.page.version;
const follow = async () => {
  const status = document.getElementById("follow");
  try {
    const response = await fetch("report.json", { cache: "no-store" });
    if (!response.ok) throw new Error("the server answers " + response.status);
    const fresh = await response.json();
    if (fresh.version !== version) {
      version = fresh.version;
      report.page = fresh;
      for (const { id, html } of fresh.sections) {
        const section = document.getElementById(id);
        // What is new altogether comes with a reload; choices outlive it.
        if (!section) return location.reload();
        const texts = section.querySelector(".texts");
        if (texts.innerHTML !== html && !texts.contains(document.activeElement)) texts.innerHTML = html;
      }
      drawAll();
    }
    status.textContent = fresh.status;
  } catch (error) {
    status.textContent = "The server is gone; this is its last state.";
  }
  setTimeout(follow, 2000);
};

addEventListener("DOMContentLoaded", () => {
  drawAll();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
  addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((details) => (details.open = true)));
  if (document.getElementById("follow")) setTimeout(follow, 2000);
});
