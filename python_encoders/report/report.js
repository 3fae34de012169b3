"use strict";

// Draws each figure from the JSON beside it, writes the crises' names into the map where
// there is room, and fits all to the paper when the page is printed.

const SVG = "http://www.w3.org/2000/svg";
// In pixels.
const GAP = 3;
const RING = 14;
// Of a line of text, from its top.
const BASELINE = 0.78;
// How many points a name may lie on.
const MAX_COVERED = 1;
const holders = [...document.querySelectorAll("[data-figure]")];

function draw(holder) {
  const { data, layout } = JSON.parse(holder.nextElementSibling.textContent);
  // On a touch screen a drag is for scrolling the page.
  if (holder.dataset.figure === "map" && !matchMedia("(pointer: coarse)").matches) {
    layout.dragmode = "zoom";
  }
  const config = { displayModeBar: false, responsive: true, showTips: false };
  return Plotly.newPlot(holder, data, layout, config);
}

function boxWithin(frame, element) {
  const box = element.getBoundingClientRect();
  return {
    left: box.left - frame.left,
    right: box.right - frame.left,
    top: box.top - frame.top,
    bottom: box.bottom - frame.top,
  };
}

function overlaps(a, b) {
  return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
}

// Around the mark, on the right first; then further off, with a line that leads there.
function placesAround(mark, width, height) {
  const x = (mark.left + mark.right) / 2;
  const y = (mark.top + mark.bottom) / 2;
  const reach = (mark.right - mark.left) / 2 + GAP;
  const directions = [[1, 0], [-1, 0], [0, -1], [0, 1], [1, -1], [1, 1], [-1, -1], [-1, 1]];
  return [0, 1, 2, 3].flatMap((ring) =>
    directions.map(([dx, dy]) => {
      const diagonal = dx && dy ? 0.7 : 1;
      const from = { x: x + dx * reach * diagonal, y: y + dy * reach * diagonal };
      const end = {
        x: from.x + dx * RING * ring * diagonal,
        y: from.y + dy * RING * ring * diagonal,
      };
      const left = end.x + ((dx - 1) / 2) * width;
      const top = end.y + ((dy - 1) / 2) * height;
      return { left, top, right: left + width, bottom: top + height, ring, from, end };
    }),
  );
}

function append(parent, name, attributes) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  parent.append(element);
  return element;
}

// The box around the line from a mark to its name.
function leader({ from, end }) {
  return {
    left: Math.min(from.x, end.x) - 1,
    right: Math.max(from.x, end.x) + 1,
    top: Math.min(from.y, end.y) - 1,
    bottom: Math.max(from.y, end.y) + 1,
  };
}

// The mark of each crisis in view, and its name.
function crisisMarks(holder, frame) {
  return holder.data
    .filter((trace) => trace.customdata)
    .flatMap((trace) => {
      const paths = holder.querySelectorAll(`.trace${trace.uid} path.point`);
      return trace.customdata.map((name, i) => ({ name, box: boxWithin(frame, paths[i]) }));
    });
}

function nameCrises(holder) {
  const names = document.getElementById("map-names");
  names.replaceChildren();
  const frame = holder.getBoundingClientRect();
  const plot = boxWithin(frame, holder.querySelector(".nsewdrag"));
  const marked = holder.querySelectorAll(".trace:not([class*='-ring']) path.point");
  const points = [...marked].map((point) => boxWithin(frame, point));
  const marks = crisisMarks(holder, frame).filter(({ box }) => overlaps(box, plot));
  const taken = marks.map(({ box }) => box);
  // The outermost first: they have room, and are what one looks at.
  const outwards = ({ box }) =>
    Math.hypot(
      (box.left + box.right - plot.left - plot.right) / (plot.right - plot.left),
      (box.top + box.bottom - plot.top - plot.bottom) / (plot.bottom - plot.top),
    );
  marks.sort((a, b) => outwards(b) - outwards(a));
  for (const { name, box } of marks) {
    const label = append(names, "text", {});
    label.textContent = name;
    const { width, height } = label.getBBox();
    const best = placesAround(box, width, height)
      .filter(
        (place) =>
          place.left >= plot.left && place.right <= plot.right &&
          place.top >= plot.top && place.bottom <= plot.bottom &&
          !taken.some((other) => overlaps(place, other) || overlaps(leader(place), other)),
      )
      .map((place) => {
        const covered = points.filter((point) => overlaps(place, point)).length;
        return { place, covered, cost: covered + 0.9 * place.ring };
      })
      .filter(({ covered }) => covered <= MAX_COVERED)
      .sort((a, b) => a.cost - b.cost)[0];
    if (!best) {
      label.remove();
      continue;
    }
    const { place } = best;
    taken.push(place, leader(place));
    label.setAttribute("x", place.left);
    label.setAttribute("y", place.top + height * BASELINE);
    if (place.ring) {
      const { from, end } = place;
      append(names, "line", { x1: from.x, y1: from.y, x2: end.x, y2: end.y });
    }
  }
}

// At once, because the paper does not wait.
function fit(sizeOf) {
  for (const holder of holders) {
    if (holder.data) Plotly.relayout(holder, sizeOf(holder));
  }
}

for (const holder of holders) {
  draw(holder).then(() => {
    if (holder.dataset.figure !== "map") return;
    nameCrises(holder);
    holder.on("plotly_afterplot", () => nameCrises(holder));
  });
}

addEventListener("beforeprint", () => {
  document.body.classList.add("printing");
  fit(({ clientWidth, clientHeight }) => ({ width: clientWidth, height: clientHeight }));
});
addEventListener("afterprint", () => {
  document.body.classList.remove("printing");
  fit(() => ({ width: null, height: null, autosize: true }));
});
