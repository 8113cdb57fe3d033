// An item's page: says when the item changed or was withdrawn while it is being read.

import { connect } from "./live.js";

const item = document.getElementById("item");
const notice = document.getElementById("changed");
const { id, wire, lastSeq } = item.dataset;

function say(text, link) {
  notice.textContent = text;
  if (link) {
    const anchor = document.createElement("a");
    anchor.href = link;
    anchor.textContent = "Read it as it stands now";
    notice.append(" ", anchor, ".");
  }
  notice.hidden = false;
}

function changed(element) {
  if (element.id === id) say(`${element.mark || "Changed"}: this item has a newer version.`, element.url);
}

function withdrawn(withdrawal) {
  if (withdrawal.id !== id) return;
  item.querySelector(".body").remove();
  say(withdrawal.act === "kill" ? "This item has been withdrawn." : "This item is withheld while it is checked.");
}

connect(wire, Number(lastSeq), { element: changed, withdrawal: withdrawn, reset: () => location.reload() });
