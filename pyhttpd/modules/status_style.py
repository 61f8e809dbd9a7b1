"""The style and the script of the status page. Both are sent by the handler itself (`?style`, `?script`), so that any
Content-Security-Policy that allows 'self' allows them; the page is complete without them."""

from __future__ import annotations

from binascii import crc32

# The scoreboard's cells are as wide as --cell: 64 of them stand in a row, 32 or 16 where that is too wide. Letters are
# spaced to the cell, and the cells of a run of equal letters are one repeated background.
STYLE = """\
:root {
  color-scheme: light dark;
  --page: #f3f5f8; --card: #fff; --ink: #19202c; --muted: #5a6474; --line: #dfe4eb; --soft: #eef1f5;
  --idle: #d5e6da; --idle-ink: #3c6b4c; --open: #eceff3; --open-ink: #a2abb8; --accent: #1d4ed8;
  --bad: #b42318; --bad-soft: #fdecea; --warn: #9a4a06; --warn-soft: #fdf1dc; --band: #cfe3d6; --spark: #dbe6fb;
  --W: #2563eb; --R: #0e7490; --K: #7c3aed; --C: #526075; --L: #0f766e; --D: #a15c07; --S: #15803d; --G: #c2410c;
  --I: #be185d;
  --cell: 17px;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #0d1117; --card: #161b23; --ink: #e4e8ee; --muted: #97a1b0; --line: #29313d; --soft: #1d242e;
    --idle: #1f3a2a; --idle-ink: #8fc7a3; --open: #1b212a; --open-ink: #515b69; --accent: #82aaff;
    --bad: #ff9b90; --bad-soft: #3a1b1a; --warn: #f0b565; --warn-soft: #35280f; --band: #244432; --spark: #1c2f55;
    --W: #3b74f0; --R: #0f86a3; --K: #8b5cf6; --C: #64748b; --L: #12857b; --D: #b7700f; --S: #1f9150; --G: #d9531a;
    --I: #d02a6f;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body {
  margin: 0 auto; padding: 20px 24px 32px; max-width: 1360px; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
  font-variant-numeric: tabular-nums;
}
h1 { margin: 0; font-size: 22px; line-height: 1.25; letter-spacing: -.01em; overflow-wrap: anywhere; }
h2 { margin: 0 0 8px; font-size: 12px; font-weight: 600; letter-spacing: .06em; text-transform: uppercase; }
h2, h2 small, .quiet, dt span, footer, .legend { color: var(--muted); }
hr { display: none; }
p, dl, pre, ul, ol { margin: 0; }
dl, ul, ol { padding: 0; list-style: none; }
a { color: var(--accent); }
code, pre { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; }
header { display: flex; flex-wrap: wrap; align-items: center; gap: 4px 16px; margin-bottom: 16px; }
header h1 { flex: 1 1 auto; }
header dl { flex: 1 0 100%; display: flex; flex-wrap: wrap; gap: 0 20px; font-size: 13px; }
button {
  font: inherit; font-size: 13px; color: var(--ink); background: var(--card); border: 1px solid var(--line);
  border-radius: 999px; padding: 3px 12px; cursor: pointer;
}
button::before {
  content: ""; display: inline-block; width: 8px; height: 8px; margin-right: 7px; border-radius: 50%;
  background: var(--S);
}
button.paused::before { background: var(--muted); }
button.lost { color: var(--bad); }
button.lost::before { background: var(--bad); }
.alert { margin-bottom: 12px; padding: 12px 16px; border-radius: 10px; border-left: 4px solid; }
.alert pre { margin-top: 6px; font-size: 13px; white-space: pre-wrap; overflow-wrap: anywhere; color: var(--ink); }
.bad { color: var(--bad); }
.alert.bad { background: var(--bad-soft); }
.warn { color: var(--warn); }
.alert.warn { background: var(--warn-soft); }
.card, .cards > div { padding: 14px 16px; background: var(--card); border: 1px solid var(--line); border-radius: 10px; }
.card { margin-top: 12px; }
.cards { display: grid; gap: 12px; grid-template-columns: repeat(12, 1fr); }
.cards > div { grid-column: span 3; min-width: 0; display: flex; flex-direction: column; }
.cards.two > div { grid-column: span 6; }
.pair { display: grid; gap: 0 12px; grid-template-columns: 1fr 1fr; }
.pair > div { min-width: 0; }
.big { font-size: 28px; font-weight: 650; line-height: 1.2; letter-spacing: -.02em; white-space: nowrap; }
.big small { font-size: 14px; font-weight: 400; letter-spacing: 0; color: var(--muted); }
.quiet, .pool, .events li { font-size: 13px; }
.spark { display: block; width: 100%; height: 44px; margin-top: auto; padding-top: 10px; overflow: visible; }
.spark path { fill: var(--spark); stroke: var(--W); stroke-width: 1.5; vector-effect: non-scaling-stroke; }
.bar { display: block; width: 100%; height: 12px; margin: 10px 0; border-radius: 6px; background: var(--soft); }
.band { display: block; width: 100%; height: 8px; margin: 3px 0 9px; border-radius: 4px; background: var(--soft); }
rect.band-in { fill: var(--band); }
rect.mark { fill: var(--ink); }
rect.W { fill: var(--W); } rect.G { fill: var(--G); } rect.r { fill: var(--idle); }
.states { display: flex; flex-wrap: wrap; gap: 4px 14px; font-size: 13px; }
.pool b { font-weight: 650; }
.events ol { margin-top: 4px; }
.events li { padding: 1px 0; }
.events time { color: var(--muted); margin-right: 6px; white-space: nowrap; }
#facts { font-size: 14px; }
#facts dt { padding: 1px 0; }
.board {
  width: calc(var(--cell) * 64 + 2px); max-width: 100%; margin: 0 0 12px; white-space: pre-wrap; word-break: break-all;
  font-size: calc(var(--cell) * .68); font-weight: 600; line-height: calc(var(--cell) + 1px);
}
.board span {
  display: inline-block; height: calc(var(--cell) - 1px); line-height: calc(var(--cell) - 2px);
  padding-left: calc((var(--cell) - 1ch) / 2 - 1px); margin-right: calc((1ch - var(--cell)) / 2 + 1px);
  letter-spacing: calc(var(--cell) - 1ch); vertical-align: top; color: #fff;
  background: repeating-linear-gradient(90deg, var(--c) 0 calc(var(--cell) - 2px), transparent 0 var(--cell))
    no-repeat 0 0 / calc(100% - (var(--cell) - 1ch) / 2) 100%;
}
.W { --c: var(--W); } .R { --c: var(--R); } .K { --c: var(--K); } .C { --c: var(--C); } .L { --c: var(--L); }
.D { --c: var(--D); } .S { --c: var(--S); } .G { --c: var(--G); } .I { --c: var(--I); }
.r { --c: var(--idle); } .o { --c: var(--open); }
.board .r { color: var(--idle-ink); } .board .o { color: var(--open-ink); }
.key { font-size: 13px; color: var(--muted); }
.key code, .chip, td b[class] {
  display: inline-block; min-width: 19px; padding: 0 4px; border-radius: 4px; background: var(--c); color: #fff;
  font-weight: 600; font-size: 12px; line-height: 18px; text-align: center;
}
.key .r, .chip.r { color: var(--idle-ink); } .key .o, .chip.o { color: var(--open-ink); }
.scroll { overflow-x: auto; margin: 0 -16px -14px; padding: 0 16px 14px; }
table { border-collapse: collapse; font-size: 13px; line-height: 1.35; }
th { text-align: left; font-weight: 600; color: var(--muted); white-space: nowrap; }
th, td { padding: 4px 10px 4px 0; vertical-align: top; }
tr + tr > *, tbody > tr > * { border-top: 1px solid var(--line); }
thead tr > *, .legend tr > * { border-top: 0; }
.counts td, .counts th:nth-child(n+2), .slots :is(td, th):is(:nth-child(2), :nth-child(n+5):nth-child(-n+11)) {
  text-align: right;
}
.counts td:first-child { text-align: left; }
.slots, .counts { min-width: 100%; }
.counts :is(td, th) { white-space: nowrap; }
.slots td { white-space: nowrap; }
.slots td:nth-child(15) {
  white-space: normal; overflow-wrap: anywhere; min-width: 11rem; font-size: 12px; line-height: 18px;
  font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace;
}
.slots b { font-weight: 600; }
.idle { color: var(--muted); }
.long td:nth-child(6) { color: var(--warn); font-weight: 700; }
#only { margin: 0 6px 10px 0; vertical-align: -2px; }
#only:checked ~ .scroll .idle { display: none; }
#pids { margin-bottom: 8px; font-size: 12px; columns: 27rem; overflow-x: auto; }
.only { font-size: 13px; color: var(--muted); }
.list { font-size: 13px; overflow-wrap: anywhere; }
.legend { margin-top: 12px; }
.legend th, .legend td { font-size: 12px; padding: 1px 10px 1px 0; }
footer { margin-top: 16px; font-size: 13px; }
footer address { font-style: normal; }
footer a { margin-right: 10px; }
@media (max-width: 1150px) {
  :root { --cell: calc((100vw - 84px) / 64); }
  .cards > div { grid-column: span 6; }
}
@media (max-width: 1000px) {
  .pair { grid-template-columns: 1fr; }
  :root { --cell: min(20px, calc((100vw - 84px) / 32)); }
  .board { width: calc(var(--cell) * 32 + 2px); }
}
@media (max-width: 640px) {
  :root { --cell: calc((100vw - 52px) / 16); }
  body { padding: 14px 10px 24px; }
  h1 { font-size: 19px; }
  .cards { gap: 8px; }
  .cards > div { padding: 12px; }
  .card { padding: 12px 14px; margin-top: 8px; }
  .big { font-size: 23px; }
  .big small { display: block; }
  .board {
    width: calc(var(--cell) * 16 + 2px); font-size: calc(var(--cell) * .58); line-height: calc(var(--cell) * .8 + 1px);
  }
  .board span { height: calc(var(--cell) * .8 - 1px); line-height: calc(var(--cell) * .8 - 2px); }
  .slots, .slots tbody, .slots td { display: block; }
  .slots thead { display: none; }
  .slots tr { display: flex; flex-wrap: wrap; gap: 0 10px; padding: 8px 0; border-top: 1px solid var(--line); }
  .slots td { padding: 0; border: 0; font-size: 12px; color: var(--muted); order: 4; }
  .slots td:nth-child(4) { order: 0; min-width: 19px; text-align: center; }
  .slots td:nth-child(15) { order: 1; flex: 1 1 calc(100% - 84px); min-width: 0; }
  .slots td:nth-child(6) { order: 2; }
  .slots td:nth-child(6)::after { content: " s"; }
  .slots td:is(:nth-child(12), :nth-child(14)) { order: 3; }
  .slots tr:not(.idle) td:is(:nth-child(12), :nth-child(15)) { color: var(--ink); }
  .slots td:nth-child(1)::before { content: "Srv "; }
  .slots td:nth-child(2)::before { content: "PID "; }
  .slots td:nth-child(3)::before { content: "Acc "; }
  .slots td:nth-child(5)::before { content: "CPU "; }
  .slots td:nth-child(7)::before { content: "Req "; }
  .slots td:nth-child(8)::before { content: "Dur "; }
  .slots td:nth-child(9)::before { content: "Conn "; }
  .slots td:nth-child(10)::before { content: "Child "; }
  .slots td:nth-child(11)::before { content: "Slot "; }
}
"""

