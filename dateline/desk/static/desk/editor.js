// In the editor: the count of words, and the dateline as readers will see it, beside what is typed.

const form = document.querySelector("form[data-edit-form]");
const credit = document.querySelector("#id_credit");
const place = document.querySelector("#id_place");
const day = document.querySelector("#id_dateline_date");

function words() {
  const parts = [...form.querySelectorAll("[data-contentpath=body] [contenteditable=true], [data-contentpath=body] textarea, [data-contentpath=body] input[type=text]")];
  const text = parts.map((part) => part.value ?? part.innerText).join(" ");
  return (text.match(/[\p{L}\p{N}]+(?:[’'-][\p{L}\p{N}]+)*/gu) || []).length;
}

// A new story's form brings the end of its uri along: whatever is sent twice becomes one story.
if (form && location.pathname.endsWith("/stories/add/")) {
  const alphabet = "0123456789abcdefghjkmnpqrstvwxyz";
  // As `news.codes.mint_uri` does it: a letter for the part of the year, then chance.
  const now = new Date();
  const day = Math.floor((now - Date.UTC(now.getUTCFullYear(), 0, 1)) / 86_400_000);
  const chance = [...crypto.getRandomValues(new Uint8Array(12))].map((byte) => alphabet[byte % 32]).join("");
  const letters = alphabet[Math.floor((day * 32) / 366)] + chance;
  form.append(Object.assign(document.createElement("input"), { type: "hidden", name: "desk-letters", value: letters }));
}

if (form && place && credit) {
  const line = Object.assign(document.createElement("p"), { className: "desk-count" });
  line.setAttribute("role", "status");
  line.setAttribute("aria-live", "off");
  document.querySelector("footer.footer, .footer")?.append(line);
  const show = () => { const count = words(); line.textContent = `${count} word${count === 1 ? "" : "s"}`; };
  let later;
  for (const kind of ["input", "keyup", "focusout"]) form.addEventListener(kind, () => { clearTimeout(later); later = setTimeout(show, 300); });
  setTimeout(show, 500);
}

if (place && day && credit) {
  const line = Object.assign(document.createElement("p"), { className: "desk-dateline" });
  line.setAttribute("aria-live", "polite");
  place.closest(".w-panel, .w-form-width, .w-field__wrapper")?.closest("section, .w-panel")?.append(line);
  let later;
  const show = async () => {
    const query = new URLSearchParams({ place: place.value, date: day.value, credit: credit.value });
    const answer = await fetch(`/desk/dateline/?${query}`);
    if (!answer.ok) return;
    const { printed } = await answer.json();
    line.replaceChildren(Object.assign(document.createElement("span"), { textContent: printed ? "Opens with: " : "Without a dateline" }), printed);
  };
  for (const field of [place, day, credit]) field.addEventListener("input", () => { clearTimeout(later); later = setTimeout(show, 250); });
  show();
}

// The rich text editor hands what is typed to the form a moment later. A form that is sent within that moment
// waits for it, so that the last words go along.
const HANDED_OVER_MS = 600;
if (form) {
  let typed = 0;
  let passed = false;
  const told = Object.assign(document.createElement("p"), { className: "desk-signed-out", hidden: true });
  told.setAttribute("role", "alert");
  told.append("You are signed out, so nothing was sent; your words are still here. ",
    Object.assign(document.createElement("a"), { href: "/desk/", target: "_blank", textContent: "Sign in in another tab" }),
    ", then press the button again.");
  document.querySelector("footer.footer, .footer")?.prepend(told);
  // A form that is sent while signed out would end on the sign-in page, and its words with it.
  async function signedIn() {
    try {
      const answer = await fetch("/desk/here/", { redirect: "manual", cache: "no-store" });
      if (!answer.ok) return false;
      const { token } = await answer.json();
      for (const field of document.querySelectorAll("[name=csrfmiddlewaretoken]")) field.value = token;
      return true;
    } catch { return true; }
  }
  addEventListener("w-autosave:error", async () => { told.hidden = await signedIn(); });
  form.addEventListener("input", () => { typed = Date.now(); }, true);
  form.addEventListener("keydown", () => { typed = Date.now(); }, true);
  form.addEventListener("submit", (event) => {
    if (passed) { passed = false; return; }
    event.preventDefault();
    event.stopImmediatePropagation();
    const { submitter } = event;
    const left = typed + HANDED_OVER_MS - Date.now();
    setTimeout(async () => {
      if (!(await signedIn())) { told.hidden = false; told.scrollIntoView({ block: "nearest" }); return; }
      told.hidden = true;
      passed = true;
      form.requestSubmit(submitter);
    }, Math.max(0, left));
  }, true);
}

// A table of a word processor: the editor would run its cells together, and figures with them. Each row becomes a
// paragraph, its cells apart.
document.addEventListener("paste", (event) => {
  const box = event.target.closest?.("[data-contentpath=body] [contenteditable=true]");
  const html = event.clipboardData?.getData("text/html") || "";
  if (!box || event.desk || !/<table/i.test(html)) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  const copied = new DOMParser().parseFromString(html, "text/html");
  for (const table of copied.querySelectorAll("table")) {
    table.replaceWith(...[...table.rows].map((row) => Object.assign(copied.createElement("p"), {
      textContent: [...row.cells].map((cell) => cell.textContent.replace(/\s+/g, " ").trim()).join(" | "),
    })));
  }
  const data = new DataTransfer();
  data.setData("text/html", copied.body.innerHTML);
  data.setData("text/plain", copied.body.innerText);
  const again = new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true });
  again.desk = true;
  event.target.dispatchEvent(again);
}, true);

// Who confirms Wagtail's dialog has been told that another saved in the meantime; the server asks only those who have not.
document.addEventListener("click", (event) => {
  if (!form || !event.target.closest("#w-save-confirmation-dialog button")) return;
  if (form.querySelector("[name=desk-over]")) return;
  form.append(Object.assign(document.createElement("input"), { type: "hidden", name: "desk-over", value: "yes" }));
}, true);
