// A newsfeed element: the page's own <template>, filled. The server renders the same template.

const LABELS = { 1: "Flash", 2: "Bulletin", 3: "Urgent" };

/** Return a new <li> for an element as /newsfeed.json and /live have it. */
export function makeElement(data, place) {
  const template = document.getElementById("element");
  const node = template.content.firstElementChild.cloneNode(true);
  fillElement(node, data);
  node.dataset.place = place ?? "";
  return node;
}

/** Write an element's data into its <li>. */
export function fillElement(node, data) {
  const values = { ...data, label: LABELS[data.urgency] ?? "" };
  node.dataset.id = data.id;
  node.dataset.urgency = data.urgency;
  for (const field of node.querySelectorAll("[data-field]")) {
    const value = values[field.dataset.field] ?? "";
    field.textContent = value;
    field.hidden = value === "";
    if (field.dataset.href) field.setAttribute("href", values[field.dataset.href]);
    if (field.localName === "time") field.setAttribute("datetime", data.datetime);
  }
}

/** The instant that orders elements; a day alone stands at its start. */
export function instantOf(node) {
  return Date.parse(node.querySelector("time").getAttribute("datetime"));
}
