// Theme and density at once, without losing the page; the server keeps the choice in a cookie.
export function startPreferences() {
  document.addEventListener("submit", async (event) => {
    const form = event.target.closest("[data-preferences]");
    const button = event.submitter;
    if (!form || !button?.name) return;
    event.preventDefault();
    const body = new FormData(form, button);
    document.documentElement.dataset[button.name] = button.value;
    for (const other of button.parentElement.children) other.setAttribute("aria-pressed", String(other === button));
    document.dispatchEvent(new CustomEvent("cadran:theme"));
    const answer = await fetch(form.action, { method: "POST", body, redirect: "manual" });
    if (answer.status >= 400) form.submit(); // the cookie was not kept: let the page say why
  });
}
