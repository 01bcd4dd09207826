// Detection in the browser: reads model.json and model.onnx, which end with the boxes and scores of all priors.
import * as ort from "./ort/ort.wasm.min.mjs";

const part = (id) => document.getElementById(id);
const canvas = part("canvas");
const context = canvas.getContext("2d");
let about, session, source, found = [], stream = null;

// The two places of each new pixel along a side, and their weights in units of 1/2048, as in cv2.resize: behind the edge
// a row keeps the weights of its two places, which are the same, a column has one place.
function places(size, newSize, isRow) {
  const even = (value) => value % 1 === 0.5 ? 2 * Math.round(value / 2) : Math.round(value);
  const within = (place) => Math.min(Math.max(place, 0), size - 1);
  return Array.from({ length: newSize }, (_, i) => {
    const at = Math.fround((i + 0.5) * (1 / (newSize / size)) - 0.5), first = Math.floor(at);
    const part = isRow || (first >= 0 && first < size - 1) ? Math.fround(at - first) : 0;
    return [within(first), within(first + 1), even(Math.fround(1 - part) * 2048), even(part * 2048)];
  });
}

// Linear interpolation with the rounding of cv2.resize for 8 bits, INTER_LINEAR, so that scores are those of Python.
export function resize(rgba, width, height, newWidth, newHeight) {
  const rgb = new Uint8Array(newWidth * newHeight * 3), columns = places(width, newWidth, false);
  const isHalf = width === 2 * newWidth && height === 2 * newHeight;  // OpenCV then takes the mean of four pixels
  const row = (y) => {
    const sums = new Int32Array(3 * newWidth);
    for (let x = 0, at = 0; x < newWidth; x++) {
      const [left, right, a, b] = columns[x];
      for (let c = 0; c < 3; c++, at++) {
        const one = rgba[4 * (y * width + left) + c], other = rgba[4 * (y * width + right) + c];
        sums[at] = isHalf ? one + other : (one * a + other * b) >> 4;
      }
    }
    return sums;
  };
  let known = new Map();
  places(height, newHeight, true).forEach(([top, bottom, a, b], y) => {
    known = new Map([top, bottom].map((at) => [at, known.get(at) ?? row(at)]));
    const upper = known.get(top), lower = known.get(bottom), start = 3 * newWidth * y;
    for (let at = 0; at < upper.length; at++) {
      const sum = isHalf ? upper[at] + lower[at] : (a * upper[at] >> 16) + (b * lower[at] >> 16);
      rgb[start + at] = (sum + 2) >> 2;
    }
  });
  return rgb;
}

function iou(a, b) {
  const width = Math.min(a[2], b[2]) - Math.max(a[0], b[0]), height = Math.min(a[3], b[3]) - Math.max(a[1], b[1]);
  if (width <= 0 || height <= 0) return 0;
  const area = (c) => (c[2] - c[0]) * (c[3] - c[1]);
  return width * height / (area(a) + area(b) - width * height);
}

// Threshold, best per class, greedy suppression within each class, best per image.
export function select(boxes, scores, rules, classes) {
  const kept = [];
  for (let label = 0; label < classes; label++) {
    const candidates = [];
    for (let prior = 0; prior * classes < scores.length; prior++) {
      const score = scores[prior * classes + label];
      if (score > rules.score_threshold) candidates.push({ label, score, box: boxes.slice(4 * prior, 4 * prior + 4) });
    }
    candidates.sort((a, b) => b.score - a.score);
    const survivors = [];
    for (const one of candidates.slice(0, rules.per_class)) {
      if (survivors.every((other) => iou(other.box, one.box) <= rules.nms_threshold)) survivors.push(one);
    }
    kept.push(...survivors);
  }
  return kept.sort((a, b) => b.score - a.score).slice(0, rules.per_image);
}

async function detect(image, width, height) {
  canvas.width = width;
  canvas.height = height;
  context.drawImage(image, 0, 0, width, height);
  const started = performance.now();
  const { name, height: rows, width: columns } = about.input;
  const pixels = resize(context.getImageData(0, 0, width, height).data, width, height, columns, rows);
  const outputs = await session.run({ [name]: new ort.Tensor("uint8", pixels, [1, rows, columns, 3]) });
  found = select(outputs.boxes.data, outputs.scores.data, about.detection, about.class_names.length);
  for (const one of found) {
    one.box = Array.from(one.box, (side, i) => Math.min(Math.max(side, 0), 1) * (i % 2 ? height : width));
  }
  source = image;
  return performance.now() - started;
}

