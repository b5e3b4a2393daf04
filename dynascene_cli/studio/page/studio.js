"use strict";

const token = new URLSearchParams(location.search).get("token");
const page = Math.random().toString(36).slice(2);
const by = (id) => document.getElementById(id);
const overlay = by("overlay"), topView = by("top"), sunDial = by("sun");

let state = null;      // what the server told last
let number = 0;        // the frame of the clip that is looked at, from 0
let at = 0;            // which of the shown frames that is, or is next before it
let drag = null;       // what is dragged: {what, ...}
let move = null;       // the trajectory whose keyframes are edited
let playing = false;
let wanted = null;     // settings that wait until the last change is answered
let asked = null;      // settings that are sent and not yet answered
let sending = false;

async function ask(path, method = "GET", body = undefined) {
  const response = await fetch(path, {
    method, headers: {"x-page-token": token, "content-type": "application/json"},
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const answer = await response.json().catch(() => null);
  if (answer === null)
    throw Object.assign(new Error("the program failed: its terminal says why"), {status: response.status});
  if (!response.ok) throw Object.assign(new Error(answer.error), {status: response.status, answer});
  return answer;
}

// Settings: one change is sent at a time, the latest wins.

// What is set, answered or not: what is dropped or chosen stays so until its picture comes.
const current = () => wanted ?? asked ?? state.settings;

function set(changes) {
  wanted = {...current(), ...changes};
  markMove();
  send();
}

async function send() {
  if (sending || wanted === null) return;
  sending = true;
  by("busy").hidden = false;
  asked = wanted;
  wanted = null;
  try {
    const answer = await ask("/api/settings", "PUT", {settings: asked, version: state.version});
    asked = null;
    take(answer);
    by("told").textContent = "";
  } catch (error) {
    asked = null;
    await recover(error);
    show();
  }
  sending = false;
  by("busy").hidden = true;
  send();
}

// A change of another kind: what the server answers is shown, also where it refuses. Each waits for
// the one before, since it is made from the version that that one leaves.
let changes = Promise.resolve();

function change(path, method, body) {
  return changes = changes.then(async () => {
    while (sending) await new Promise((done) => setTimeout(done, 20));
    sending = true;
    by("busy").hidden = false;
    try {
      take(await ask(path, method, {...body, version: state.version}));
      by("told").textContent = "";
    } catch (error) {
      await recover(error);
      if (move) await readMove();
    }
    sending = false;
    by("busy").hidden = true;
    send();
  });
}

function tell(error) {
  const hint = error.answer?.hint;
  by("told").textContent = error.status === undefined && !error.answer && error instanceof TypeError
    ? "the program has ended" : hint ? `${error.message} (${hint})` : error.message;
}

// Tell what was refused; what another page changed meanwhile is shown.
async function recover(error) {
  tell(error);
  if (error.status !== 409) return;
  try { take(await ask("/api/state")); } catch (again) { tell(again); }
}

function take(answer) {
  const {camera, move_strength} = state.settings;
  state = answer;
  show();
  if (move && (camera !== answer.settings.camera || move_strength !== answer.settings.move_strength))
    readMove();
}

function show() {
  const {settings, shot} = state;
  document.documentElement.style.setProperty("--aspect", shot.width / shot.height);
  by("move_strength").value = settings.move_strength;
  const less = Math.abs(shot.used_strength - settings.move_strength) > 0.005;
  by("move_strength_value").textContent =
    settings.move_strength.toFixed(2) + (less ? ` (${shot.used_strength.toFixed(2)})` : "");
  by("horizon").value = (settings.horizon ?? shot.horizon).toFixed(3);
  by("camera_height").value = (settings.camera_height ?? shot.camera_height).toFixed(2);
  by("person_height").value = settings.person_height;
  const feetAt = settings.position ?? shot.feet_in_picture[0];
  by("feet_x").value = feetAt[0].toFixed(3);
  by("feet_y").value = feetAt[1].toFixed(3);
  by("relight").value = settings.relight ?? "";
  by("shadow").value = settings.shadow;
  by("sun_round").value = settings.sun ? settings.sun[0].toFixed(0) : "";
  by("sun_high").value = settings.sun ? settings.sun[1].toFixed(0) : "";
  for (const button of document.querySelectorAll("[data-reset]"))
    button.setAttribute("aria-pressed", settings[button.dataset.reset] === null);
  by("command").textContent = state.command;
  by("script").textContent = state.script;
  tellWarnings(by("warnings"), shot.warnings);
  showMatte();
  markMove();
  look();
}

function markMove() {
  for (const button of by("moves").children)
    button.setAttribute("aria-pressed", button.dataset.move === current().camera);
}

// The picture.

const view = () => document.querySelector("input[name=view]:checked").value;

// The shot is played by its shown frames, the matte looked at in every one.
const step = () => view() === "frame" ? state.shown_frames[1] ?? 1 : 1;

function goTo(frame) {
  const last = Math.floor((state.frame_count - 1) / step());
  number = Math.min(Math.max(Math.round(frame / step()), 0), last) * step();
  at = Math.floor(number / (state.shown_frames[1] ?? 1));
  return look();
}

async function picture() {
  const response = await fetch(`/api/${view()}/${number}.jpg`, {headers: {"x-page-token": token}});
  if (!response.ok) throw new Error((await response.json()).error);
  return URL.createObjectURL(await response.blob());
}

let looking = false, again = false;

async function look() {
  by("scrub").max = state.frame_count - 1;
  by("scrub").step = step();
  by("scrub").value = number;
  by("number").textContent =
    `${number + state.first_number} of ${state.frame_count - 1 + state.first_number}`;
  drawOverlay();
  drawTop();
  drawSun();
  if (looking) { again = true; return; }
  looking = true;
  do {
    again = false;
    const asked = `${state.version}/${number}/${view()}`;
    try {
      const url = await picture(), old = by("frame").src;
      by("frame").src = url;
      await by("frame").decode();
      by("frame").dataset.frame = asked;
      if (old.startsWith("blob:")) URL.revokeObjectURL(old);
    } catch (error) { tell(error); }
  } while (again);
  looking = false;
}

async function play() {
  playing = !playing;
  if (playing && number + step() >= state.frame_count) goTo(0);
  by("play").textContent = playing ? "❚❚" : "▶";
  while (playing) {
    const began = performance.now(), next = number + step();
    if (next >= state.frame_count && !by("loop").checked) { play(); break; }
    await goTo(next < state.frame_count ? next : 0);
    const rest = step() / state.frame_rate * 1000 - (performance.now() - began);
    await new Promise((done) => setTimeout(done, Math.max(rest, 0)));
  }
}

// Warnings: a time in one leads to its frame, and is marked on the timeline.

function tellWarnings(list, texts) {
  const times = [];
  list.replaceChildren(...texts.map((text) => {
    const item = document.createElement("li");
    for (const part of text.split(/(\d+(?:\.\d+)?(?:–\d+(?:\.\d+)?)? s\b)/)) {
      const time = / s$/.test(part) ? parseFloat(part) : NaN;
      if (!(time * state.frame_rate < state.frame_count)) { item.append(part); continue; }
      const jump = document.createElement("button");
      jump.className = "time";
      jump.textContent = part;
      jump.addEventListener("click", () => goTo(time * state.frame_rate));
      item.append(jump);
      times.push(time);
    }
    return item;
  }));
  if (list.id !== "warnings") return;
  by("marks").replaceChildren(...times.map((time) => {
    const mark = document.createElement("i");
    mark.style.left = `${time * state.frame_rate / Math.max(state.frame_count - 1, 1) * 100}%`;
    return mark;
  }));
}

// What lies over the picture, in the frame's pixels.

function project(point) {
  const K = state.shot.intrinsics[at], E = state.shot.world_to_camera[at];
  const [x, y, z] = E.map((row) => row[0] * point[0] + row[1] * point[1] + row[2] * point[2] + row[3]);
  return z < 0.05 ? null : [K[0][0] * x / z + K[0][2], K[1][1] * y / z + K[1][2]];
}

const horizonRow = () =>
  (drag?.what === "horizon" ? drag.value : current().horizon ?? state.shot.horizon)
  * state.shot.height;

function feet() {
  const {shot, settings} = state, here = shot.feet_in_picture[at];
  const [x, y] = drag?.what === "feet" ? drag.base.map((value, axis) => value + drag.by[axis])
    : here.map((value, axis) => {
      const was = (settings.position ?? shot.feet_in_picture[0])[axis];
      return value + (current().position?.[axis] ?? was) - was;
    });
  return [x * shot.width, y * shot.height];
}

const tall = () => drag?.what === "head" ? drag.pixels : state.shot.person_pixels[at];

function drawOverlay() {
  const {shot} = state;
  overlay.width = shot.width * 2;
  overlay.height = shot.height * 2;
  const pen = overlay.getContext("2d");
  pen.scale(2, 2);
  if (view() !== "frame") { drawStroke(pen); return; }
  if (by("grid").checked) drawGround(pen);
  pen.lineWidth = 1.5;
  pen.strokeStyle = "#5eead4";
  pen.beginPath();
  pen.moveTo(0, horizonRow());
  pen.lineTo(shot.width, horizonRow());
  pen.stroke();
  const [x, y] = feet();
  pen.setLineDash([4, 3]);
  pen.beginPath();
  pen.moveTo(x, y);
  pen.lineTo(x, y - tall());
  pen.stroke();
  pen.setLineDash([]);
  for (const [px, py] of [[x, y], [x, y - tall()]]) {
    pen.beginPath();
    pen.arc(px, py, 6, 0, 7);
    pen.fillStyle = "#0f766ecc";
    pen.fill();
    pen.stroke();
  }
  if (by("grid").checked) {
    caption(pen, "horizon", 6, horizonRow() - 6);
    caption(pen, "size", x + 10, y - tall() + 4);
    caption(pen, "feet", x + 10, y + 4);
  }
  drawKeysInPicture(pen);
}

// Words that stay as small on the screen whatever the picture's size.
function caption(pen, text, x, y) {
  const scale = state.shot.width / Math.max(overlay.clientWidth, 1);
  pen.font = `${12 * scale}px system-ui, sans-serif`;
  pen.lineWidth = 3 * scale;
  pen.strokeStyle = "#000c";
  pen.fillStyle = "#fff";
  pen.strokeText(text, x, y);
  pen.fillText(text, x, y);
}

function drawGround(pen) {
  const {shot} = state, height = shot.camera_height, [fx, , fz] = shot.feet[0];
  pen.strokeStyle = "#ffffff55";
  pen.lineWidth = 0.8;
  const line = (a, b) => {
    const points = [];
    for (let i = 0; i <= 24; i++) {
      const share = i / 24;
      points.push(project(a.map((value, axis) => value + (b[axis] - value) * share)));
    }
    pen.beginPath();
    let begun = false;
    for (const point of points) {
      if (point === null) { begun = false; continue; }
      if (begun) pen.lineTo(...point); else pen.moveTo(...point);
      begun = true;
    }
    pen.stroke();
  };
  for (let i = -8; i <= 8; i++) {
    line([fx + i, height, Math.max(fz - 8, 0.3)], [fx + i, height, fz + 16]);
    if (fz + 2 * i > 0.3) line([fx - 8, height, fz + 2 * i], [fx + 8, height, fz + 2 * i]);
  }
  pen.strokeStyle = "#fdba74aa";
  pen.lineWidth = 2;
  for (const [side, far] of [[-2, 2], [2, 2], [0, 8]])
    line([fx + side, height, fz + far], [fx + side, height - 1.7, fz + far]);
}

function inFrame(event, canvas = overlay, width = state.shot.width, height = state.shot.height) {
  const box = canvas.getBoundingClientRect();
  return [(event.clientX - box.left) / box.width * width, (event.clientY - box.top) / box.height * height];
}

overlay.addEventListener("pointerdown", (event) => {
  if (!state || view() !== "frame") return;
  const [x, y] = inFrame(event), [fx, fy] = feet();
  // As far off as a finger is wide.
  const reach = 16 * state.shot.width / Math.max(overlay.clientWidth, 1);
  drag = keyDragAt(x, y, reach);
  if (drag) { /* A keyframe lies over all else. */ }
  else if (Math.hypot(x - fx, y - fy) < reach)
    drag = {
      what: "feet", from: [x, y], by: [0, 0], base: [fx / state.shot.width, fy / state.shot.height],
      start: current().position ?? state.shot.feet_in_picture[0],
    };
  else if (Math.hypot(x - fx, y - fy + tall()) < reach) drag = {what: "head", pixels: tall()};
  else if (Math.abs(y - horizonRow()) < reach) drag = {what: "horizon", value: y / state.shot.height};
  if (drag) overlay.setPointerCapture(event.pointerId);
});

overlay.addEventListener("pointermove", (event) => {
  if (!drag) return;
  const {width, height} = state.shot, [x, y] = inFrame(event);
  if (drag.what === "feet") {
    drag.by = [(x - drag.from[0]) / width, (y - drag.from[1]) / height];
    set({position: drag.start.map((value, axis) => value + drag.by[axis])});
  } else if (drag.what === "head") drag.pixels = Math.max(feet()[1] - y, 4);
  else if (drag.what === "horizon") {
    drag.value = y / height;
    set({horizon: drag.value});
  } else dragKeyInPicture(x, y);
  drawOverlay();
});

overlay.addEventListener("pointerup", () => {
  if (!drag) return;
  const dropped = drag, {what} = drag, {settings} = state;
  if (what === "head") {
    const below = feet()[1] - horizonRow();
    if (below > 1) set({camera_height: Math.max(settings.person_height * below / drag.pixels, 0.05)});
  }
  drag = null;
  if (what === "aim" || what === "key") dropKeyInPicture(dropped);
  drawOverlay();
});

overlay.addEventListener("pointercancel", () => {
  const isKey = drag?.what === "key";
  drag = null;
  if (isKey) readMove(); else if (state) drawOverlay();
});

// The panel.

by("scrub").addEventListener("input", () => goTo(Number(by("scrub").value)));
by("before").addEventListener("click", () => goTo(number - step()));
by("after").addEventListener("click", () => goTo(number + step()));
by("play").addEventListener("click", play);
by("grid").addEventListener("change", drawOverlay);
addEventListener("resize", () => state && drawOverlay());
for (const input of document.querySelectorAll("input[name=view]"))
  input.addEventListener("change", () => { showMatte(); goTo(number); });
for (const name of ["horizon", "camera_height", "person_height", "move_strength"])
  by(name).addEventListener("change", () => {
    const value = Number(by(name).value);
    if (Number.isFinite(value)) set({[name]: value});
  });
by("move_strength").addEventListener("input", () => {
  by("move_strength_value").textContent = Number(by("move_strength").value).toFixed(2);
});
by("relight").addEventListener("change", () => set({relight: by("relight").value || null}));
by("shadow").addEventListener("change", () => set({shadow: by("shadow").value}));
for (const button of document.querySelectorAll("[data-reset]"))
  button.addEventListener("click", (event) => {
    event.preventDefault();
    set({[button.dataset.reset]: null});
  });
for (const name of ["feet_x", "feet_y"])
  by(name).addEventListener("change", () =>
    set({position: [Number(by("feet_x").value), Number(by("feet_y").value)]}));
for (const name of ["sun_round", "sun_high"])
  by(name).addEventListener("change", () =>
    set({sun: [Number(by("sun_round").value), Number(by("sun_high").value || 45)]}));
by("afresh").addEventListener("click", () => {
  move = null;
  showKeys();
  set({...state.defaults, clicks: state.settings.clicks});
});
by("copy").addEventListener("click", async () => {
  await navigator.clipboard.writeText(state.command);
  by("rendering").textContent = "copied";
});

// How far a render's stage is; a stage that does not count its frames shows a bar without an end.
function showProgress({stage, done, total, seconds_left: left}) {
  const bar = by("progress");
  bar.hidden = false;
  if (total) { bar.max = total; bar.value = done; } else bar.removeAttribute("value");
  const time = left == null ? "" : left < 60 ? `, about ${Math.round(left)} s left`
    : `, about ${Math.floor(left / 60)} min ${Math.round(left % 60)} s left`;
  by("rendering").textContent = !stage ? "rendering"
    : total ? `${stage}: ${done} of ${total}${time}` : stage;
}

by("render").addEventListener("click", async () => {
  by("render").disabled = true;
  try {
    let told = await ask("/api/render", "POST");
    while (told.running) {
      showProgress(told.progress);
      await new Promise((done) => setTimeout(done, 500));
      told = await ask("/api/render");
    }
    const {answer} = told;
    by("rendering").textContent = answer?.error ? `${answer.error} ${answer.hint ?? ""}` : `done: ${answer?.output}`;
  } catch (error) { tell(error); }
  by("progress").hidden = true;
  by("render").disabled = false;
});

// The server ends when no page tells that it is there.

async function alive() {
  try {
    const {version, working} = await ask(`/api/alive?page=${page}`, "POST");
    by("busy").textContent = working || "drawing";
    if (sending || drag || version === state.version) return;
    take(await ask("/api/state"));
    if (move) await readMove();
  } catch (error) {
    if (error.status === undefined) by("told").textContent = "the program has ended";
  }
}

addEventListener("pagehide", () => navigator.sendBeacon(`/api/closed?page=${page}&token=${token}`));

// The page's other scripts are there by then.
addEventListener("DOMContentLoaded", async () => {
  state = await ask("/api/state");
  const first = ["auto", "static", "handheld", "follow"];
  for (const name of [...first, ...state.presets.filter((each) => !first.includes(each))]) {
    const button = document.createElement("button");
    button.dataset.move = name;
    button.textContent = name === "auto" ? "the clip's own" : name;
    button.title = name === "auto" ? "The camera that filmed the clip." : state.preset_notes[name];
    button.addEventListener("click", () => { move = null; showKeys(); set({camera: name}); });
    by("moves").append(button);
  }
  show();
  alive();
  setInterval(alive, 1500);
});
