"use strict";

// The matte by hand: painted frames go to a folder of fixes, points to the matting network.

let tool = "look";     // look, add, remove, point-add or point-remove
let stroke = null;     // what is being painted: points in fractions of the picture

const radius = () => Number(by("brush").value) / 1000;
const paints = () => tool === "add" || tool === "remove";

function showMatte() {
  const {matte, settings} = state, isMatte = view() !== "frame";
  by("matte").hidden = !isMatte;
  for (const name of ["hint", "grid_label", "edit", "warnings"]) by(name).hidden = isMatte;
  by("keyframe").hidden = isMatte || move === null;
  if (!isMatte) setTool("look");
  by("sheet").style.width = isMatte ? `${by("zoom").value}%` : "100%";
  by("undo").disabled = !matte.can_undo;
  by("discard").disabled = !matte.fixed.includes(number);
  by("fixed").replaceChildren(...matte.fixed.map((frame) => {
    const jump = document.createElement("button");
    jump.textContent = frame + state.first_number;
    jump.addEventListener("click", () => goTo(frame));
    return jump;
  }));
  by("fixed_none").hidden = matte.fixed.length > 0;
  by("no_clicks").textContent = matte.why_no_clicks && `Pointing is not possible: ${matte.why_no_clicks}.`;
  for (const button of document.querySelectorAll("[data-tool^=point]"))
    button.disabled = matte.why_no_clicks !== "";
  by("points").replaceChildren(...settings.clicks.map((click, index) => {
    const item = document.createElement("li"), remove = document.createElement("button");
    item.textContent = `${click.adds ? "adds" : "takes away"} what is there at ${click.time.toFixed(2)} s `;
    remove.textContent = "leave out";
    remove.addEventListener("click", () =>
      set({clicks: settings.clicks.filter((_, other) => other !== index)}));
    item.append(remove);
    return item;
  }));
  tellWarnings(by("matte_warnings"), matte.warnings);
}

function setTool(name) {
  tool = name;
  for (const button of document.querySelectorAll("[data-tool]"))
    button.setAttribute("aria-pressed", button.dataset.tool === name);
  // While nothing is painted a finger moves the enlarged picture.
  overlay.style.touchAction = view() === "frame" || tool !== "look" ? "none" : "auto";
  overlay.style.cursor = tool === "look" ? "" : "crosshair";
}

function drawStroke(pen) {
  by("discard").disabled = !state.matte.fixed.includes(number);
  const {width, height} = state.shot;
  for (const click of state.settings.clicks) {
    if (Math.floor(click.time * state.frame_rate + 0.5) !== number) continue;
    pen.fillStyle = click.adds ? "#14b8a6" : "#f97316";
    pen.beginPath();
    pen.arc(click.x * width, click.y * height, 5, 0, 7);
    pen.fill();
  }
  if (!stroke) return;
  pen.strokeStyle = stroke.adds ? "#14b8a6aa" : "#f97316aa";
  pen.lineWidth = 2 * stroke.radius * width;
  pen.lineCap = pen.lineJoin = "round";
  pen.beginPath();
  stroke.points.forEach(([x, y], index) =>
    index ? pen.lineTo(x * width, y * height) : pen.moveTo(x * width, y * height));
  pen.lineTo(...stroke.points.at(-1).map((share, axis) => share * [width, height][axis]));
  pen.stroke();
}

overlay.addEventListener("pointerdown", (event) => {
  if (!state || view() === "frame" || tool === "look" || event.button !== 0) return;
  const place = inFrame(event, overlay, 1, 1);
  if (paints()) {
    stroke = {points: [place], radius: radius(), adds: tool === "add", soft: by("soft").checked};
    overlay.setPointerCapture(event.pointerId);
    drawOverlay();
    return;
  }
  const [x, y] = place.map((share) => Math.min(Math.max(share, 0), 0.9999));
  const click = {time: number / state.frame_rate, x, y, adds: tool === "point-add"};
  set({clicks: [...current().clicks, click]});
});

overlay.addEventListener("pointermove", (event) => {
  if (!stroke || stroke.points.length >= 5000) return;
  stroke.points.push(inFrame(event, overlay, 1, 1));
  drawOverlay();
});

overlay.addEventListener("pointerup", () => {
  if (!stroke) return;
  change(`/api/fixes/${number}`, "POST", {stroke});
  stroke = null;
});

overlay.addEventListener("pointercancel", () => { stroke = null; drawOverlay(); });

for (const button of document.querySelectorAll("[data-tool]"))
  button.addEventListener("click", () => setTool(button.dataset.tool));
by("zoom").addEventListener("change", showMatte);
by("undo").addEventListener("click", () => change("/api/fixes/undo", "POST", {}));
by("discard").addEventListener("click", () => change(`/api/fixes/${number}`, "DELETE", {}));
