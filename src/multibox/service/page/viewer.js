// Images with their boxes. A box is a button over the image; the list beside it is the way for the keyboard.

import { colorOf, isShown, resultOf, shownModels, shownRows, state } from "./state.js";
import { $, counted, el, icon, inkOn } from "./dom.js";

const MANY = 24; // boxes from which on names are shown only for the one that is pointed at

export function drawViews({ onSelect, onPoint, onRetry, onRemove, onActivate }) {
  const item = state.current;
  const names = shownModels();
  const views = $("views");
  views.classList.toggle("two", names.length > 1);
  const wanted = item ? names.map((name) => `${item.id} ${name}`) : [];
  const same = wanted.length === views.children.length && wanted.every((key, at) => views.children[at].dataset.key === key);
  if (!same) views.replaceChildren(...names.map((name, at) => (item ? frame(item, name, wanted[at]) : "")));
  if (!item) return;
  names.forEach((name, at) => {
    const view = views.children[at];
    const title = view.querySelector("figcaption");
    title.hidden = names.length < 2;
    title.replaceChildren(el("button.viewname", { "aria-pressed": String(state.active === at), onclick: () => onActivate(at) }, name), caption(item, name));
    view.querySelector(".busy").hidden = !item.pending.has(name) && (resultOf(item, name) || item.errors[name] || state.offline);
    drawProblem(view.querySelector(".problem"), item, name, { onRetry, onRemove });
    drawBoxes(view.querySelector(".boxes"), item, name, { onSelect, onPoint });
  });
}

function caption(item, name) {
  return el("span.soft", {}, resultOf(item, name) ? counted(shownRows(item, name).length, "detection") : "");
}

// Let the sheet have the shape of its image, so that boxes in percent lie on it; small images are enlarged a little.
export function fit(node, width, height) {
  const sheet = node.closest(".sheet");
  if (!sheet || !width || !height) return;
  sheet.style.setProperty("--ratio", width / height);
  sheet.style.setProperty("--natural", Math.max(width, 160));
}

function frame(item, name, key) {
  return el(
    "figure.view",
    { "data-key": key },
    el("figcaption", {}),
    el(
      "div.frame",
      {},
      el("div.sheet", {}, el("img", { src: item.url, alt: item.name, onload: (event) => fit(event.target, event.target.naturalWidth, event.target.naturalHeight), onerror: (event) => event.target.closest(".sheet").classList.add("noimage") }), el("div.marks", { "aria-hidden": "true" }), el("div.boxes", {}), el("div.busy", { role: "status" }, el("span.hidden-text", {}, "Detecting"))),
    ),
    el("div.problem", { role: "alert", hidden: true }),
  );
}

function drawProblem(place, item, name, { onRetry, onRemove }) {
  const error = item.errors[name];
  const key = error?.text ?? "";
  if (place.dataset.message === key) return;
  place.dataset.message = key;
  place.hidden = !error;
  place.replaceChildren();
  if (!error) return;
  place.append(
    icon("warn"),
    el("h2", {}, error.title),
    el("p", {}, error.text),
    el("div.choices", {}, el("button.primary", { onclick: () => onRetry(item) }, "Try again"), el("button", { onclick: () => onRemove(item) }, "Remove")),
  );
}

// Large boxes first, so that small ones lie on top of them.
export function drawBoxes(place, item, name, { onSelect, onPoint }) {
  const result = resultOf(item, name);
  const rows = shownRows(item, name).sort((a, b) => area(b.row) - area(a.row));
  const key = rows.map(({ index }) => index).join() + (state.selected?.model === name ? `:${state.selected.index}` : "");
  place.classList.toggle("many", rows.length > MANY);
  place.classList.toggle("one-chosen", state.selected?.model === name);
  drawMarks(place.parentElement.querySelector(".marks"), name);
  if (place.dataset.shown === key) return;
  place.dataset.shown = key;
  place.replaceChildren(...rows.map(({ row, index }) => box(row, index, result, name, { onSelect, onPoint })));
}

