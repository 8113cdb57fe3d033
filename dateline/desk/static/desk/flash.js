// The flash: opens over whatever is on the screen; Enter shows it, Enter again lets it go.

let dialog;

async function open() {
  if (document.querySelector(".desk-flash-page")) { document.querySelector("[data-flash-headline]").focus(); return; }
  if (!dialog) {
    dialog = Object.assign(document.createElement("dialog"), { className: "desk-dialog desk-flash-dialog" });
    dialog.setAttribute("aria-labelledby", "flash-title");
    document.body.append(dialog);
  }
  if (dialog.open) return;
  dialog.textContent = "";
  dialog.showModal();
  const answer = await fetch("/desk/flash/?part=1", { cache: "no-store" });
  if (!answer.ok || answer.redirected) { location.assign("/desk/flash/"); return; }
  dialog.innerHTML = await answer.text();
  prepare(dialog.querySelector("[data-flash-form]"));
  dialog.querySelector("[data-flash-headline]").focus();
}

function prepare(form) {
  const preview = form.querySelector("[data-flash-preview]");
  const refused = form.querySelector("[data-flash-refused]");
  const go = form.querySelector("[data-flash-go]");
  let sending = false;
  const hide = () => { preview.hidden = true; };
  form.addEventListener("input", hide);
  form.querySelector("[data-flash-close]").addEventListener("click", () => (dialog?.open ? dialog.close() : history.back()));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (sending) return;
    const fields = new FormData(form);
    fields.set("do", go.value);
    if (preview.hidden) {
      const label = Object.assign(document.createElement("span"), { className: "desk-urgency", textContent: "1 Flash" });
      label.dataset.urgency = "1";
      const line = document.createElement("small");
      preview.replaceChildren(label, " ", Object.assign(document.createElement("strong"), { textContent: fields.get("headline").trim() }), line);
      preview.hidden = false;
      // The dateline as readers will see it; nobody waits for it.
      fetch(`/desk/dateline/?place=${encodeURIComponent(fields.get("place"))}`).then((answer) => answer.json()).then(({ printed }) => {
        line.textContent = [printed, fields.get("section").trim()].filter(Boolean).join(" · ");
      }).catch(() => {});
      return;
    }
    sending = true;
    go.disabled = true;
    try {
      const here = await fetch("/desk/here/", { redirect: "manual", cache: "no-store" });
      if (!here.ok) {
        refused.hidden = false;
        refused.textContent = "You are signed out, so nothing was sent. Sign in in another tab, then press Enter again.";
        return;
      }
      fields.set("csrfmiddlewaretoken", (await here.json()).token);
      const answer = await fetch(form.action, { method: "POST", body: fields, headers: { Accept: "application/json" } });
      const said = await answer.json();
      refused.hidden = answer.ok;
      if (answer.ok) done(form, said);
      else refused.textContent = said.refused || said.error_message || "It did not go out. Try again.";
    } catch {
      refused.hidden = false;
      refused.textContent = "The desk could not be reached, so it is not known whether it went out. Press Enter again: it is never sent twice.";
    } finally {
      sending = false;
      go.disabled = false;
    }
  });
}

function done(form, said) {
  const text = Object.assign(document.createElement("p"), { textContent: said.said });
  text.setAttribute("role", "status");
  const edit = Object.assign(document.createElement("a"), { textContent: "Write the story", href: said.edit, className: "button" });
  const close = Object.assign(document.createElement("button"), { textContent: "Close", className: "button button-secondary", type: "button" });
  close.addEventListener("click", () => (dialog?.open ? dialog.close() : location.assign("/desk/")));
  form.replaceChildren(text, edit, " ", close);
  edit.focus();
}

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest?.("input, textarea, select, [contenteditable], dialog");
  const plain = !event.ctrlKey && !event.metaKey && !event.altKey;
  if (event.key === "F2" || (event.key === "f" && plain && !typing)) { event.preventDefault(); open(); }
});
document.addEventListener("click", (event) => {
  if (!event.target.closest("[data-desk-flash], a[href='/desk/flash/']")) return;
  event.preventDefault();
  open();
});
const standing = document.querySelector(".desk-flash-page [data-flash-form]");
if (standing) prepare(standing);
