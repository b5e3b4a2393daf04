"use strict";

// The camera from above: its way, the person, keyframes to drag.

function topScale() {
  const {shot} = state, [fx, , fz] = shot.feet[0];
  const reach = 1.5 * Math.max(fz, Math.abs(fx) * 2, 1);
  const scale = topView.height / reach;
  return {scale, to: ([x, , z]) => [topView.width / 2 + x * scale, topView.height * 0.85 - z * scale]};
}

const keyPosition = (key) => (key.position ?? [0, 0, 0]).map(
  (value) => value * (move.units === "metres" ? 1 : state.shot.subject_distance));

function drawTop() {
  const pen = topView.getContext("2d"), {to} = topScale(), {shot} = state;
  pen.clearRect(0, 0, topView.width, topView.height);
  const style = getComputedStyle(document.body), ink = style.color;
  pen.strokeStyle = ink;
  pen.fillStyle = ink;
  pen.lineWidth = 2;
  pen.beginPath();
  shot.centres.forEach((point, index) => index ? pen.lineTo(...to(point)) : pen.moveTo(...to(point)));
  pen.stroke();
  const [px, py] = to(shot.feet[at]);
  pen.beginPath();
  pen.arc(px, py, 6, 0, 7);
  pen.fill();
  const E = shot.world_to_camera[at], K = shot.intrinsics[at], here = shot.centres[at];
  pen.strokeStyle = "#14b8a6";
  for (const side of [-0.5, 0.5]) {
    const x = side * shot.width / K[0][0], far = 2 * shot.subject_distance;
    const direction = [0, 1, 2].map((axis) => E[0][axis] * x + E[2][axis]);
    pen.beginPath();
    pen.moveTo(...to(here));
    pen.lineTo(...to(here.map((value, axis) => value + direction[axis] * far)));
    pen.stroke();
  }
  if (!move) return;
  pen.fillStyle = "#f59e0b";
  for (const key of move.keyframes) {
    pen.beginPath();
    pen.arc(...to(keyPosition(key)), 6, 0, 7);
    pen.fill();
  }
}

topView.addEventListener("pointerdown", (event) => {
  if (!move) return;
  const place = inFrame(event, topView, topView.width, topView.height), {to} = topScale();
  const distances = move.keyframes.map((key) => {
    const [x, y] = to(keyPosition(key));
    return Math.hypot(x - place[0], y - place[1]);
  });
  const nearest = distances.lastIndexOf(Math.min(...distances));
  if (distances[nearest] < 16) {
    drag = {what: "keyframe", key: move.keyframes[nearest]};
    topView.setPointerCapture(event.pointerId);
  }
});

topView.addEventListener("pointermove", (event) => {
  if (drag?.what !== "keyframe") return;
  const [x, y] = inFrame(event, topView, topView.width, topView.height), {scale} = topScale();
  const unit = move.units === "metres" ? 1 : state.shot.subject_distance;
  const position = drag.key.position ?? [0, 0, 0];
  drag.key.position = [
    (x - topView.width / 2) / scale / unit, position[1], (topView.height * 0.85 - y) / scale / unit,
  ];
  drawTop();
});

topView.addEventListener("pointerup", () => {
  if (drag?.what !== "keyframe") return;
  drag = null;
  change("/api/move", "PUT", {move});
});

by("edit").addEventListener("click", async () => {
  try { move = move ? null : await ask("/api/move"); } catch (error) { tell(error); }
  by("edit").setAttribute("aria-pressed", move !== null);
  drawTop();
  drawKeys();
});

// The keyframes over the timeline: pressed they are gone to, dragged they are earlier or later.

// What a move's times are counted in, in times of the whole clip.
const clipTime = () => move.time_unit === "seconds" ? (state.frame_count - 1) / state.frame_rate : 1;

function drawKeys() {
  by("keys").replaceChildren(...(move?.keyframes ?? []).map((key, index) => {
    const button = document.createElement("button"), share = key.time / clipTime();
    button.style.left = `${100 * share}%`;
    button.hidden = share > 1;
    button.ariaLabel = button.title = `keyframe ${index + 1}`;
    button.addEventListener("click", () => goTo(key.time / clipTime() * (state.frame_count - 1)));
    button.addEventListener("pointerdown", (event) => {
      drag = {what: "time", key, index, moved: false};
      button.setPointerCapture(event.pointerId);
    });
    button.addEventListener("pointermove", (event) => dragKey(event, button));
    button.addEventListener("pointerup", () => {
      if (drag?.what !== "time") return;
      const {moved} = drag;
      drag = null;
      if (moved) change("/api/move", "PUT", {move});
    });
    return button;
  }));
}

function dragKey(event, button) {
  if (drag?.what !== "time") return;
  const {key, index} = drag, step = clipTime() / Math.max(state.frame_count - 1, 1);
  const [share] = inFrame(event, by("keys"), 1, 1);
  const least = index ? move.keyframes[index - 1].time + step : 0;
  const most = (move.keyframes[index + 1]?.time ?? clipTime() + step) - step;
  if (least > most) return;
  key.time = Math.min(Math.max(share * clipTime(), least), most);
  drag.moved = true;
  button.style.left = `${100 * key.time / clipTime()}%`;
}

// The sun, from above: the middle is overhead, the rim the horizon, up is where the camera looks.

function drawSun() {
  const pen = sunDial.getContext("2d"), radius = 54;
  pen.clearRect(0, 0, 120, 120);
  pen.strokeStyle = getComputedStyle(document.body).color;
  pen.lineWidth = 1;
  pen.beginPath();
  pen.arc(60, 60, radius, 0, 7);
  pen.moveTo(60, 6);
  pen.lineTo(60, 14);
  pen.stroke();
  const sun = drag?.what === "sun" ? drag.sun : state.settings.sun;
  if (!sun) return;
  const away = radius * (1 - sun[1] / 90), angle = sun[0] * Math.PI / 180;
  pen.fillStyle = "#f59e0b";
  pen.beginPath();
  pen.arc(60 + away * Math.sin(angle), 60 - away * Math.cos(angle), 7, 0, 7);
  pen.fill();
}

function sunAt(event) {
  const [x, y] = inFrame(event, sunDial, 120, 120), away = Math.hypot(x - 60, y - 60) / 54;
  const azimuth = (Math.atan2(x - 60, 60 - y) * 180 / Math.PI + 360) % 360;
  return [azimuth, Math.min(Math.max(90 * (1 - away), 3), 90)];
}

sunDial.addEventListener("pointerdown", (event) => {
  drag = {what: "sun", sun: sunAt(event)};
  sunDial.setPointerCapture(event.pointerId);
  drawSun();
});
sunDial.addEventListener("pointermove", (event) => {
  if (drag?.what === "sun") { drag.sun = sunAt(event); drawSun(); }
});
sunDial.addEventListener("pointerup", () => {
  if (drag?.what !== "sun") return;
  const {sun} = drag;
  drag = null;
  set({sun});
});
