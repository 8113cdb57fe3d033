// The picker of IPTC Media Topics: search, arrow keys, chips.

function picker(box) {
  if (box.dataset.ready) return;
  box.dataset.ready = "1";
  const field = box.querySelector("[data-topics-field]");
  const chips = box.querySelector("[data-topics-chips]");
  const search = box.querySelector("[data-topics-search]");
  const found = box.querySelector("[role=listbox]");
  let at = -1;
  let asked = 0;

  const codes = () => field.value.split(",").filter(Boolean);
  function set(list) {
    field.value = [...new Set(list)].join(",");
    field.dispatchEvent(new Event("input", { bubbles: true }));
    field.dispatchEvent(new Event("change", { bubbles: true }));
  }
  function chip(code, name) {
    const item = document.createElement("li");
    item.dataset.code = code;
    item.append(Object.assign(document.createElement("span"), { textContent: name }), remover(code, name, item));
    chips.append(item);
  }
  function remover(code, name, item) {
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: "×" });
    button.setAttribute("aria-label", `Remove ${name}`);
    button.addEventListener("click", () => { item.remove(); set(codes().filter((other) => other !== code)); search.focus(); });
    return button;
  }
  for (const item of chips.children) item.append(remover(item.dataset.code, item.textContent, item));

  function close() { found.hidden = true; at = -1; search.setAttribute("aria-expanded", "false"); }
  function mark(next) {
    const options = [...found.children];
    at = Math.max(0, Math.min(options.length - 1, next));
    options.forEach((option, place) => option.setAttribute("aria-selected", String(place === at)));
    options[at]?.scrollIntoView({ block: "nearest" });
    if (options[at]) search.setAttribute("aria-activedescendant", options[at].id);
  }
  function take(option) {
    if (!option) return;
    if (!codes().includes(option.dataset.code)) { chip(option.dataset.code, option.dataset.name); set([...codes(), option.dataset.code]); }
    search.value = "";
    close();
  }
  async function look() {
    const mine = ++asked;
    if (search.value.trim().length < 2) { close(); return; }
    const answer = await fetch(`/desk/topics/?q=${encodeURIComponent(search.value)}`);
    if (!answer.ok || mine !== asked) return;
    const { topics } = await answer.json();
    found.replaceChildren(...topics.map((topic, place) => {
      const option = Object.assign(document.createElement("li"), { id: `${found.id}-${place}` });
      option.setAttribute("role", "option");
      option.dataset.code = topic.code;
      option.dataset.name = topic.name;
      option.title = topic.definition;
      option.append(Object.assign(document.createElement("strong"), { textContent: topic.name }), Object.assign(document.createElement("small"), { textContent: topic.way }));
      option.addEventListener("pointerdown", (event) => { event.preventDefault(); take(option); });
      return option;
    }));
    found.hidden = !topics.length;
    search.setAttribute("aria-expanded", String(!found.hidden));
    mark(0);
  }
  let later;
  search.addEventListener("input", (event) => { event.stopPropagation(); clearTimeout(later); later = setTimeout(look, 120); });
  search.addEventListener("blur", close);
  search.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown") mark(at + 1);
    else if (event.key === "ArrowUp") mark(at - 1);
    else if (event.key === "Enter") take(found.hidden ? null : found.children[at]);
    else if (event.key === "Escape" && !found.hidden) close();
    else return;
    event.preventDefault();
  });
}

const prepare = () => document.querySelectorAll("[data-topics]").forEach(picker);
if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", prepare);
else prepare();
