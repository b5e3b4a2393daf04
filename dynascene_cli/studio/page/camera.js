"use strict";

// The camera from above: its way, the person, keyframes to drag.

function topScale() {
  const {shot} = state, [fx, , fz] = shot.feet[0];
  const reach = 1.5 * Math.max(fz, Math.abs(fx) * 2, 1);
  const scale = topView.height / reach;
  return {scale, to: ([x, , z]) => [topView.width / 2 + x * scale, topView.height * 0.85 - z * scale]};
}

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
  pen.fillStyle = ink;
  pen.font = "12px system-ui, sans-serif";
  pen.fillText("person", px + 10, py + 4);
  pen.fillText("camera", to(here)[0] + 10, to(here)[1] + 14);
  move?.keyframes.forEach((key, index) => {
    pen.fillStyle = "#f59e0b";
    diamond(pen, ...to(keyPosition(key)), 7);
    pen.fill();
    pen.strokeStyle = ink;
    if (index === chosen) pen.stroke();
  });
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
    drag = {what: "keyframe", key: move.keyframes[nearest], keeps: !turns()};
    chosen = nearest;
    showKeys();
    topView.setPointerCapture(event.pointerId);
  }
});

topView.addEventListener("pointermove", (event) => {
  if (drag?.what !== "keyframe") return;
  const [x, y] = inFrame(event, topView, topView.width, topView.height), {scale} = topScale();
  const [, height] = keyPosition(drag.key);
  moveKey(drag.key, toMove([
    (x - topView.width / 2) / scale, height, (topView.height * 0.85 - y) / scale,
  ]), drag.keeps);
  drawTop();
});

topView.addEventListener("pointerup", () => {
  if (drag?.what !== "keyframe") return;
  drag = null;
  showKeys();
  sendMove();
});

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
  const sun = drag?.what === "sun" ? drag.sun : current().sun;
  if (!sun) return;
  const away = radius * (1 - sun[1] / 90), angle = sun[0] * Math.PI / 180;
  pen.fillStyle = "#f59e0b";
  pen.beginPath();
  pen.arc(60 + away * Math.sin(angle), 60 - away * Math.cos(angle), 7, 0, 7);
  pen.fill();
}

function sunAt(event) {
  const [x, y] = inFrame(event, sunDial, 120, 120), away = Math.hypot(x - 60, y - 60) / 54;
  const azimuth = Math.round(Math.atan2(x - 60, 60 - y) * 180 / Math.PI + 360) % 360;
  return [azimuth, Math.min(Math.max(Math.round(90 * (1 - away)), 3), 90)];
}

sunDial.addEventListener("pointerdown", (event) => {
  drag = {what: "sun", sun: sunAt(event)};
  sunDial.setPointerCapture(event.pointerId);
  drawSun();
});
sunDial.addEventListener("pointermove", (event) => {
  if (drag?.what !== "sun") return;
  drag.sun = sunAt(event);
  drawSun();
  set({sun: drag.sun});
});
sunDial.addEventListener("pointerup", () => {
  if (drag?.what !== "sun") return;
  const {sun} = drag;
  drag = null;
  set({sun});
});
