// The page: events from the user change the state, and the state is drawn.

import { explain } from "./api.js";
import { drawCamera, keepFrame, startCamera, stopCamera } from "./camera.js";
import { $, el, say } from "./dom.js";
import { copyCurl, curl, saveCoco, saveImage, saveJson } from "./exports.js";
import { droppedImages, isImage, pastedImages } from "./files.js";
import { drawCard, drawExplanation, drawFilters, drawList, drawTimes, moveInList } from "./inspector.js";
import { addFiles, clear, goOffline, loadModels, pump, remove, retry } from "./queue.js";
import { activeModel, changed, modelFacts, onChange, resultOf, shownModels, state } from "./state.js";
import { drawBoxes, drawStrip, drawViews, point } from "./viewer.js";

function show(item) {
  stopCamera();
  state.current = item;
  state.selected = state.explanation = null;
  pump();
  changed();
}

async function select(model, index) {
  const names = shownModels();
  if (state.selected?.model === model && state.selected.index === index) return unselect();
  state.active = Math.max(0, names.indexOf(model));
  state.selected = { model, index };
  const item = state.current;
  if (!item) return changed();
  const row = resultOf(item, model).detections[index];
  state.explanation = { loading: true };
  changed();
  const chosen = state.selected;
  let found;
  try {
    if (row.prior < 0) throw new Error("This model does not tell which default box made a detection.");
    found = await explain(item.blob, model, row.prior);
  } catch (error) {
    found = { error: error.message };
  }
  if (state.selected !== chosen) return;
  state.explanation = found;
  changed();
  if (!found.error) say(`${row.name}: default box ${found.prior}, cell in row ${found.cell.row + 1} and column ${found.cell.column + 1} of source map ${found.map.number}`);
}

function unselect() {
  state.selected = state.explanation = null;
  changed();
}

function toggle(name) {
  if (!state.off.delete(name)) state.off.add(name);
  changed();
}

const handlers = {
  onSelect: select,
  onPoint: point,
  onRetry: retry,
  onRemove: remove,
  onToggle: toggle,
  onShow: show,
  onActivate: (at) => {
    state.active = at;
    state.selected = state.explanation = null;
    changed();
  },
};
handlers.onTab = handlers.onActivate;

function draw() {
  const live = Boolean(state.camera);
  const filled = live || state.items.length > 0;
  const result = live ? state.camera.result : resultOf(state.current, activeModel());
  $("main").dataset.state = live ? "live" : filled ? "images" : "empty";
  $("empty").hidden = filled;
  $("views").hidden = !filled;
  $("tools").hidden = live || !filled;
  $("camera-tools").hidden = !live;
  if (live) drawLive();
  else {
    drawViews(handlers);
    drawStrip(handlers);
  }
  drawFilters(result, handlers);
  drawList(live ? null : state.current, handlers);
  drawExplanation();
  drawTimes(result);
  $("export").hidden = live || !resultOf(state.current, activeModel());
  $("curl").textContent = curl();
  drawModels();
  drawBanner();
}

function drawLive() {
  const boxes = drawCamera($("views"));
  const { result } = state.camera;
  if (!result) return;
  const model = activeModel();
  boxes.dataset.shown = "another frame";
  drawBoxes(boxes, { results: { [model]: result } }, model, { onSelect: () => {}, onPoint: point });
}

function drawBanner() {
  $("banner").hidden = !state.offline;
  $("banner").querySelector("span").textContent = state.offline ? "The service does not answer. Trying again…" : "";
}

let drawnModels = "";

function drawModels() {
  const names = state.models.map((model) => model.name);
  const many = names.length > 1;
  const key = JSON.stringify([names, state.model, state.second]);
  if (key === drawnModels) return;
  drawnModels = key;
  for (const [id, chosen] of [["model", state.model], ["second", state.second]]) {
    $(id).replaceChildren(...names.map((name) => el("option", { value: name, selected: name === chosen }, name)));
    $(id).value = chosen ?? "";
  }
  $("model").disabled = !many;
  $("compare").disabled = !many;
  $("compare").title = many ? "Compare two models" : "To compare, start the service with two models";
  $("compare").setAttribute("aria-pressed", String(Boolean(state.second)));
  $("second-pick").hidden = $("versus").hidden = !state.second;
  const classes = modelFacts(state.model)?.classes.map(({ name }) => name) ?? [];
  const some = classes.length > 8 ? `${classes.slice(0, 7).join(", ")} and ${classes.length - 7} more` : classes.join(", ");
  $("hint").querySelector(".classes").textContent = classes.length ? `This model knows ${some}.` : "";
}

