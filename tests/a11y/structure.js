() => {
  const wrong = [];
  const visible = (e) => e.getClientRects().length > 0;
  const titles = [...document.querySelectorAll("h1")].filter(visible);
  if (titles.length !== 1) wrong.push(`${titles.length} h1 au lieu d'un seul`);
  let last = 0;
  for (const heading of [...document.querySelectorAll("h1,h2,h3,h4,h5,h6")].filter(visible)) {
    const level = Number(heading.tagName[1]);
    if (level > last + 1) wrong.push(`titre de niveau ${level} après un niveau ${last} : ${heading.textContent.trim()}`);
    last = level;
  }
  if (!/^[a-z]{2}/.test(document.documentElement.lang)) wrong.push("langue de la page absente");
  if (!/ – Cadran$/.test(document.title) || document.title.startsWith(" –")) wrong.push(`titre de page : « ${document.title} »`);
  for (const role of ["main", "footer", "header"]) if (document.querySelectorAll(`body > ${role}`).length !== 1) wrong.push(`repère ${role} absent ou en double`);
  if (/<\/?c-[a-z]/i.test(document.documentElement.outerHTML)) wrong.push("composant <c-…> non rendu");
  if (/\{[%{#]/.test(document.body.innerText)) wrong.push("balise de gabarit visible");
  for (const table of document.querySelectorAll("table")) if (!table.caption?.textContent.trim() && table.closest("[role=presentation],.u-legend") === null && !table.classList.contains("u-legend")) wrong.push("tableau sans titre");
  const ids = new Map();
  for (const { id } of document.querySelectorAll("[id]")) ids.set(id, (ids.get(id) ?? 0) + 1);
  for (const [id, n] of ids) if (n > 1) wrong.push(`identifiant en double : ${id}`);
  for (const element of document.querySelectorAll("[style],[onclick],[onload],[onchange],[onsubmit]")) {
    const own = element.closest(".leaflet-container,.uplot,.chart-plot,.map-plot");
    if (!own) wrong.push(`style ou gestionnaire en ligne : ${element.outerHTML.slice(0, 120)}`);
  }
  const skip = document.querySelector("a.skip");
  const target = skip && document.getElementById(skip.hash.slice(1));
  if (!target) wrong.push("lien d'évitement sans cible");
  return wrong;
}
