// The one entry of every page: htmx, the few behaviours of the shell, and heavy pieces only where they are used.
import "htmx";
import { startClocks } from "cadran/clock";
import { startPreferences } from "cadran/theme";

const pieces = [
  ["[data-chart]", () => import("cadran/chart")],
  ["[data-map]", () => import("cadran/map")],
  ["[data-live-bar]", () => import("cadran/live")],
];

async function enhance(root) {
  for (const [selector, load] of pieces) {
    const found = [...root.querySelectorAll(selector)].filter((element) => !element.dataset.ready);
    if (root.matches?.(selector) && !root.dataset.ready) found.push(root);
    for (const element of found) element.dataset.ready = "1";
    if (found.length) {
      const { start } = await load();
      for (const element of found) start(element);
    }
  }
}

// Ctrl+K is a browser-like chord, not a one-key shortcut: nothing to turn off (RGAA 12.10 speaks of single keys).
document.addEventListener("keydown", (event) => {
  const field = document.querySelector("[data-shortcut]");
  if (field && event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey) && !event.altKey) {
    event.preventDefault();
    field.focus();
    field.select();
  }
});

// What a person has begun to type is never replaced by a live refresh (see morphSkip in the page's head).
document.addEventListener("input", (event) => event.target.setAttribute("data-touched", ""));
document.addEventListener("reset", (event) => {
  for (const field of event.target.querySelectorAll("[data-touched]")) field.removeAttribute("data-touched");
});
document.addEventListener("htmx:after:settle", (event) => enhance(event.target));

startClocks();
startPreferences();
enhance(document);
