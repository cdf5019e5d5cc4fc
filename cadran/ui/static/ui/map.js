// A map: Leaflet over our own outline, groups by supercluster, every mark a real link or button with a name.
import * as L from "leaflet";
import Supercluster from "supercluster";

export async function start(section) {
  const plot = section.querySelector(".map-plot");
  const data = section.dataset.src
    ? await (await fetch(section.dataset.src, { headers: { Accept: "application/json" } })).json()
    : JSON.parse(section.querySelector("script[type='application/json']").textContent);
  const map = L.map(plot, { zoomControl: false, attributionControl: false, minZoom: 2, maxZoom: 16, zoomSnap: 0.5, fadeAnimation: false, zoomAnimation: !matchMedia("(prefers-reduced-motion: reduce)").matches, keyboard: true, scrollWheelZoom: false });
  L.control.zoom({ zoomInTitle: section.dataset.zoomIn, zoomOutTitle: section.dataset.zoomOut }).addTo(map);
  outline(map, section.dataset.outline);

  const index = new Supercluster({
    radius: 56, maxZoom: 15,
    map: ({ state }) => ({ states: { [state]: 1 } }),
    reduce: (all, one) => { for (const [state, n] of Object.entries(one.states)) all.states[state] = (all.states[state] ?? 0) + n; },
  });
  index.load(data.points.map(([x, y, name, url, state, word]) => ({
    type: "Feature", geometry: { type: "Point", coordinates: [x, y] }, properties: { name, url, state, word },
  })));
  const everything = data.points.length ? L.latLngBounds(data.points.map(([x, y]) => [y, x])) : L.latLngBounds([[41.3, -5.2], [51.1, 9.6]]);
  wholeButton(map, everything, section.dataset.allWord);
  const boxes = data.territories.map(([name, count, [west, south, east, north]]) => {
    const inside = data.points.filter(([x, y]) => x >= west && x <= east && y >= south && y <= north);
    return { name: `${name} (${count})`, bounds: L.latLngBounds(inside.map(([x, y]) => [y, x])).pad(0.15) };
  });
  const see = (bounds, animate = true) => map.fitBounds(bounds, { maxZoom: 12, animate });
  see(boxes[0]?.bounds ?? everything, false); // not the whole globe when one site is overseas
  if (boxes.length > 1) territories(section.querySelector(".map-territories"), boxes, see);

  const layer = L.layerGroup().addTo(map);
  const shown = new Map(); // key -> marker: marks that stay keep their focus
  const update = () => refresh({ map, index, data, layer, shown, words: section.dataset });
  map.on("moveend", update);
  update();
}

async function outline(map, url) {
  const shapes = await (await fetch(url)).json();
  L.geoJSON(shapes, {
    interactive: false,
    style: ({ properties }) => ({ className: properties.kind === "france" ? "map-home" : "map-land", stroke: true, color: null, fillColor: null, fillOpacity: 1, opacity: 1 }),
  }).addTo(map);
}

function territories(holder, boxes, see) {
  for (const { name, bounds } of boxes) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "btn-quiet";
    button.textContent = name;
    button.addEventListener("click", () => see(bounds));
    holder.append(button);
  }
  holder.hidden = false;
}

function wholeButton(map, bounds, word) {
  const control = L.control({ position: "topleft" });
  control.onAdd = () => {
    const holder = L.DomUtil.create("div", "leaflet-bar");
    const button = L.DomUtil.create("button", "", holder);
    button.type = "button";
    button.title = word;
    button.setAttribute("aria-label", word);
    button.textContent = "⤢";
    L.DomEvent.disableClickPropagation(holder);
    button.addEventListener("click", () => map.fitBounds(bounds.pad(0.1), { maxZoom: 12 }));
    return holder;
  };
  control.addTo(map);
}

function refresh({ map, index, data, layer, shown, words }) {
  const box = map.getBounds().pad(0.2);
  const zoom = Math.round(map.getZoom());
  const found = index.getClusters([box.getWest(), box.getSouth(), box.getEast(), box.getNorth()], zoom);
  const kept = new Set();
  for (const feature of found) {
    const { properties: about, geometry: { coordinates: [x, y] } } = feature;
    const key = about.cluster ? `g${about.cluster_id}` : `p${x},${y},${about.name}`;
    kept.add(key);
    if (shown.has(key)) continue;
    const element = about.cluster ? group({ map, index, data, about, at: [y, x], words }) : place(about, data);
    const marker = L.marker([y, x], { icon: L.divIcon({ html: element, iconSize: [0, 0], className: "" }), keyboard: false, interactive: false });
    shown.set(key, marker.addTo(layer));
    marker.getElement().removeAttribute("role");
  }
  for (const [key, marker] of shown) {
    if (kept.has(key)) continue;
    if (marker.getElement().contains(document.activeElement)) map.getContainer().focus({ preventScroll: true });
    layer.removeLayer(marker); // the mark is gone, the focus stays in the map
    shown.delete(key);
  }
}

function place({ name, url, state, word }, data) {
  const link = document.createElement("a");
  link.className = `pin is-${state}`;
  link.href = url;
  link.title = `${name} : ${word}`;
  link.setAttribute("aria-label", `${name} : ${word}`);
  link.append(shape(data.shapes[state]));
  return clickable(link);
}

function group({ map, index, data, about, at, words }) {
  const worst = data.order.find((state) => about.states[state]) ?? "info";
  const word = data.points.find((point) => point[4] === worst)?.[5] ?? "";
  const name = words.group.replace("{n}", about.point_count).replace("{worst}", `${about.states[worst]} ${word}`);
  const button = document.createElement("button");
  button.type = "button";
  button.className = `pin pin-group is-${worst}`;
  button.title = name;
  button.setAttribute("aria-label", name);
  button.append(String(about.point_count_abbreviated), shape(data.shapes[worst]));
  button.addEventListener("click", () => map.setView(at, Math.min(16, index.getClusterExpansionZoom(about.cluster_id))));
  return clickable(button);
}

function clickable(element) {
  element.style.pointerEvents = "auto"; // the mark's holder lets clicks through to the map
  L.DomEvent.disableClickPropagation(element);
  return element;
}

function shape(path) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("class", "shape");
  svg.setAttribute("aria-hidden", "true");
  const line = document.createElementNS("http://www.w3.org/2000/svg", "path");
  line.setAttribute("d", path);
  svg.append(line);
  return svg;
}
