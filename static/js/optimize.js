/* The optimizer page: sends the form without leaving the page, Ctrl/Cmd+Enter, a counter,
   and the last options kept in this browser. Without script the same form simply posts. */
(() => {
  "use strict";

  const form = document.querySelector("form[data-optimize]");
  if (!form) return;

  const FAILED = "That did not work. Please try again.";
  const STORE = "atelier.options";
  const NOT_KEPT = new Set(["csrfmiddlewaretoken", "idea", "seed"]);
  const button = form.querySelector("[data-submit]");
  const label = form.querySelector("[data-submit-label]");
  const problem = form.querySelector("[data-problem]");
  const idle = label.textContent;
  let running = null;

  /* Options: remembered on sending, put back on a fresh page only. */
  const usual = (field) => {
    if (!field.options) return field.defaultValue;
    const options = [...field.options];
    return (options.find((option) => option.defaultSelected) ?? options[0])?.value;
  };

  const remember = () => {
    const kept = [...form.elements]
      .filter((field) => field.name && field.type !== "hidden" && !NOT_KEPT.has(field.name))
      .filter((field) => "value" in field && field.tagName !== "BUTTON" && field.value !== usual(field))
      .map((field) => [field.name, field.value]);
    try {
      localStorage.setItem(STORE, JSON.stringify(Object.fromEntries(kept)));
    } catch {
      /* Storage is off: nothing is remembered, nothing else changes. */
    }
  };

  const recall = () => {
    let kept = {};
    try {
      kept = JSON.parse(localStorage.getItem(STORE) ?? "{}");
    } catch {
      return;
    }
    for (const [name, value] of Object.entries(kept)) {
      const field = form.elements.namedItem(name);
      if (!field || NOT_KEPT.has(name)) continue;
      const known = !field.options || [...field.options].some((option) => option.value === value);
      if (known) field.value = value;
    }
    const more = form.querySelector("[data-keep-open]");
    const filled = [...more.querySelectorAll("input, select")].some((field) => kept[field.name]);
    if (filled) more.open = true;
  };

  /* Counter: people count characters as they see them, not UTF-16 units. */
  const graphemes = Intl.Segmenter ? new Intl.Segmenter(undefined, { granularity: "grapheme" }) : null;
  const length = (text) => (graphemes ? [...graphemes.segment(text)].length : [...text].length);

  const count = () => {
    const line = form.querySelector("[data-counter-for]");
    const idea = document.getElementById(line.dataset.counterFor);
    const limit = Number(idea.getAttribute("maxlength") ?? idea.dataset.limit ?? 0);
    const used = length(idea.value);
    line.hidden = used === 0;
    line.textContent = limit && used > limit * 0.8 ? `${used} / ${limit}` : `${used}`;
    line.classList.toggle("is-over", Boolean(limit) && used >= limit);
  };

  const busy = (on) => {
    button.setAttribute("aria-busy", String(on));
    label.textContent = on ? "Working…" : idle;
  };

  const complain = (text) => {
    problem.hidden = !text;
    problem.querySelector("p").textContent = text;
  };

  const swap = (current, next) => {
    if (current && next) current.replaceChildren(...next.childNodes);
  };

  /* The answer is the whole page; only the result and the fields' messages are taken from it. */
  const show = (page) => {
    const answered = page.querySelector("form[data-optimize]");
    swap(form.querySelector("[data-form-errors]"), answered.querySelector("[data-form-errors]"));
    for (const field of answered.querySelectorAll("[name]")) {
      const here = form.elements.namedItem(field.name);
      if (!here?.closest || field.type === "hidden") continue;
      const mine = here.closest(".field");
      const theirs = field.closest(".field");
      mine.querySelector(".field__errors")?.remove();
      const errors = theirs.querySelector(".field__errors");
      if (errors) mine.append(errors);
      for (const name of ["aria-invalid", "aria-describedby"]) {
        if (field.hasAttribute(name)) here.setAttribute(name, field.getAttribute(name));
        else here.removeAttribute(name);
      }
    }
    const wrong = form.querySelector('[aria-invalid="true"], [data-form-errors] .alert');
    if (wrong) {
      const fold = wrong.closest("details");
      if (fold) fold.open = true;
      wrong.scrollIntoView({ block: "nearest" });
      wrong.focus();
      return;
    }
    // Only a good answer replaces the last one.
    const result = document.querySelector("[data-result]");
    swap(result, page.querySelector("[data-result]"));
    result.dispatchEvent(new CustomEvent("fragment", { bubbles: true }));
    result.focus({ preventScroll: true });
    const top = result.getBoundingClientRect().top;
    if (top < 0 || top > window.innerHeight * 0.5) result.scrollIntoView({ block: "start" });
    document.querySelector("[data-announce]").textContent = "Your prompts are ready";
  };

  const send = async () => {
    running?.abort();
    running = new AbortController();
    const mine = running;
    complain("");
    busy(true);
    remember();
    try {
      const answer = await fetch(form.action.split("#")[0], {
        method: "POST",
        body: new FormData(form),
        headers: { Accept: "text/html", "X-Requested-With": "fetch" },
        signal: mine.signal,
      });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (page.querySelector("form[data-optimize]")) show(page);
      else complain(page.querySelector("[data-reason]")?.textContent.trim() || FAILED);
    } catch (error) {
      if (error.name !== "AbortError") complain("No connection. Check it and try again.");
    } finally {
      if (mine === running) busy(false);
    }
  };

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send();
  });

  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && !event.isComposing) {
      event.preventDefault();
      form.requestSubmit();
    }
  });

  /* A tapped fragment opens the table that explains it. */
  document.addEventListener("click", (event) => {
    if (!event.target.closest(".fragment")) return;
    const why = document.querySelector("[data-why]");
    if (why) why.open = true;
  });

  form.addEventListener("input", count);
  const shortcut = form.querySelector("[data-shortcut]");
  shortcut.textContent = /Mac|iP(hone|ad)/.test(navigator.platform) ? "⌘↵" : "Ctrl ↵";
  shortcut.hidden = !window.matchMedia("(hover: hover)").matches;
  if ("fresh" in form.dataset) recall();
  count();
})();
