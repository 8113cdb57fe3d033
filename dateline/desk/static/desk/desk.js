// Keys, the help overlay, clocks and the live line, on every screen of the desk.

const KEYS = [
  ["F2", "Flash, from anywhere, also while you type"],
  ["f", "Flash"],
  ["n", "New story"],
  ["q", "Queue"],
  ["s", "Stories, and their search"],
  ["j  k", "Down and up in the queue"],
  ["Enter", "Open the story"],
  ["o", "Its release screen"],
  ["r", "On the release screen: release (or update, correct …) now"],
  ["a", "On the release screen: approve"],
  ["e", "On the release screen: edit"],
  ["h", "These keys"],
  ["?", "The editor’s keys"],
  ["Esc", "Close"],
];
const GO = { n: "/desk/stories/add/", q: "/desk/", s: "/desk/stories/" };

const typing = (target) => target.closest?.("input, textarea, select, [contenteditable], dialog");

function showKeys() {
  let dialog = document.querySelector("#desk-keys");
  if (!dialog) {
    dialog = document.createElement("dialog");
    dialog.id = "desk-keys";
    dialog.className = "desk-dialog";
    dialog.setAttribute("aria-labelledby", "desk-keys-title");
    const title = document.createElement("h2");
    title.id = "desk-keys-title";
    title.textContent = "Keys";
    const list = document.createElement("dl");
    for (const [keys, means] of KEYS) {
      const term = document.createElement("dt");
      for (const key of keys.split("  ")) term.append(Object.assign(document.createElement("kbd"), { textContent: key }), " ");
      list.append(term, Object.assign(document.createElement("dd"), { textContent: means }));
    }
    const close = Object.assign(document.createElement("button"), { textContent: "Close", className: "button button-small" });
    close.addEventListener("click", () => dialog.close());
    dialog.append(title, list, close);
    document.body.append(dialog);
  }
  dialog.showModal();
}

function move(step) {
  const rows = [...document.querySelectorAll("[data-row]")];
  if (!rows.length) return;
  const at = rows.indexOf(document.activeElement);
  rows[Math.max(0, Math.min(rows.length - 1, at === -1 ? 0 : at + step))].focus();
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || typing(event.target)) return;
  const shown = document.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
  if (shown) shown.click();
  else if (event.key === "h") showKeys();
  else if (event.key === "j") move(1);
  else if (event.key === "k") move(-1);
  else if (event.key === "o" && document.activeElement.dataset.release) location.assign(document.activeElement.dataset.release);
  else if (GO[event.key]) location.assign(GO[event.key]);
  else return;
  event.preventDefault();
});
document.addEventListener("click", (event) => {
  if (event.target.closest("[data-desk-keys]")) showKeys();
});

// A countdown, and how long ago: seconds near the moment, minutes and hours further away.
function span(seconds) {
  const s = Math.abs(Math.round(seconds));
  if (s < 120) return `${s} s`;
  if (s < 7200) return `${Math.round(s / 60)} min`;
  return s < 172800 ? `${Math.round(s / 3600)} h` : `${Math.round(s / 86400)} days`;
}
function tick() {
  for (const time of document.querySelectorAll("time[data-since], time[data-until]")) {
    time.dataset.printed ??= time.textContent;
    const away = (new Date(time.dateTime) - Date.now()) / 1000;
    if ("until" in time.dataset) time.textContent = away > 0 ? `${time.dataset.printed}, in ${span(away)}` : `${time.dataset.printed}, now`;
    else time.textContent = `${span(away)} ago`;
    time.title = time.dataset.printed;
  }
}
setInterval(tick, 1000);
tick();

// The queue is fetched anew when the desk says that something changed; the ETag makes most of it free.
const queue = document.querySelector("#queue");
let tag = "";
let busy = false;
let again = false;
async function refresh() {
  if (busy) { again = true; return; }
  busy = true;
  try {
    const answer = await fetch(queue.dataset.part, { headers: tag ? { "If-None-Match": tag } : {}, cache: "no-store" });
    if (answer.ok && !answer.redirected) {
      tag = answer.headers.get("ETag") || "";
      const focused = document.activeElement?.getAttribute?.("href");
      const inside = queue.contains(document.activeElement);
      queue.innerHTML = await answer.text();
      if (inside && focused) queue.querySelector(`[href="${CSS.escape(focused)}"]`)?.focus();
      tick();
      queue.dispatchEvent(new CustomEvent("desk:queue", { bubbles: true }));
    }
  } finally {
    busy = false;
    if (again) { again = false; setTimeout(refresh, 200); }
  }
}
if (queue) new EventSource(queue.dataset.live).addEventListener("changed", refresh);
document.documentElement.dataset.desk = "ready";
