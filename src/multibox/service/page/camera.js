// The camera: one frame after the other goes to the service, and its boxes lie over the running video.

import { Offline, detect } from "./api.js";
import { $, el, say } from "./dom.js";
import { activeModel, changed, state } from "./state.js";
import { fit } from "./viewer.js";
import { addFiles, goOffline } from "./queue.js";

const LONGEST_SIDE = 960;
const QUALITY = 0.85;

export async function startCamera() {
  if (state.camera) return;
  if (!navigator.mediaDevices) {
    say("The camera needs https, or a page on this machine.");
    throw new Error("The camera needs https, or a page on this machine.");
  }
  const stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment", width: { ideal: 1280 } }, audio: false });
  const video = el("video", { playsinline: true, muted: true, "aria-label": "Camera" });
  video.muted = true;
  video.srcObject = stream;
  state.camera = { stream, video, result: null, times: [] };
  state.selected = state.explanation = null;
  stream.getVideoTracks()[0].addEventListener("ended", stopCamera);
  await video.play();
  changed();
  run(state.camera);
}

export function stopCamera() {
  if (!state.camera) return;
  for (const track of state.camera.stream.getTracks()) track.stop();
  state.camera = null;
  changed();
}

async function run(camera) {
  while (state.camera === camera) {
    try {
      const blob = await frame(camera.video);
      camera.result = await detect(blob, activeModel());
      camera.times = [...camera.times.slice(-9), performance.now()];
    } catch (error) {
      if (error instanceof Offline) {
        goOffline();
        stopCamera();
        return;
      }
      await new Promise((done) => setTimeout(done, 500));
    }
    changed();
    await new Promise(requestAnimationFrame);
  }
}

export function rate({ times }) {
  if (times.length < 2) return "";
  return `${((1000 * (times.length - 1)) / (times.at(-1) - times[0])).toFixed(1)} images a second`;
}

function frame(video) {
  const scale = Math.min(1, LONGEST_SIDE / Math.max(video.videoWidth, video.videoHeight));
  const canvas = document.createElement("canvas");
  canvas.width = Math.round(scale * video.videoWidth);
  canvas.height = Math.round(scale * video.videoHeight);
  canvas.getContext("2d").drawImage(video, 0, 0, canvas.width, canvas.height);
  return new Promise((done) => canvas.toBlob(done, "image/jpeg", QUALITY));
}

export async function keepFrame() {
  const blob = await frame(state.camera.video);
  const name = `camera-${new Date().toISOString().slice(11, 19).replaceAll(":", "")}.jpg`;
  stopCamera();
  addFiles([new File([blob], name, { type: "image/jpeg" })]);
}

export function drawCamera(views) {
  const { video } = state.camera;
  if (!views.contains(video)) {
    views.classList.remove("two");
    views.replaceChildren(el("figure.view.livebox", {}, el("div.frame", {}, el("div.sheet", {}, video, el("div.marks", {}), el("div.boxes", {})))));
  }
  fit(video, video.videoWidth, video.videoHeight);
  $("rate").textContent = rate(state.camera);
  return views.querySelector(".boxes");
}
