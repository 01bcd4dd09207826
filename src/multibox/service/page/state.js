// What the page knows. Every change goes through a function here; `changed` draws it.

export const state = {
  models: [],
  limits: null,
  token: false,
  model: null, // name of the first model
  second: null, // name of the second one while two are compared
  active: 0, // whose detections the list shows: 0 or 1
  items: [], // images, in the order in which they were added
  current: null, // the one that is shown
  minScore: 0.5,
  off: new Set(), // names of classes that are switched off
  selected: null, // { model, index } of a detection
  explanation: null,
  offline: false,
  camera: null,
};

let draw = () => {};

export function onChange(render) {
  draw = render;
}

let asked = false;

// Draw once for all changes until the next frame.
export function changed() {
  if (asked) return;
  asked = true;
  queueMicrotask(() => {
    asked = false;
    draw();
  });
}

export const shownModels = () => (state.second ? [state.model, state.second] : [state.model]);

export const activeModel = () => shownModels()[Math.min(state.active, shownModels().length - 1)];

export const modelFacts = (name) => state.models.find((model) => model.name === name);

export function colorOf(model, name) {
  return modelFacts(model)?.classes.find((one) => one.name === name)?.color ?? "#888888";
}

export const resultOf = (item, model) => item?.results[model];

export const isShown = (row) => row.score >= state.minScore && !state.off.has(row.name);

// The detections of an image that pass the filters, with their place in the answer.
export function shownRows(item, model) {
  const rows = resultOf(item, model)?.detections ?? [];
  return rows.map((row, index) => ({ row, index })).filter(({ row }) => isShown(row));
}