# It fetches the page again and takes over what has changed, so that everything is written, and escaped, in one place.
SCRIPT = """\
"use strict";
(() => {
  const every = 2000, longest = 30000;
  let wait = every, timer = 0, paused = false, last = new Date();
  const button = document.createElement("button");
  button.type = "button";
  document.querySelector("header h1").after(button);

  const show = (kind, text) => { button.className = kind; button.textContent = text; };
  const parts = (page) => [...page.querySelectorAll("[data-live]")];
  const plan = () => {
    clearTimeout(timer);
    if (!paused && !document.hidden) timer = setTimeout(update, wait);
  };
  const take = (page) => {
    const now = parts(page), before = parts(document);
    if (now.map((part) => part.id).join() !== before.map((part) => part.id).join()) return location.reload();
    before.forEach((part, index) => {
      if (!part.isEqualNode(now[index])) part.replaceWith(document.adoptNode(now[index]));
    });
  };
  const lost = () => {
    if (paused) return;
    wait = Math.min(2 * wait, longest);
    show("lost", "No answer since " + last.toLocaleTimeString());
    plan();
  };

  function update() {
    const request = new XMLHttpRequest();  // unlike fetch() it minds the page's charset
    request.open("GET", location.href);
    request.responseType = "document";
    request.timeout = longest;
    request.onerror = request.ontimeout = lost;
    request.onload = () => {
      if (paused) return;
      if (request.status !== 200 || !request.response || !parts(request.response).length) return lost();
      take(request.response);
      wait = every;
      last = new Date();
      show("", "Live");
      plan();
    };
    request.send();
  }

  button.onclick = () => {
    paused = !paused;
    show(paused ? "paused" : "", paused ? "Paused" : "Live");
    wait = every;
    if (paused) clearTimeout(timer); else update();
  };
  document.addEventListener("visibilitychange", () => { wait = every; plan(); });
  show("", "Live");
  plan();
})();
"""

# In their URLs, so that they are kept until they change.
STYLE_KEY = f"{crc32(STYLE.encode()):08x}"
SCRIPT_KEY = f"{crc32(SCRIPT.encode()):08x}"
