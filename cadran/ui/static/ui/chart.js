// A chart: uPlot for the eyes, a slider and an output for the keyboard, a table beside (made by the server).
import uPlot from "uplot";

const DASHES = [[], [8, 4], [2, 3], [12, 4, 2, 4], [5, 5], [1, 4]]; // curves differ without colour too
const HEIGHT = 280;

export async function start(figure) {
  const data = figure.dataset.src
    ? await (await fetch(figure.dataset.src, { headers: { Accept: "application/json" } })).json()
    : JSON.parse(figure.querySelector("script[type='application/json']").textContent);
  if (!data.instants.length) return;
  const holder = figure.querySelector(".chart-plot");
  let plot = draw(holder, data);
  wire(figure, () => plot, data);
  new ResizeObserver(() => plot.setSize({ width: holder.clientWidth, height: HEIGHT })).observe(holder);
  const redraw = () => { plot.destroy(); plot = draw(holder, data); };
  document.addEventListener("cadran:theme", redraw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
}

const token = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

function draw(holder, data) {
  const ink = token("ink-2");
  const grid = { stroke: token("line"), width: 1 };
  const number = (digits) => new Intl.NumberFormat("fr-FR", { minimumFractionDigits: digits, maximumFractionDigits: digits });
  const font = `14px ${getComputedStyle(document.body).fontFamily}`;
  const values = data.thresholds.map((each) => each.value);
  return new uPlot({
    width: holder.clientWidth, height: HEIGHT,
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), data.zone),
    fmtDate: (template) => uPlot.fmtDate(template, FRENCH),
    cursor: { drag: { x: true, y: false } },
    legend: { live: false, markers: { width: 3, dash: (_u, i) => (DASHES[i - 1]?.length ? "dashed" : "solid") } },
    axes: [
      { stroke: ink, grid, ticks: grid, font, space: 80, values: FRENCH_AXIS },
      { stroke: ink, grid, ticks: grid, font, size: 56, values: (_u, ticks) => ticks.map((tick) => number(undefined).format(tick)) },
    ],
    scales: { y: { range: (_u, low, high) => {
      const from = Math.min(low ?? 0, ...values), to = Math.max(high ?? 1, ...values), room = (to - from || 1) * 0.08;
      return [from - room, to + room];
    } } },
    series: [{}, ...data.series.map((each, index) => ({
      label: each.label, stroke: token(`series-${index + 1}`), width: 2, dash: DASHES[index], points: { show: false }, spanGaps: false,
    }))],
    hooks: { drawClear: [(plot) => markers(plot, data)], draw: [(plot) => thresholds(plot, data, font)] },
  }, [data.instants, ...data.series.map((each) => each.values)], holder);
}

const FRENCH = {
  MMMM: ["janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre", "décembre"],
  MMM: ["janv.", "févr.", "mars", "avr.", "mai", "juin", "juil.", "août", "sept.", "oct.", "nov.", "déc."],
  WWWW: ["dimanche", "lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi"],
  WWW: ["dim.", "lun.", "mar.", "mer.", "jeu.", "ven.", "sam."],
};
const DAY = 86_400;
// [smallest step, format, on new year, on new month, on new day, …, mode] as uPlot wants it; 24 h, day before month.
const FRENCH_AXIS = [
  [DAY * 365, "{YYYY}", null, null, null, null, null, null, 1],
  [DAY * 28, "{MMM}", "\n{YYYY}", null, null, null, null, null, 1],
  [DAY, "{D} {MMM}", "\n{YYYY}", null, null, null, null, null, 1],
  [3600, "{HH}:{mm}", "\n{WWW} {D} {MMM}", null, "\n{WWW} {D} {MMM}", null, null, null, 1],
  [60, "{HH}:{mm}", "\n{WWW} {D} {MMM}", null, "\n{WWW} {D} {MMM}", null, null, null, 1],
  [1, ":{ss}", "\n{D} {MMM} {HH}:{mm}", null, "\n{D} {MMM} {HH}:{mm}", null, "\n{HH}:{mm}", null, 1],
];

function markers(plot, { markers: periods, instants }) {
  const { ctx, bbox } = plot;
  for (const { start, end } of periods) {
    const from = Math.max(bbox.left, plot.valToPos(start, "x", true));
    const to = Math.min(bbox.left + bbox.width, plot.valToPos(end ?? instants.at(-1), "x", true));
    if (to <= from) continue;
    ctx.save();
    ctx.fillStyle = token("late-soft");
    ctx.fillRect(from, bbox.top, Math.max(2, to - from), bbox.height);
    ctx.fillStyle = token("late-mark");
    ctx.fillRect(from, bbox.top, Math.max(2, to - from), 4 * devicePixelRatio);
    ctx.restore();
  }
}

function thresholds(plot, data, font) {
  const { ctx, bbox } = plot;
  for (const { label, value } of data.thresholds) {
    const y = Math.round(plot.valToPos(value, "y", true));
    ctx.save();
    ctx.strokeStyle = ctx.fillStyle = token("late-mark");
    ctx.setLineDash([6 * devicePixelRatio, 4 * devicePixelRatio]);
    ctx.lineWidth = 1.5 * devicePixelRatio;
    ctx.beginPath();
    ctx.moveTo(bbox.left, y);
    ctx.lineTo(bbox.left + bbox.width, y);
    ctx.stroke();
    ctx.font = font.replace("14px", `${14 * devicePixelRatio}px`);
    ctx.textAlign = "right";
    ctx.textBaseline = "bottom";
    ctx.fillText(label, bbox.left + bbox.width - 4 * devicePixelRatio, y - 3 * devicePixelRatio);
    ctx.restore();
  }
}

function wire(figure, current, data) {
  const tools = figure.querySelector(".chart-tools");
  const slider = tools.querySelector("input");
  const output = tools.querySelector("output");
  const day = new Intl.DateTimeFormat("fr-FR", { timeZone: data.zone, weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
  slider.max = data.instants.length - 1;
  slider.value = slider.max;
  const read = () => {
    const index = Number(slider.value);
    const plot = current();
    const said = data.series.map(({ label, values, digits }) => {
      const value = values[index];
      const text = value === null ? "—" : value.toLocaleString("fr-FR", { minimumFractionDigits: digits, maximumFractionDigits: digits });
      return `${label} ${text}\u202f${data.unit}`;
    });
    const text = `${day.format(data.instants[index] * 1000)} : ${said.join(", ")}`;
    output.textContent = text;
    slider.setAttribute("aria-valuetext", text);
    const first = data.series.find(({ values }) => values[index] !== null);
    plot.setCursor({ left: plot.valToPos(data.instants[index], "x"), top: first ? plot.valToPos(first.values[index], "y") : 0 });
  };
  slider.addEventListener("input", read);
  for (const button of tools.querySelectorAll("[data-zoom]")) {
    button.addEventListener("click", () => {
      const plot = current();
      const [first, last] = [data.instants[0], data.instants.at(-1)];
      const { min, max } = plot.scales.x;
      const centre = data.instants[Number(slider.value)];
      const half = button.dataset.zoom === "all" ? Infinity : ((max - min) / 2) * (button.dataset.zoom === "in" ? 0.5 : 2);
      plot.setScale("x", { min: Math.max(first, centre - half), max: Math.min(last, centre + half) });
    });
  }
  tools.hidden = false;
  read();
}
