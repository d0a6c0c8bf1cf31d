/* On every page: menus that close, copy buttons, downloads, questions before a deletion.
   Everything listens on the document, so fragments that arrive later work too. */
(() => {
  "use strict";

  const announce = (text) => {
    const line = document.querySelector("[data-announce]");
    if (line) line.textContent = text;
  };

  const selectText = (element) => {
    const range = document.createRange();
    range.selectNodeContents(element);
    const selection = window.getSelection();
    selection.removeAllRanges();
    selection.addRange(range);
  };

  const write = async (source) => {
    const text = source.value ?? source.textContent;
    if (navigator.clipboard && window.isSecureContext) {
      await navigator.clipboard.writeText(text);
      return;
    }
    // Plain http has no clipboard API; the selection stays, so Ctrl+C works if this fails too.
    selectText(source);
    if (!document.execCommand("copy")) throw new Error("copy refused");
  };

  const confirmCopy = (button, done) => {
    const label = button.querySelector("[data-copy-label]");
    label.textContent = done ? "Copied" : "Press Ctrl+C";
    button.classList.toggle("is-done", done);
    announce(done ? "Copied" : "The text is selected: press Ctrl+C");
    clearTimeout(button.resetTimer);
    button.resetTimer = setTimeout(() => {
      label.textContent = "Copy";
      button.classList.remove("is-done");
    }, 1800);
  };

  const copy = async (button) => {
    const source = document.getElementById(button.dataset.copy);
    if (!source) return;
    try {
      await write(source);
      confirmCopy(button, true);
    } catch {
      selectText(source);
      confirmCopy(button, false);
    }
  };

  const revealCopyButtons = (root) => {
    root.querySelectorAll("[data-copy][hidden]").forEach((button) => {
      button.hidden = false;
    });
  };

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-copy]");
    if (button) copy(button);
    document.querySelectorAll("details[data-menu][open]").forEach((menu) => {
      if (!menu.contains(event.target)) menu.open = false;
    });
  });

  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    const menu = document.querySelector("details[data-menu][open]");
    if (!menu) return;
    menu.open = false;
    menu.querySelector("summary").focus();
  });

  document.addEventListener("submit", (event) => {
    const question = event.submitter?.dataset.confirm ?? event.target.dataset.confirm;
    if (question && !window.confirm(question)) event.preventDefault();
  });

  document.addEventListener("fragment", (event) => revealCopyButtons(event.target));
  revealCopyButtons(document);
})();
