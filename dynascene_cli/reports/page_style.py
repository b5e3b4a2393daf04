"""The report page's style sheet and script: plain text, no outside resource."""

STYLE = """
:root { --paper: #fafaf9; --card: #ffffff; --ink: #1c1917; --soft: #57534e; --line: #e0dedb;
  --accent: #0f766e; --warn-ink: #7c2d12; --warn-paper: #fff4e8; --warn-line: #f0b27a; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #151413; --card: #1f1d1c; --ink: #eceae8; --soft: #a8a29e; --line: #37332f;
    --accent: #5eead4; --warn-ink: #fed7aa; --warn-paper: #33210f; --warn-line: #8a5520; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; }
main { max-width: 62rem; margin: 0 auto; padding: 2.5rem 1.25rem 4rem; }
h1 { font-size: 1.7rem; line-height: 1.25; margin: 0 0 1rem; overflow-wrap: anywhere; }
h2 { font-size: 1.1rem; margin: 0 0 .75rem; }
section { margin-top: 2.25rem; }
video, figure img { display: block; width: 100%; border-radius: .5rem; background: #000; }
video { max-height: 80vh; }
figure { margin: 0 0 1.25rem; }
figcaption, .calm { color: var(--soft); font-size: .9rem; margin: .5rem 0 0; }
.facts { display: flex; flex-wrap: wrap; gap: .5rem 2rem; margin: 0 0 1.25rem; }
.facts dt { color: var(--soft); font-size: .8rem; }
.facts dd { margin: 0; font-variant-numeric: tabular-nums; }
.warnings { background: var(--warn-paper); color: var(--warn-ink); padding: 1rem 1.25rem;
  border: 1px solid var(--warn-line); border-radius: .5rem; margin-top: 1.25rem; }
.warnings h2 { margin-bottom: .25rem; }
.warnings ul { margin: 0; padding-left: 1.2rem; }
.wipe { --at: 50%; position: relative; overflow: hidden; border-radius: .5rem;
  max-width: max-content; margin: 0 auto; }
.wipe img { max-height: 80vh; width: auto; max-width: 100%; border-radius: 0; }
.wipe .before { position: absolute; inset: 0; clip-path: inset(0 calc(100% - var(--at)) 0 0); }
.wipe .edge { position: absolute; top: 0; bottom: 0; left: var(--at); width: 2px;
  margin-left: -1px; background: #fff; box-shadow: 0 0 4px #000a; pointer-events: none; }
.wipe .edge::after { content: ""; position: absolute; top: 50%; left: 50%; width: 2rem;
  height: 2rem; margin: -1rem; border: 2px solid #fff; border-radius: 50%; background: #0006; }
.wipe .tag { position: absolute; bottom: .6rem; padding: .1rem .5rem; border-radius: .3rem;
  background: #000a; color: #fff; font-size: .8rem; pointer-events: none; }
.wipe .left { left: .6rem; } .wipe .right { right: .6rem; }
.wipe input { position: absolute; inset: 0; width: 100%; height: 100%; margin: 0; opacity: 0;
  cursor: ew-resize; }
.wipe:focus-within { outline: 3px solid var(--accent); outline-offset: 2px; }
.table { overflow-x: auto; background: var(--card); border: 1px solid var(--line);
  border-radius: .5rem; }
table { border-collapse: collapse; width: 100%; font-size: .92rem; }
th, td { text-align: left; padding: .45rem .9rem; vertical-align: top; overflow-wrap: anywhere; }
th { width: 14rem; font-weight: 500; color: var(--soft); }
tr + tr > * { border-top: 1px solid var(--line); }
@media print { .wipe input { display: none; } }
"""

SCRIPT = """
for (const wipe of document.querySelectorAll(".wipe")) {
  const slider = wipe.querySelector("input");
  const show = () => wipe.style.setProperty("--at", slider.value + "%");
  slider.addEventListener("input", show);
  show();
}
"""
