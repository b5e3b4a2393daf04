"""The page of ``dataset review``: plain HTML and script, no outside resource."""

from dynascene_cli.reports.html_page import page_document

BODY = """
<h1>Review <span id="place"></span></h1>
<p class="calm">A accepts, R rejects, U takes the last decision back, the arrows go on and back,
the space bar plays and halts.</p>
<video id="film" autoplay loop muted playsinline
 aria-label="The clip, its matte and the points that its camera was estimated from"></video>
<p id="decision" role="status"></p>
<p>
<button id="accept">Accept</button> <button id="reject">Reject</button>
<button id="undo">Undo</button> <button id="back">Back</button> <button id="on">On</button>
<button id="finish">Finish</button>
</p>
<div class="table"><table><tbody id="facts"></tbody></table></div>
"""

SCRIPT = """
const token = new URLSearchParams(location.search).get("token");
const headers = { "X-Page-Token": token, "Content-Type": "application/json" };
const byId = (id) => document.getElementById(id);
let state = { clips: [], can_undo: false }, at = 0, doing = Promise.resolve();
const ask = async (what) => {
  const answer = await fetch("/act", { method: "POST", body: JSON.stringify(what), headers });
  if (!answer.ok) throw new Error(answer.statusText);
  return answer.json();
};
const show = () => {
  const clip = state.clips[at];
  byId("place").textContent = state.clips.length ? `${at + 1} of ${state.clips.length}` : "";
  byId("undo").disabled = !state.can_undo;
  if (!clip) { byId("decision").textContent = "There is no clip."; return; }
  const film = byId("film"), source = `/preview/${clip.name}?token=${token}`;
  if (!film.src.endsWith(source)) film.src = source;
  byId("decision").textContent = clip.decision || "not decided";
  byId("facts").replaceChildren(...Object.entries(clip).map(([name, value]) => {
    const row = document.createElement("tr"), head = document.createElement("th"),
      cell = document.createElement("td");
    head.textContent = name; cell.textContent = value; row.append(head, cell); return row;
  }));
};
const go = (step) => {
  at = Math.min(Math.max(at + step, 0), Math.max(state.clips.length - 1, 0)); show();
};
const decide = async (decision) => {
  const clip = state.clips[at];
  if (!clip) return;
  state = await ask({ decide: decision, name: clip.name });
  go(1);
};
const undo = async () => {
  state = await ask({ undo: true });
  const place = state.clips.findIndex((clip) => clip.name === state.last);
  if (place >= 0) at = place;
  show();
};
const finish = async () => {
  await ask({ finish: true });
  document.querySelector("main").textContent = "Finished: this page can be closed.";
};
const actions = { accept: () => decide("accepted"), reject: () => decide("rejected"), undo,
  back: () => go(-1), on: () => go(1), finish };
/* Keys come faster than answers: each waits for the one before it. */
const act = (id) => {
  doing = doing.then(actions[id]).catch(() => {
    byId("decision").textContent = "Not kept: the program that serves this page has ended.";
  });
};
for (const id of Object.keys(actions)) byId(id).addEventListener("click", () => act(id));
const keys = { a: "accept", r: "reject", u: "undo", ArrowLeft: "back", ArrowRight: "on" };
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === " ") {
    const film = byId("film");
    film.paused ? film.play() : film.pause();
  } else if (keys[event.key]) {
    act(keys[event.key]);
  } else {
    return;
  }
  event.preventDefault();
});
fetch("/state", { headers }).then((answer) => answer.json()).then((found) => {
  state = found;
  at = Math.max(0, state.clips.findIndex((clip) => !clip.decision));
  show();
});
"""


def review_page() -> str:
    """The page; it finds its token in its own address."""
    return page_document("Review", BODY, SCRIPT)