const color = (label) => `hsl(${(label * 137.5) % 360} 70% 38%)`;

function show(milliseconds) {
  const minimum = Number(part("score").value), shown = found.filter((one) => one.score >= minimum);
  part("shown").value = minimum.toFixed(2);
  if (!source) return;
  part("hint").hidden = true;
  canvas.style.display = "block";
  context.drawImage(source, 0, 0, canvas.width, canvas.height);
  const unit = Math.max(canvas.width, canvas.height) / 400;
  context.lineWidth = 2 * unit;
  context.font = `${12 * unit}px system-ui, sans-serif`;
  context.textBaseline = "bottom";
  for (const { label, score, box: [x1, y1, x2, y2] } of shown.toReversed()) {
    const text = `${about.class_names[label]} ${score.toFixed(2)}`;
    context.strokeStyle = context.fillStyle = color(label);
    context.strokeRect(x1, y1, x2 - x1, y2 - y1);
    const y = Math.max(y1, 16 * unit);
    context.fillRect(x1 - unit, y - 16 * unit, context.measureText(text).width + 8 * unit, 16 * unit);
    context.fillStyle = "#fff";
    context.fillText(text, x1 + 3 * unit, y - unit);
  }
  list(shown);
  const time = milliseconds === undefined ? "" : ` in ${milliseconds.toFixed(0)} ms`;
  say(`${shown.length} object${shown.length === 1 ? "" : "s"}${time}`);
}

function list(shown) {
  part("list").hidden = shown.length === 0;
  part("list").tBodies[0].replaceChildren(...shown.map(({ label, score, box }) => {
    const row = document.createElement("tr"), swatch = document.createElement("span");
    for (const text of [about.class_names[label], score.toFixed(3), ...box.map((side) => side.toFixed(1))]) {
      row.insertCell().textContent = text;
    }
    swatch.className = "swatch";
    swatch.style.background = color(label);
    row.cells[0].prepend(swatch);
    return row;
  }));
}

function say(text, isError = false) {
  part("status").textContent = text;
  part("status").className = isError ? "error" : "";
}

async function open(file) {
  stopCamera();
  try {
    const image = await createImageBitmap(file);
    show(await detect(image, image.width, image.height));
  } catch (error) {
    say(`This file cannot be shown as an image: ${error.message}`, true);
  }
}

async function startCamera() {
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
  } catch (error) {
    say(`No camera: ${error.message}`, true);
    return;
  }
  part("camera").setAttribute("aria-pressed", "true");
  const video = document.createElement("video");
  video.srcObject = stream;
  video.muted = video.playsInline = true;
  await video.play();
  while (stream) {
    show(await detect(video, video.videoWidth, video.videoHeight));
    await new Promise(requestAnimationFrame);
  }
}

function stopCamera() {
  stream?.getTracks().forEach((track) => track.stop());
  stream = null;
  part("camera").setAttribute("aria-pressed", "false");
}

function connect() {
  const stage = part("stage");
  part("file").addEventListener("change", (event) => event.target.files[0] && open(event.target.files[0]));
  part("camera").addEventListener("click", () => (stream ? stopCamera() : startCamera()));
  part("score").addEventListener("input", () => show());
  stage.addEventListener("dragover", (event) => { event.preventDefault(); stage.classList.add("over"); });
  stage.addEventListener("dragleave", () => stage.classList.remove("over"));
  stage.addEventListener("drop", (event) => {
    event.preventDefault();
    stage.classList.remove("over");
    if (event.dataTransfer.files[0]) open(event.dataTransfer.files[0]);
  });
  part("file").disabled = part("camera").disabled = false;
  document.querySelector(".file").classList.remove("off");
}

try {
  ort.env.wasm.wasmPaths = new URL("ort/", document.baseURI).href;
  ort.env.wasm.numThreads = self.crossOriginIsolated ? navigator.hardwareConcurrency : 1;
  about = await (await fetch("model.json")).json();
  session = await ort.InferenceSession.create("model.onnx", { executionProviders: ["wasm"] });
  part("about").textContent = `Finds ${about.class_names.join(", ")}.`;
  connect();
  window.multibox = { detections: () => found.map((one) => ({ ...one, name: about.class_names[one.label] })) };
} catch (error) {
  part("about").textContent = "";
  say(`The model cannot be loaded: ${error.message}`, true);
}
