// Ticks the contract clocks every 30 s. The server gave the counted periods still to come, so nights, holidays and
// pauses stop the clock here exactly as they do in the contract; nothing is computed from the browser's own date.
const EVERY = 30_000;
const CENTRE = [52, 56];
const RADIUS = 42;
const seen = new WeakMap(); // clock -> { text, facts, at }

export function startClocks() {
  setInterval(tickAll, EVERY);
  document.addEventListener("visibilitychange", () => document.hidden || tickAll());
  tickAll();
}

function tickAll() {
  if (document.hidden || document.documentElement.dataset.live === "paused") return;
  for (const clock of document.querySelectorAll("[data-clock]")) tick(clock);
}

function tick(clock) {
  const text = clock.dataset.clock;
  let state = seen.get(clock);
  if (!state || state.text !== text) {
    state = { text, facts: JSON.parse(text), at: performance.now() };
    seen.set(clock, state);
    return; // what the server just wrote is right
  }
  const { facts } = state;
  const now = facts.now + (performance.now() - state.at) / 1000;
  const left = facts.spans.reduce((sum, [start, end]) => sum + Math.max(0, end - Math.max(start, now)), 0);
  const scale = facts.remaining / (1 - Math.min(facts.fraction, 0.9999));
  const at = Math.min(1, Math.max(0, 1 - left / scale));
  const lead = clock.querySelector(".clock-lead");
  const words = left > 0 ? facts.words.replace("{left}", duration(left, facts)) : facts.reached;
  if (lead.textContent !== words) lead.textContent = words;
  clock.classList.toggle("at-risk", at >= facts.risk);
  draw(clock, at);
}

function duration(seconds, { day, units, soon }) {
  let minutes = Math.floor(seconds / 60);
  if (minutes === 0) return soon;
  const days = Math.floor(minutes / (day / 60));
  minutes -= days * (day / 60);
  const hours = Math.floor(minutes / 60);
  minutes -= hours * 60;
  const [inDays, inHours, inMinutes] = units;
  const said = hours ? inHours.replace("{hours}", hours) : "";
  if (days) return inDays.replace("{days}", days) + (said ? `\u202f${said}` : "");
  if (hours && minutes) return `${said}\u202f${String(minutes).padStart(2, "0")}`;
  return hours ? said : inMinutes.replace("{minutes}", minutes);
}

function draw(clock, at) {
  const point = (radius) => {
    const angle = (at * Math.PI) / 2;
    return [CENTRE[0] - radius * Math.cos(angle), CENTRE[1] - radius * Math.sin(angle)].map((n) => n.toFixed(1)).join(" ");
  };
  clock.querySelector(".dial-hand")?.setAttribute("d", `M${CENTRE.join(" ")}L${point(RADIUS - 8)}`);
  clock.querySelector(".dial-used")?.setAttribute("d", `M10 56A42 42 0 0 1 ${point(RADIUS)}`);
}
