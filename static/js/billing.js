/* Comfort for buyers: the price follows the country, and an order's page looks again by itself. */
(() => {
  "use strict";

  const EVERY = 3000; // ms between two looks
  const MOST = 200; // looks; after ten minutes the link "Look again" is enough

  document.documentElement.classList.add("has-script");

  document.addEventListener("change", (event) => {
    if (!event.target.matches("[data-requote], [name=account]")) return;
    const again = event.target.form.querySelector("[data-again]");
    document.querySelector("[data-quote]")?.setAttribute("aria-busy", "true");
    event.target.form.requestSubmit(again);
  });

  // Sent twice is one order, but a second press would only make the buyer wait longer.
  document.addEventListener("submit", (event) => {
    if (!event.target.matches("[data-checkout]")) return;
    if (event.target.dataset.sent && !event.submitter?.matches("[data-again]")) {
      event.preventDefault();
      return;
    }
    event.target.dataset.sent = "1";
  });

  // Who comes back with the Back button finds the form usable again.
  window.addEventListener("pageshow", () => {
    document.querySelectorAll("[data-checkout]").forEach((form) => delete form.dataset.sent);
  });

  const place = document.querySelector("[data-poll]");
  let looks = 0;

  const look = async () => {
    looks += 1;
    if (document.hidden) return true;
    try {
      const answer = await fetch(place.dataset.poll, { headers: { Accept: "text/html" } });
      if (!answer.ok) return answer.status === 429 || answer.status >= 500;
      const was = place.querySelector("[data-state]").dataset.state;
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      const state = fresh.querySelector("[data-state]");
      if (!state) return false;
      if (state.dataset.state !== was) {
        window.location.replace(window.location.pathname); // what it brought is on the page
        return false;
      }
      return "waiting" in state.dataset;
    } catch {
      return true; // offline for a moment
    }
  };

  const again = async () => {
    if ((await look()) && looks < MOST) setTimeout(again, EVERY);
  };

  if (place?.querySelector("[data-waiting]")) setTimeout(again, EVERY);
})();
