// The column beside the image: filters, the list, an explanation, times.

import { activeModel, colorOf, modelFacts, resultOf, shownModels, shownRows, state } from "./state.js";
import { $, counted, el } from "./dom.js";

const BINS = 19;
const MOST_ROWS = 200;
const STAGES = { read: "upload", decode: "decode", queue: "queue", network: "network", postprocessing: "suppression", rest: "transfer" };

export function drawFilters(result, { onToggle }) {
  $("score-value").textContent = state.minScore.toFixed(2);
  $("score").value = state.minScore;
  $("score").style.setProperty("--part", `${(100 * (state.minScore - 0.05)) / 0.95}%`);
  const rows = (result?.detections ?? []).filter((row) => !state.off.has(row.name));
  const bins = new Array(BINS).fill(0);
  for (const { score } of rows) bins[Math.min(BINS - 1, Math.floor(((score - 0.05) / 0.95) * BINS))] += 1;
  const most = Math.max(...bins, 1);
  $("histogram").replaceChildren(...bins.map((count, at) => el(`i${(at + 1) / BINS > (state.minScore - 0.05) / 0.95 ? ".on" : ""}`, { "--part": count ? 0.12 + (0.88 * count) / most : 0 })));
  drawChips(result, onToggle);
}

function drawChips(result, onToggle) {
  const model = activeModel();
  const classes = modelFacts(model)?.classes ?? [];
  const counts = new Map();
  for (const row of result?.detections ?? []) if (row.score >= state.minScore) counts.set(row.name, (counts.get(row.name) ?? 0) + 1);
  const present = new Set((result?.detections ?? []).map((row) => row.name));
  const shown = classes.length <= 12 ? classes : classes.filter(({ name }) => present.has(name) || state.off.has(name));
  const place = $("chips");
  const focused = document.activeElement?.dataset?.name;
  place.replaceChildren(
    ...shown.map(({ name, color }) =>
      el(
        `button.chip${counts.get(name) ? "" : ".zero"}`,
        { "--color": color, "data-name": name, "aria-pressed": String(!state.off.has(name)), onclick: () => onToggle(name) },
        el("i", { "aria-hidden": "true" }),
        name,
        el("b", {}, String(counts.get(name) ?? 0)),
      ),
    ),
  );
  if (focused) place.querySelector(`[data-name="${CSS.escape(focused)}"]`)?.focus();
}

export function drawList(item, { onSelect, onPoint, onTab }) {
  const model = activeModel();
  const names = shownModels();
  $("tabs").hidden = names.length < 2;
  $("tabs").replaceChildren(...names.map((name, at) => el("button", { "aria-pressed": String(at === state.active), onclick: () => onTab(at) }, name)));
  const result = resultOf(item, model) ?? state.camera?.result;
  const rows = state.camera?.result ? cameraRows() : shownRows(item, model);
  $("count").textContent = result ? `${rows.length} of ${result.detections.length}` : "";
  const note = rows.length > MOST_ROWS ? `The best ${MOST_ROWS} are listed.` : result && !rows.length ? nothing(result) : "";
  $("none").textContent = result || !item ? note : item.errors[model] ? "No detections." : "";
  const shown = rows.slice(0, MOST_ROWS);
  const list = $("list");
  const key = `${item?.id}/${model}/${shown.map(({ row, index }) => `${index}:${row.score}`).join()}/${state.selected?.model === model ? state.selected.index : ""}`;
  list.classList.toggle("waiting", Boolean(item && !result && !item.errors[model]));
  if (list.dataset.key === key) return;
  list.dataset.key = key;
  const focused = list.contains(document.activeElement) ? document.activeElement.dataset.index : null;
  list.replaceChildren(...shown.map(({ row, index }, at) => entry(row, index, model, at, { onSelect, onPoint })));
  if (focused !== null) (list.querySelector(`[data-index="${focused}"]`) ?? list.querySelector("button"))?.focus();
}

function cameraRows() {
  return state.camera.result.detections.map((row, index) => ({ row, index })).filter(({ row }) => row.score >= state.minScore && !state.off.has(row.name));
}

function nothing(result) {
  const best = result.detections[0];
  return best ? `Nothing passes the filters. The best detection is ${best.name} with ${best.score.toFixed(2)}.` : "Nothing was found in this image.";
}

function entry(row, index, model, at, { onSelect, onPoint }) {
  const chosen = state.selected?.model === model && state.selected.index === index;
  const [x1, y1, x2, y2] = row.box.map(Math.round);
  return el(
    "li",
    {},
    el(
      "button",
      {
        "--color": colorOf(model, row.name),
        "--part": row.score,
        "data-index": index,
        "data-model": model,
        "aria-pressed": String(chosen),
        tabindex: at === 0 || chosen ? "0" : "-1",
        onclick: () => onSelect(model, index),
        onpointerenter: () => onPoint(model, index),
        onpointerleave: () => onPoint(model, null),
        onfocus: () => onPoint(model, index),
        onblur: () => onPoint(model, null),
      },
      el("i", { "aria-hidden": "true" }),
      el("span.name", {}, row.name),
      el("span.size", {}, `${x2 - x1} × ${y2 - y1}`),
      el("span.meter", { "aria-hidden": "true" }),
      el("b", {}, row.score.toFixed(2)),
    ),
  );
}