function compare() {
  const others = state.models.map((model) => model.name).filter((name) => name !== state.model);
  state.second = state.second ? null : others[0];
  state.active = 0;
  state.selected = state.explanation = null;
  pump();
  changed();
}

function choose(which, name) {
  state[which] = name;
  if (state.model === state.second) state.second = state.models.map((model) => model.name).find((other) => other !== state.model);
  state.selected = state.explanation = null;
  pump();
  changed();
}

async function open(kind) {
  if (kind !== "camera") return $(kind).click();
  try {
    await startCamera();
  } catch (error) {
    const reason = error.name === "NotAllowedError" ? "The browser does not allow the camera." : error.name === "NotFoundError" ? "There is no camera." : error.message;
    toast(reason);
  }
}

function toast(text) {
  say(text);
  const note = el("div.toast", {}, text);
  document.body.append(note);
  setTimeout(() => note.remove(), 4000);
}

async function guarded(work) {
  try {
    await work();
  } catch (error) {
    toast(error.message);
  }
}

function listen() {
  for (const button of document.querySelectorAll("[data-open]")) button.addEventListener("click", () => open(button.dataset.open));
  for (const id of ["files", "folder"]) {
    $(id).addEventListener("change", (event) => {
      const files = [...event.target.files].filter(isImage);
      if (!files.length && event.target.files.length) toast("There are no images in this selection.");
      addFiles(files);
      event.target.value = "";
    });
  }
  $("score").addEventListener("input", (event) => {
    state.minScore = Number(event.target.value);
    changed();
  });
  $("model").addEventListener("change", (event) => choose("model", event.target.value));
  $("second").addEventListener("change", (event) => choose("second", event.target.value));
  $("compare").addEventListener("click", compare);
  $("about").addEventListener("click", () => {
    drawCard();
    if (state.models.length) $("card").showModal();
  });
  $("card").addEventListener("click", (event) => event.target === $("card") && $("card").close());
  $("theme").addEventListener("click", switchTheme);
  $("clear").addEventListener("click", clear);
  $("capture").addEventListener("click", keepFrame);
  $("stop").addEventListener("click", stopCamera);
  $("explain-close").addEventListener("click", unselect);
  $("list").addEventListener("keydown", moveInList);
  $("save-json").addEventListener("click", saveJson);
  $("save-coco").addEventListener("click", saveCoco);
  $("save-image").addEventListener("click", () => guarded(saveImage));
  $("copy").addEventListener("click", () => guarded(async () => {
    await copyCurl();
    toast("Copied.");
  }));
  document.addEventListener("keydown", onKey);
  document.addEventListener("paste", (event) => addFiles(pastedImages(event.clipboardData)));
  listenToDrops();
}

function onKey(event) {
  if (event.key === "Escape" && state.selected && !$("card").open) unselect();
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (step && !event.target.matches("input, select, pre") && state.items.length > 1 && !state.camera) {
    const at = state.items.indexOf(state.current) + step;
    if (state.items[at]) show(state.items[at]);
  }
}

function listenToDrops() {
  let depth = 0;
  const over = (inside) => {
    depth = inside ? depth : 0;
    $("drop").hidden = !inside;
  };
  document.addEventListener("dragenter", (event) => {
    if (![...event.dataTransfer.types].includes("Files")) return;
    depth += 1;
    over(true);
  });
  document.addEventListener("dragleave", () => {
    depth = Math.max(0, depth - 1);
    if (!depth) over(false);
  });
  document.addEventListener("dragover", (event) => event.preventDefault());
  document.addEventListener("drop", async (event) => {
    event.preventDefault();
    over(false);
    const files = await droppedImages(event.dataTransfer);
    if (!files.length) toast("There are no images in what was dropped.");
    stopCamera();
    addFiles(files);
  });
}

function switchTheme() {
  const dark = document.documentElement.dataset.theme ? document.documentElement.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  setTheme(dark ? "light" : "dark");
}

function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  try {
    localStorage.setItem("multibox-theme", theme);
  } catch {
    // without storage the choice lasts until the page is closed
  }
}

function start() {
  try {
    const theme = localStorage.getItem("multibox-theme");
    if (theme) setTheme(theme);
  } catch {
    // the system's choice
  }
  onChange(draw);
  listen();
  draw();
  loadModels().then(pump, goOffline);
}

start();
