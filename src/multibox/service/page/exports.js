// Results to take away: JSON, a COCO data set, an image with boxes, and the same request with curl.

import { drawn } from "./api.js";
import { $ } from "./dom.js";
import { activeModel, modelFacts, resultOf, shownRows, state } from "./state.js";

export function save(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

const asFile = (value, name) => save(new Blob([`${JSON.stringify(value, null, 1)}\n`], { type: "application/json" }), name);

const answered = (model) => state.items.filter((item) => resultOf(item, model));

export function saveJson() {
  const model = activeModel();
  const images = answered(model).map((item) => {
    const { width, height } = resultOf(item, model);
    return { image: item.name, width, height, detections: shownRows(item, model).map(({ row }) => row) };
  });
  asFile({ model, min_score: state.minScore, images }, "detections.json");
}

export function saveCoco() {
  const model = activeModel();
  const { classes } = modelFacts(model);
  const images = [];
  const annotations = [];
  for (const item of answered(model)) {
    const { width, height } = resultOf(item, model);
    images.push({ id: images.length + 1, file_name: item.name, width, height });
    for (const { row } of shownRows(item, model)) {
      const [x1, y1, x2, y2] = row.box;
      const bbox = [x1, y1, x2 - x1, y2 - y1].map((side) => Math.round(100 * side) / 100);
      annotations.push({ id: annotations.length + 1, image_id: images.length, category_id: row.label + 1, bbox, area: Math.round(100 * bbox[2] * bbox[3]) / 100, iscrowd: 0, score: row.score });
    }
  }
  asFile({ images, categories: classes.map(({ label, name }) => ({ id: label + 1, name })), annotations }, "detections.coco.json");
}

// The parameters of the filters as the service takes them.
function query(model) {
  const parameters = new URLSearchParams();
  if (state.models.length > 1) parameters.set("model", model);
  parameters.set("min_score", state.minScore.toFixed(2));
  const { classes } = modelFacts(model);
  const kept = classes.filter(({ name }) => !state.off.has(name)).map(({ name }) => name);
  if (kept.length && kept.length < classes.length) parameters.set("classes", kept.join(","));
  return parameters;
}

export async function saveImage() {
  const { current } = state;
  const model = activeModel();
  const parameters = query(model);
  parameters.set("format", "image");
  const blob = await drawn(current.blob, parameters);
  save(blob, `${current.name.replace(/\.[^.]*$/, "")}-detections.${blob.type === "image/png" ? "png" : "jpg"}`);
}

const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

export function curl() {
  const { current } = state;
  if (!current || !state.models.length) return "";
  const address = new URL(`v1/detect?${query(activeModel())}`, document.baseURI);
  const token = state.token ? ' \\\n  -H "Authorization: Bearer $TOKEN"' : "";
  return `curl${token} \\\n  --data-binary @${quoted(current.name)} \\\n  ${quoted(address.href.replaceAll("%2C", ","))}`;
}

export async function copyCurl() {
  try {
    await navigator.clipboard.writeText($("curl").textContent);
  } catch {
    const selection = getSelection();
    selection.selectAllChildren($("curl"));
    document.execCommand("copy");
    selection.removeAllRanges();
  }
}