// Arrow keys move through the list; the boxes follow.
export function moveInList(event) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  const rows = [...$("list").querySelectorAll("button")];
  const at = rows.indexOf(document.activeElement);
  if (!step || at < 0) return;
  event.preventDefault();
  const target = rows[at + step];
  if (!target) return;
  for (const row of rows) row.tabIndex = row === target ? 0 : -1;
  target.focus();
}

export function drawExplanation() {
  const panel = $("explain");
  const found = state.explanation;
  panel.hidden = !state.selected || !found;
  if (panel.hidden) return;
  const body = $("explain-body");
  if (found.loading || found.error) {
    body.replaceChildren(el("p.soft.note", {}, found.error ?? "Asking the model…"));
    return;
  }
  const { map, cell, shape, prior_box: box } = found;
  const size = `${Math.round(box[2] - box[0])} × ${Math.round(box[3] - box[1])} px`;
  body.replaceChildren(
    el(
      "p.note",
      {},
      "Default box ",
      el("b", {}, `${found.prior.toLocaleString("en-US")} of ${found.priors.toLocaleString("en-US")}`),
      " responded. It is dashed in the image, and its cell is filled.",
    ),
    el("dl.facts", {}, ...facts({ ...(found.suppressed === null ? {} : { suppressed: `${found.suppressed} weaker box${found.suppressed === 1 ? "" : "es"}` }), "source map": `${map.number} of ${map.of}, ${map.rows} × ${map.columns} cells`, cell: `row ${cell.row + 1}, column ${cell.column + 1}`, "box of the cell": `${shape.number} of ${shape.of}, ${size}` })),
    found.scores ? scores(found) : el("p.soft.note", {}, "This engine runs a file that ends with detections, so the scores of other classes are not known."),
  );
}

function facts(values) {
  return Object.entries(values).flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]);
}

function scores(found) {
  const rows = found.scores.slice(0, 6).map((row) => ({ name: row.name, score: row.score, color: colorOf(found.model, row.name) }));
  if (found.background !== null) rows.push({ name: "background", score: found.background, color: "var(--faint)" });
  return el(
    "ul.scores",
    { "aria-label": "Scores of the classes" },
    ...rows.map(({ name, score, color }) => el("li", { "--color": color, "--part": score }, el("span", {}, name), el("i", { "aria-hidden": "true" }), el("b", {}, percent(score)))),
  );
}

const percent = (score) => (score < 0.001 ? "< 0.1 %" : `${(100 * score).toFixed(1)} %`);

export function drawTimes(result) {
  $("timings").hidden = !result?.milliseconds;
  if (!result?.milliseconds) return;
  const { read, total } = result.request;
  const parts = { read, ...result.milliseconds, rest: Math.max(0, result.whole - total) };
  const whole = Object.values(parts).reduce((sum, ms) => sum + ms, 0);
  $("time-total").textContent = `${Math.round(result.whole)} ms`;
  $("time-bar").replaceChildren(...Object.keys(STAGES).map((stage, at) => el(`i.stage${at}`, { "--part": (parts[stage] ?? 0) / whole })));
  $("time-list").replaceChildren(...Object.entries(STAGES).flatMap(([stage, name], at) => [el(`dt.stage${at}`, {}, name), el("dd", {}, `${(parts[stage] ?? 0).toFixed(1)} ms`)]));
}

export function drawCard() {
  const model = modelFacts(activeModel());
  if (!model) return;
  $("card-title").textContent = model.name;
  const rest = Object.entries(model.info).filter(([name]) => name !== "about");
  const values = {
    network: `${model.network}, ${model.input.width} × ${model.input.height}, ${model.priors.toLocaleString("en-US")} default boxes`,
    engine: model.engine,
    ...Object.fromEntries(rest.map(([name, value]) => [name.replaceAll("_", " "), String(value)])),
    "SHA-256": model.digest,
  };
  $("card-body").replaceChildren(
    model.info.about ? el("p", {}, String(model.info.about)) : "",
    el("div.chips", {}, ...model.classes.map(({ name, color }) => el("span.chip", { "--color": color }, el("i", {}), name))),
    el("dl.facts", {}, ...facts(values)),
    el("p.soft.note", {}, `This service accepts up to ${counted(state.limits.images, "image")} of ${state.limits.megabytes}\u00a0MB and ${state.limits.megapixels}\u00a0megapixels at a time.`),
  );
}
