"use strict";

// The keyframes of the move: over the timeline, in the picture, in the view from above, in numbers.

let chosen = 0;        // the keyframe that the numbers are of

// Where a keyframe's numbers are in the place: its units, and what pivots looks at the person.

const bearing = () => move.pivot === "subject"
  ? Math.atan2(state.shot.feet[0][0], state.shot.feet[0][2]) : 0;
const unit = () => ({metres: 1, scene_depth: state.shot.scene_depth})[move.units]
  ?? state.shot.subject_distance;

function turned([x, y, z], angle) {
  const c = Math.cos(angle), s = Math.sin(angle);
  return [x * c + z * s, y, z * c - x * s];
}

const toPlace = (vector) => turned(vector.map((value) => value * unit()), bearing());
const toMove = (vector) => turned(vector, -bearing()).map((value) => value / unit());
const keyPosition = (key) => toPlace(key.position ?? [0, 0, 0]);

// What a move's times are counted in, in times of the whole clip.
const clipTime = () => move.time_unit === "seconds"
  ? Math.max(state.frame_count - 1, 1) / state.frame_rate : 1;
const frameOf = (key) => key.time / clipTime() * (state.frame_count - 1);
const isAt = (key) => Math.abs(Math.round(frameOf(key) / step()) * step() - number) < 0.5;

// A direction as angles: to the right, and up.
const angles = ([x, y, z]) => [Math.atan2(x, z), Math.atan2(-y, Math.hypot(x, z))];

function forward(key) {
  if (key.look_at) return key.look_at.map((value, axis) => value - (key.position ?? [0, 0, 0])[axis]);
  const [w, x, y, z] = key.rotation_quat ?? [1, 0, 0, 0];
  return [2 * (x * z + w * y), 2 * (y * z - w * x), 1 - 2 * (x * x + y * y)];
}

// A move that does not turn goes on not turning while its keyframes are dragged.
function turns() {
  const all = move.keyframes.map((key) => angles(forward(key)));
  return all.some((each) => each.some((angle, axis) => Math.abs(angle - all[0][axis]) > 0.002));
}

function moveKey(key, position, keepsDirection = !turns()) {
  const before = key.position ?? [0, 0, 0];
  if (key.look_at && keepsDirection)
    key.look_at = key.look_at.map((value, axis) => value + position[axis] - before[axis]);
  key.position = position;
}

function aim(key, byRight, byUp) {
  const direction = forward(key), length = Math.max(Math.hypot(...direction), 1e-3);
  const [right, up] = angles(direction);
  const tilt = Math.min(Math.max(up + byUp, -1.4), 1.4), pan = right + byRight;
  const level = length * Math.cos(tilt), [x, y, z] = key.position ?? [0, 0, 0];
  key.look_at = [x + level * Math.sin(pan), y - length * Math.sin(tilt), z + level * Math.cos(pan)];
  delete key.rotation_quat;
}

const sendMove = () => change("/api/move", "PUT", {move});

async function readMove() {
  try { move = await ask("/api/move"); } catch (error) { move = null; tell(error); }
  chosen = Math.min(chosen, (move?.keyframes.length ?? 1) - 1);
  showKeys();
}

function showKeys() {
  by("edit").setAttribute("aria-pressed", move !== null);
  by("keyframe").hidden = move === null || view() !== "frame";
  drawTop();
  drawKeys();
  drawOverlay();
  if (move) showNumbers();
}

by("edit").addEventListener("click", () => {
  if (move === null) return readMove();
  move = null;
  showKeys();
});

// In numbers, which need no pointer.

const seconds = (key) => frameOf(key) / state.frame_rate;
const NUMBERS = {key_right: [0, 1], key_up: [1, -1], key_forward: [2, 1]};

