// Sends images to the service, a few at a time, and takes up again what was waiting while it was offline.

import { Offline, alive, detect, models } from "./api.js";
import { say } from "./dom.js";
import { changed, shownModels, state } from "./state.js";

const AT_ONCE = 3;
let running = 0;

export function addFiles(files) {
  const added = [...files].map((file, index) => ({
    id: `${Date.now()}-${state.items.length + index}-${Math.random()}`,
    name: file.name || "pasted image",
    blob: file,
    url: URL.createObjectURL(file),
    results: {},
    errors: {},
    pending: new Set(),
  }));
  if (!added.length) return;
  state.items.push(...added);
  state.current = added[0];
  state.selected = state.explanation = null;
  pump();
  changed();
}

export function remove(item) {
  URL.revokeObjectURL(item.url);
  const place = state.items.indexOf(item);
  state.items.splice(place, 1);
  if (state.current === item) state.current = state.items[Math.min(place, state.items.length - 1)] ?? null;
  state.selected = state.explanation = null;
  changed();
}

export function clear() {
  for (const item of state.items) URL.revokeObjectURL(item.url);
  state.items = [];
  state.current = state.selected = state.explanation = null;
  changed();
}

export function retry(item) {
  item.errors = {};
  pump();
  changed();
}

// The next image without a result, the shown one first.
function next() {
  const order = state.current ? [state.current, ...state.items] : state.items;
  for (const item of order) {
    for (const model of shownModels()) {
      if (!item.results[model] && !item.errors[model] && !item.pending.has(model)) return { item, model };
    }
  }
  return null;
}

export function pump() {
  while (running < AT_ONCE && !state.offline && state.models.length) {
    const found = next();
    if (!found) return;
    running += 1;
    work(found.item, found.model).finally(() => {
      running -= 1;
      pump();
      changed();
    });
  }
}

async function work(item, model) {
  item.pending.add(model);
  try {
    item.results[model] = await detect(item.blob, model);
    if (item === state.current) say(`${item.name}: ${item.results[model].detections.filter((row) => row.score >= state.minScore).length} detections`);
  } catch (error) {
    if (error instanceof Offline) goOffline();
    else item.errors[model] = { title: titleOf(error.status), text: sentence(error.message) };
  } finally {
    item.pending.delete(model);
  }
}

const UNREADABLE = [413, 415, 422];

const titleOf = (status) => (UNREADABLE.includes(status) ? "This image could not be read" : "The service could not answer");

const sentence = (text) => `${text[0].toUpperCase()}${text.slice(1)}${text.endsWith(".") ? "" : "."}`;

export function goOffline() {
  if (state.offline) return;
  state.offline = true;
  changed();
  setTimeout(look, 1000);
}

async function look() {
  if (!(await alive())) {
    setTimeout(look, 2000);
    return;
  }
  try {
    await loadModels();
  } catch {
    setTimeout(look, 2000);
    return;
  }
  state.offline = false;
  pump();
  changed();
}

export async function loadModels() {
  const answer = await models();
  state.models = answer.models;
  state.limits = answer.limits;
  state.token = answer.token;
  const names = state.models.map((model) => model.name);
  if (!names.includes(state.model)) [state.model] = names;
  if (state.second && !names.includes(state.second)) state.second = null;
  changed();
}
