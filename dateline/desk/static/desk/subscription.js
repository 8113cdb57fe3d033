// A subscription's form: what its filter means while it is edited. A page that shows a secret: the button that copies it.

const form = document.querySelector("form[data-preview]");

function preview() {
  const matched = form.querySelector("#matched");
  const told = form.querySelector("[data-told]");
  // What only the filter needs: an address or a secret is not sent before the form is.
  const names = new Set(["csrfmiddlewaretoken", "sections", "other_sections", "topics", "languages", "urgency", "headlines", "embargoed", "archive"]);
  let later;
  let asking;
  async function look() {
    asking?.abort();
    asking = new AbortController();
    const fields = new FormData(form);
    for (const name of [...fields.keys()]) if (!names.has(name)) fields.delete(name);
    try {
      const answer = await fetch(form.dataset.preview, { method: "POST", body: fields, signal: asking.signal, redirect: "manual", cache: "no-store" });
      if (!answer.ok) throw new Error(answer.statusText);
      matched.innerHTML = await answer.text();
      const found = matched.querySelectorAll("li").length;
      told.textContent = `${matched.querySelector("[data-words]")?.textContent ?? matched.textContent.trim()} ${found} of the last day.`;
    } catch (error) {
      if (error.name === "AbortError") return;
      told.textContent = "What that means could not be shown. What you typed is still here; press Show.";
      matched.textContent = told.textContent;
    }
    form.dataset.shown = String(Number(form.dataset.shown ?? 0) + 1);
  }
  form.addEventListener("input", (event) => {
    if (!names.has(event.target.name)) return;
    clearTimeout(later);
    later = setTimeout(look, 300);
  });
  form.querySelector("[data-show]").addEventListener("click", (event) => { event.preventDefault(); look(); });
}
if (form) {
  preview();
  // The first thing that is wrong is where someone goes on.
  form.querySelector(".desk-field-wrong :is(input, select)")?.focus();
}

async function copy(button) {
  const code = document.getElementById(button.dataset.copy);
  try {
    await navigator.clipboard.writeText(code.textContent);
    button.textContent = "Copied";
  } catch {
    // Without https there is no clipboard; what is selected is one key away from it.
    getSelection().selectAllChildren(code);
    button.textContent = "Selected: press Ctrl+C";
  }
}
for (const button of document.querySelectorAll("[data-copy]")) {
  button.hidden = false;
  button.addEventListener("click", () => copy(button));
}
document.documentElement.dataset.subscription = "ready";