function showNumbers() {
  const key = move.keyframes[chosen];
  by("key_which").replaceChildren(...move.keyframes.map((each, index) => {
    const option = document.createElement("option");
    option.value = index;
    option.textContent = `${index + 1} of ${move.keyframes.length}, at ${seconds(each).toFixed(2)} s`;
    return option;
  }));
  by("key_which").value = chosen;
  by("key_time").value = seconds(key).toFixed(2);
  for (const [name, [axis, sign]] of Object.entries(NUMBERS))
    by(name).value = ((key.position ?? [0, 0, 0])[axis] * unit() * sign + 0).toFixed(2);
  by("key_zoom").value = (key.focal_ratio ?? 1).toFixed(2);
  by("key_zoom").disabled = key.focal_mm !== undefined;
  by("key_remove").disabled = move.keyframes.length < 2;
}

by("key_which").addEventListener("change", () => {
  chosen = Number(by("key_which").value);
  goTo(frameOf(move.keyframes[chosen]));
  showKeys();
});

for (const [name, [axis, sign]] of Object.entries(NUMBERS))
  by(name).addEventListener("change", () => {
    const key = move.keyframes[chosen], position = [...(key.position ?? [0, 0, 0])];
    position[axis] = Number(by(name).value) * sign / unit();
    moveKey(key, position);
    sendMove();
  });

by("key_zoom").addEventListener("change", () => {
  const ratio = Number(by("key_zoom").value);
  if (ratio > 0) { move.keyframes[chosen].focal_ratio = ratio; sendMove(); } else showNumbers();
});

by("key_time").addEventListener("change", () => {
  if (setTime(chosen, Number(by("key_time").value) * state.frame_rate)) sendMove();
  else showNumbers();
});

by("key_add").addEventListener("click", () => {
  change("/api/move/keyframes", "POST", {frame: number}).then(async () => {
    await readMove();
    if (!move) return;
    const near = move.keyframes.map((key) => Math.abs(frameOf(key) - number));
    chosen = near.indexOf(Math.min(...near));
    showKeys();
  });
});

function remove(index) {
  if (move.keyframes.length < 2) return;
  move.keyframes.splice(index, 1);
  chosen = Math.max(Math.min(chosen, move.keyframes.length - 1), 0);
  showKeys();
  sendMove();
}

by("key_remove").addEventListener("click", () => remove(chosen));

// Over the timeline: pressed they are gone to, dragged or by arrow keys they are earlier or later.

function drawKeys() {
  by("keys").replaceChildren(...(move?.keyframes ?? []).map((key, index) => {
    const button = document.createElement("button"), share = key.time / clipTime();
    button.style.left = `${100 * share}%`;
    button.hidden = share > 1;
    button.ariaLabel = `Keyframe ${index + 1}, at ${seconds(key).toFixed(2)} s`;
    button.title = `${button.ariaLabel}: drag it, or use the arrow keys; Delete removes it`;
    button.setAttribute("aria-pressed", index === chosen);
    button.addEventListener("click", () => {
      chosen = index;
      goTo(frameOf(key));
      showKeys();
      by("keys").children[index]?.focus();
    });
    button.addEventListener("keydown", (event) => {
      const way = {ArrowLeft: -1, ArrowRight: 1}[event.key];
      if (event.key === "Delete") remove(index);
      else if (way && setTime(index, frameOf(key) + way)) {
        chosen = index;
        sendMove();
        showKeys();
        by("keys").children[index].focus();
      } else return;
      event.preventDefault();
    });
    button.addEventListener("pointerdown", (event) => {
      drag = {what: "time", key, index, moved: false};
      button.setPointerCapture(event.pointerId);
    });
    button.addEventListener("pointermove", (event) => {
      if (drag?.what !== "time") return;
      const [share] = inFrame(event, by("keys"), 1, 1);
      drag.moved = setTime(index, share * (state.frame_count - 1)) || drag.moved;
      button.style.left = `${100 * key.time / clipTime()}%`;
    });
    button.addEventListener("pointerup", () => {
      if (drag?.what !== "time") return;
      const {moved} = drag;
      drag = null;
      if (moved) { chosen = index; sendMove(); showKeys(); }
    });
    button.addEventListener("pointercancel", () => { drag = null; readMove(); });
    return button;
  }));
}

