// An item's page: what is corrected while it is being read is mended in place; what is withdrawn goes at once.

import { connect } from "./live.js";

const item = document.getElementById("item");
const notice = document.getElementById("changed");
const alarm = document.getElementById("withdrawn");
const { id, wire, lastSeq, earlier } = item.dataset;
// Mends of the same text; an update may be another text, which its reader opens when they want to.
const MENDED = new Set(["Corrected", "Refiled"]);
// Thousands who read one item do not ask for its page in the same moment.
const SPREAD_MS = 1500;
// Another process may answer, a moment behind the one that told us.
const TRIES = 5;
// The newest version that was mended into this page, and the act that withdrew the item, if one did.
let shown = Number(lastSeq);
let withdrawnBy = "";

/** Fetch this page until it is what was announced; null if it never is. */
async function fetchPage(isNew) {
  for (let tried = 0; tried < TRIES; tried += 1) {
    await new Promise((resolve) => setTimeout(resolve, (tried + Math.random()) * SPREAD_MS));
    try {
      const answer = await fetch(location.pathname, { cache: "no-cache" });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (isNew(answer, page)) return page;
    } catch {
      // The connection is lost: live.js says so, and we try again.
    }
  }
  return null;
}

function say(text, link) {
  notice.textContent = text;
  notice.classList.remove("mended");
  if (link) {
    const anchor = document.createElement("a");
    anchor.href = link;
    anchor.textContent = "Read it as it stands now";
    notice.append(" ", anchor, ".");
  }
  notice.hidden = false;
}

async function changed(element, seq) {
  if (element.id !== id) return;
  if (!item.isConnected) {
    setTimeout(() => location.reload(), Math.random() * SPREAD_MS); // it was withheld, and is back
    return;
  }
  say(`${element.mark || "Changed"}: this item has a newer version.`, element.url);
  if (earlier !== undefined || !MENDED.has(element.mark)) return;
  const page = await fetchPage((answer, found) => Number(found.getElementById("item")?.dataset.lastSeq) >= seq);
  if (!page || !item.isConnected) return;
  const stands = Number(page.getElementById("item").dataset.lastSeq);
  if (stands <= shown) return; // a later correction's page came first
  // An item that was corrected once keeps that mark; the newest note says what was done now.
  const now = page.querySelector(".corrections strong")?.textContent;
  if (MENDED.has(now)) {
    shown = stands;
    mend(now, page);
  } else say(`${now || "Changed"}: this item has a newer version.`, element.url);
}

/** Put the new version's parts in the place of the old ones; who reads further down stays where they were. */
function mend(mark, page) {
  const paragraphs = () => [...item.querySelector(".body").children];
  const place = paragraphs().findIndex((node) => node.getBoundingClientRect().bottom > 0);
  const before = paragraphs()[place]?.getBoundingClientRect().top;
  const scrolled = scrollY > 0;
  item.querySelector(".corrections")?.remove();
  for (const part of [".item > header", ".item > .body", ".provenance"]) {
    document.querySelector(part)?.replaceWith(page.querySelector(part));
  }
  const corrections = page.querySelector(".corrections");
  if (corrections) notice.after(corrections);
  const last = corrections?.querySelector("p")?.lastChild.textContent.replace(/^[:\s]+/, "").trim();
  say([`${mark} just now.`, last, "The text is as it stands now."].filter(Boolean).join(" "));
  // The newest note stands in the notice, which stays in view: not twice (wire.css).
  notice.classList.add("mended");
  document.title = page.title;
  const after = paragraphs()[place]?.getBoundingClientRect().top;
  if (scrolled && after !== undefined) scrollBy({ top: after - before, behavior: "instant" });
}

async function withdrawn({ id: gone, act }) {
  // A kill may follow a hold; nothing follows a kill.
  if (gone !== id || act === withdrawnBy || withdrawnBy === "kill") return;
  withdrawnBy = act;
  const heading = document.createElement("h1");
  heading.textContent = act === "kill" ? "This item was withdrawn" : "This item is withheld";
  item.remove();
  document.querySelector(".provenance")?.remove();
  // What is shared, or read by an extension, comes from the head.
  document.head.querySelectorAll('script[type="application/ld+json"], meta[property], meta[name="description"]').forEach((node) => node.remove());
  document.title = heading.textContent;
  alarm.replaceChildren(heading);
  alarm.hidden = false;
  scrollTo({ top: 0, behavior: "instant" });
  // Why stands on the page that this one is from now on.
  const status = act === "kill" ? 410 : 404;
  const page = await fetchPage((answer, found) => answer.status === status && found.querySelector("main .item"));
  if (!page || act !== withdrawnBy) return;
  alarm.append(...page.querySelectorAll("main .item > :not(h1)"));
  document.title = page.title;
}

connect(wire, Number(lastSeq), { element: changed, withdrawal: withdrawn, reset: () => location.reload() });
