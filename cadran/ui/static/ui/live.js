// Live pages: one stream of "something changed", then htmx refetches the fragments concerned under the reader's rights.
// The stream closes while the tab is hidden (a browser allows six connections to one host, tabs included) and when the
// reader pauses; on return everything is refetched once, so no change is missed.
import htmx from "htmx";

const CALM = 2000; // at most one refetch of a fragment in this time: nothing flickers under a flood
const POLL = 30_000; // when the server has no room for one more stream
const RETRY_MOST = 30_000;

export function start(bar) {
  const button = bar.querySelector("button");
  const word = bar.querySelector(".live-word");
  const at = bar.querySelector(".live-at");
  const waiting = new Map(); // fragment -> timer
  let stream = null;
  let poll = 0;
  let retry = 1000;
  let retrying = 0;
  let paused = false;
  let opened = false;

  const say = (name) => {
    const text = bar.dataset[`${name}Word`] ?? "";
    if (word.textContent !== text) word.textContent = text;
  };
  const fragments = () => [...document.querySelectorAll("[data-live]")].filter((each) => each.dataset.live);

  function refetch(fragment) {
    if (waiting.has(fragment)) return;
    const wait = Math.max(150, CALM - (performance.now() - (fragment.cadranAt ?? -CALM)));
    waiting.set(fragment, setTimeout(() => {
      waiting.delete(fragment);
      if (paused || !fragment.isConnected) return;
      fragment.cadranAt = performance.now();
      htmx.trigger(fragment, "cadran:refresh");
      at.textContent = `${at.dataset.prefix} ${new Date().toLocaleTimeString("fr-FR")}`;
    }, wait));
  }

  function heard(message) {
    const { kind, id } = JSON.parse(message.data);
    for (const fragment of fragments()) {
      const topics = fragment.dataset.live.split(/\s+/);
      if (topics.includes(kind) || topics.includes(`${kind}:${id}`)) refetch(fragment);
    }
  }

  function open() {
    close();
    const topics = [...new Set(fragments().flatMap((each) => each.dataset.live.split(/\s+/)))];
    if (!topics.length) return;
    const url = new URL(bar.dataset.url, location.href);
    url.searchParams.set("topics", topics.join(","));
    stream = new EventSource(url);
    stream.onopen = () => {
      retry = 1000;
      clearInterval(poll);
      say("live");
      if (opened) fragments().forEach(refetch); // what was said between two streams is lost: read again
      opened = true;
    };
    stream.onmessage = heard;
    stream.onerror = () => {
      if (stream?.readyState !== EventSource.CLOSED) { say("lost"); return; } // the browser is already retrying
      close(); // refused (503): poll meanwhile, and try again later
      say("polling");
      poll = setInterval(() => document.hidden || fragments().forEach(refetch), POLL);
      retrying = setTimeout(open, retry);
      retry = Math.min(RETRY_MOST, retry * 2);
    };
  }

  function close() {
    stream?.close();
    stream = null;
    clearInterval(poll);
    clearTimeout(retrying);
  }


  button.addEventListener("click", () => {
    paused = !paused;
    button.setAttribute("aria-pressed", String(paused));
    document.documentElement.dataset.live = paused ? "paused" : "on";
    if (paused) { close(); say("paused"); } else open();
  });
  document.addEventListener("visibilitychange", () => {
    if (paused) return;
    if (document.hidden) close(); else open();
  });
  addEventListener("pagehide", close);
  addEventListener("pageshow", (event) => { if (event.persisted && !paused) open(); });
  bar.classList.add("is-ready");
  open();
}