// Put a keyframe at a frame, between its neighbours; whether it moved.
function setTime(index, frame) {
  const key = move.keyframes[index], gap = clipTime() / Math.max(state.frame_count - 1, 1);
  const least = index ? move.keyframes[index - 1].time + gap : 0;
  const most = Math.min((move.keyframes[index + 1]?.time ?? clipTime() + gap) - gap, clipTime());
  const time = Math.min(Math.max(frame * gap, least), most);
  if (!Number.isFinite(time) || least > most || time === key.time) return false;
  key.time = time;
  return true;
}

// In the picture: the cross is where the camera looks at a keyframe, the diamonds are the others.

const aims = () => move && view() === "frame" && isAt(move.keyframes[chosen]);

function crossAt() {
  if (drag?.what === "aim") return drag.at;
  const K = state.shot.intrinsics[at];
  return [K[0][2], K[1][2]];
}

function keysInPicture() {
  return move.keyframes.map((key) => isAt(key) ? null : project(keyPosition(key)));
}

function diamond(pen, x, y, size) {
  pen.beginPath();
  pen.moveTo(x, y - size);
  pen.lineTo(x + size, y);
  pen.lineTo(x, y + size);
  pen.lineTo(x - size, y);
  pen.closePath();
}

function drawKeysInPicture(pen) {
  if (!move) return;
  pen.lineWidth = 2;
  pen.strokeStyle = "#451a03";
  pen.fillStyle = "#f59e0b";
  for (const place of keysInPicture()) {
    if (!place) continue;
    diamond(pen, ...place, 7);
    pen.fill();
    pen.stroke();
  }
  if (!aims()) return;
  const [x, y] = crossAt();
  for (const [width, colour] of [[4, "#451a03"], [2, "#f59e0b"]]) {
    pen.lineWidth = width;
    pen.strokeStyle = colour;
    pen.beginPath();
    pen.arc(x, y, 9, 0, 7);
    for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
      pen.moveTo(x + dx * 5, y + dy * 5);
      pen.lineTo(x + dx * 15, y + dy * 15);
    }
    pen.stroke();
  }
}

// What of the keyframes lies at a place of the picture, to be dragged.
function keyDragAt(x, y, reach) {
  if (!move) return null;
  const [cx, cy] = crossAt();
  if (aims() && Math.hypot(x - cx, y - cy) < reach) return {what: "aim", at: [cx, cy]};
  const index = keysInPicture().findIndex((place) => place && Math.hypot(x - place[0], y - place[1]) < reach);
  if (index < 0) return null;
  const key = move.keyframes[index], E = state.shot.world_to_camera[at], point = keyPosition(key);
  const depth = E[2][0] * point[0] + E[2][1] * point[1] + E[2][2] * point[2] + E[2][3];
  return {what: "key", index, key, from: [x, y], point, depth, keeps: !turns()};
}

function dragKeyInPicture(x, y) {
  if (drag.what === "aim") { drag.at = [x, y]; return; }
  const K = state.shot.intrinsics[at], E = state.shot.world_to_camera[at];
  const right = (x - drag.from[0]) * drag.depth / K[0][0], down = (y - drag.from[1]) * drag.depth / K[1][1];
  const point = drag.point.map((value, axis) => value + E[0][axis] * right + E[1][axis] * down);
  moveKey(drag.key, toMove(point), drag.keeps);
  drawTop();
}

function dropKeyInPicture(dropped) {
  if (dropped.what === "key") { chosen = dropped.index; showKeys(); sendMove(); return; }
  const K = state.shot.intrinsics[at], E = state.shot.world_to_camera[at], [x, y] = dropped.at;
  const seen = [(x - K[0][2]) / K[0][0], (y - K[1][2]) / K[1][1], 1];
  const ray = [0, 1, 2].map((axis) => E[0][axis] * seen[0] + E[1][axis] * seen[1] + E[2][axis]);
  const [right, up] = angles(ray), [ahead, level] = angles(E[2]);
  aim(move.keyframes[chosen], right - ahead, up - level);
  sendMove();
}