const area = ({ box: [x1, y1, x2, y2] }) => (x2 - x1) * (y2 - y1);

function place([x1, y1, x2, y2], { width, height }) {
  return {
    "--x": `${(100 * x1) / width}%`,
    "--y": `${(100 * y1) / height}%`,
    "--w": `${(100 * (x2 - x1)) / width}%`,
    "--h": `${(100 * (y2 - y1)) / height}%`,
  };
}

function box(row, index, result, model, { onSelect, onPoint }) {
  const color = colorOf(model, row.name);
  const chosen = state.selected?.model === model && state.selected.index === index;
  const low = row.box[1] < result.height * 0.06;
  return el(
    `button.box${chosen ? ".chosen" : ""}${low ? ".inside" : ""}`,
    {
      ...place(row.box, result),
      "--color": color,
      "--label": inkOn(color),
      tabindex: "-1",
      "data-index": index,
      "aria-label": `${row.name}, score ${row.score.toFixed(2)}: explain`,
      onclick: (event) => {
        event.stopPropagation();
        onSelect(model, index);
      },
      onpointerenter: () => onPoint(model, index),
      onpointerleave: () => onPoint(model, null),
    },
    el("span", {}, row.name, el("b", {}, row.score.toFixed(2))),
  );
}

// The cell and the prior of the explained detection.
function drawMarks(marks, model) {
  const found = state.explanation;
  const shown = found && found.model === model && state.selected?.model === model ? found : null;
  marks.replaceChildren(
    ...(shown
      ? [el("i.cell", place(clipped(shown.cell.box, shown), shown)), el("i.prior", place(shown.prior_box, shown))]
      : []),
  );
}

const clipped = ([x1, y1, x2, y2], { width, height }) => [Math.max(0, x1), Math.max(0, y1), Math.min(width, x2), Math.min(height, y2)];

// Light up a box while the pointer is over its row, and a row while it is over its box.
export function point(model, index) {
  for (const view of document.querySelectorAll(".view, .livebox")) {
    const own = view.dataset.key === undefined || view.dataset.key.endsWith(` ${model}`);
    for (const node of view.querySelectorAll(".box")) node.classList.toggle("lit", own && index !== null && Number(node.dataset.index) === index);
  }
  for (const row of document.querySelectorAll("#list button")) row.classList.toggle("lit", index !== null && row.dataset.model === model && Number(row.dataset.index) === index);
}

export function drawStrip({ onShow }) {
  const strip = $("strip");
  const known = new Map([...strip.children].map((node) => [node.dataset.id, node]));
  const nodes = state.items.map((item) => {
    const node = known.get(item.id) ?? thumbnail(item, onShow);
    const results = shownModels().map((name) => resultOf(item, name));
    const failed = shownModels().some((name) => item.errors[name]);
    const count = results[0]?.detections.filter(isShown).length;
    node.classList.toggle("waiting", !failed && results.includes(undefined));
    node.classList.toggle("failed", failed);
    node.querySelector("b").textContent = failed ? "!" : count ?? "";
    node.setAttribute("aria-label", `${item.name}${failed ? ", failed" : count === undefined ? ", waiting" : `, ${counted(count, "detection")}`}`);
    if (item === state.current) node.setAttribute("aria-current", "true");
    else node.removeAttribute("aria-current");
    return node;
  });
  if (nodes.length !== strip.children.length || nodes.some((node, at) => strip.children[at] !== node)) strip.replaceChildren(...nodes);
  if (shownId !== state.current?.id) {
    shownId = state.current?.id;
    strip.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }
}

let shownId;

function thumbnail(item, onShow) {
  return el("button.thumb", { "data-id": item.id, title: item.name, onclick: () => onShow(item) }, el("img", { src: item.url, alt: "", loading: "lazy" }), el("b", {}));
}
