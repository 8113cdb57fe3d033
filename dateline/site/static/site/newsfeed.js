// The newsfeed in the browser: elements arrive, change and go; older ones are fetched.

import { fillElement, instantOf, makeElement } from "./element.js";
import { connect } from "./live.js";

const list = document.getElementById("newsfeed");
const arrivals = document.getElementById("arrivals");
const { wire, lastSeq, section, day } = list.dataset;
// Above this the reader is at the top of the feed and wants to see what arrives.
const TOP_PX = 120;
let unseen = 0;

function find(id) {
  return [...list.children].find((node) => node.dataset.id === id);
}

function isOurs(element) {
  const inSection = !section || element.heading_url === `/sections/${section}/`;
  return inSection && (!day || element.day === day);
}

/** Change the list without moving what is being read: an element in view stays where it is. */
function keepingPlace(change) {
  const reading = scrollY > TOP_PX || list.contains(document.activeElement);
  const anchor = reading && [...list.children].find((node) => node.getBoundingClientRect().bottom > 0);
  const before = anchor ? anchor.getBoundingClientRect().top : 0;
  change();
  if (anchor?.isConnected) scrollBy({ top: anchor.getBoundingClientRect().top - before, behavior: "instant" });
  return Boolean(reading);
}

function insert(node) {
  const instant = instantOf(node);
  const next = [...list.children].find((other) => instantOf(other) <= instant);
  const last = list.lastElementChild;
  // Older than all that is shown: it belongs to a page that has not been fetched.
  if (!next && last && document.getElementById("older")) return false;
  const reading = keepingPlace(() => list.insertBefore(node, next ?? null));
  document.getElementById("nothing")?.remove();
  node.classList.add("arrived");
  if (reading) announce(1);
  return true;
}

function announce(count) {
  unseen = count ? unseen + count : 0;
  arrivals.hidden = unseen === 0;
  arrivals.textContent = unseen === 1 ? "1 new dispatch" : `${unseen} new dispatches`;
}

function show(element, seq) {
  const there = find(element.id);
  if (!isOurs(element)) return there?.remove();
  if (there) keepingPlace(() => fillElement(there, element));
  else insert(makeElement(element, element.place ?? seq));
}

function withdraw({ id }) {
  const there = find(id);
  if (there) keepingPlace(() => there.remove());
}

async function fetchOlder(event) {
  event.preventDefault();
  const link = event.currentTarget;
  link.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(link.dataset.more, { headers: { Accept: "application/json" } });
    if (!answer.ok) throw new Error(answer.statusText);
    const { elements, more, older } = await answer.json();
    const nodes = elements.filter(({ id }) => !find(id)).map((data) => makeElement(data, data.place));
    list.append(...nodes);
    nodes[0]?.querySelector(".title a").focus({ preventScroll: true });
    if (older) {
      link.href = older;
      link.dataset.more = more;
    } else link.remove();
  } catch {
    location.assign(link.href); // the page that works without us
  } finally {
    link.removeAttribute("aria-busy");
  }
}

document.getElementById("older")?.addEventListener("click", fetchOlder);
arrivals.addEventListener("click", () => {
  scrollTo({ top: 0 });
  list.querySelector(".title a")?.focus({ preventScroll: true });
  announce(0);
});
addEventListener("scroll", () => scrollY <= TOP_PX && announce(0), { passive: true });
if (!("frozen" in list.dataset)) {
  connect(wire, Number(lastSeq), { element: show, withdrawal: withdraw, reset: () => location.reload() });
}
