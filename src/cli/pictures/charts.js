"use strict";

// The facts of the page, numbers as text, charts and pictures.

const facts = JSON.parse(document.getElementById("facts").textContent);
const view = facts.view;
const isLine = view.positions !== undefined;
const element = (id) => document.getElementById(id);
const colours = () =>
  getComputedStyle(document.documentElement)
    .getPropertyValue("--series")
    .split(",")
    .map((c) => c.trim());
const dashes = ["", "6 3", "2 2", "8 3 2 3", "1 3", "10 4"];

/** A number with three digits. */
function rounded(x) {
  if (x === null || x === undefined) return "unknown";
  if (x === 0) return "0";
  const size = Math.abs(x);
  if (size >= 1e-3 && size < 1e5) return String(Number(x.toPrecision(3)));
  return x.toExponential(2).replace(/\.?0*e\+?/, "e");
}

const percent = (share) => rounded(100 * share) + " %";
const whole = d3.format(",d");
const plural = (count, noun) => `${whole(count)} ${noun}${count === 1 ? "" : "s"}`;
const listing = (words) => (words.length < 2 ? words.join("") : words.slice(0, -1).join(", ") + " and " + words.at(-1));
const unitOf = (field) => (facts.units || {})[field] || "";
const withUnit = (label, unit) => (unit ? `${label} (${unit})` : label);

/** The energy of the leading modes, never rounded to all of it. */
function energyText(error) {
  const tail = error * error;
  return tail > 1e-5 || tail === 0 ? percent(1 - tail) : `100 % - ${percent(tail)}`;
}

// Charts

const redraws = [];

/** A figure that is drawn again when its width changes. `draw` gets its SVG and its width. */
function figure(parent, title, height, draw) {
  const frame = d3.select(parent).append("figure");
  frame.append("figcaption").text(title);
  const svg = frame.append("svg").attr("role", "img").attr("aria-label", title);
  let width = 0;
  const redraw = () => {
    const size = typeof height === "function" ? height(width) : height;
    svg.selectAll("*").remove();
    svg.attr("viewBox", `0 0 ${width} ${size}`).attr("height", size);
    draw(svg, width, size);
  };
  new ResizeObserver(() => {
    const now = Math.floor(frame.node().clientWidth);
    if (now === width || now === 0) return;
    width = now;
    redraw();
  }).observe(frame.node());
  redraws.push(() => width > 0 && redraw());
  return { frame, redraw: () => width > 0 && redraw() };
}

/** Axes in the margins of a chart, with their labels and the lines of a grid. */
function drawAxes(svg, { x, y, box, xLabel, yLabel, xTicks, logY }) {
  const { left, right, top, bottom } = box;
  const count = Math.max(2, Math.min(8, Math.floor((right - left) / 70)));
  const xAxis = d3.axisBottom(x).ticks(count).tickSizeOuter(0);
  if (xTicks) xAxis.tickValues(xTicks(count)).tickFormat(d3.format("d"));
  const decades = logY ? Math.max(1, Math.round(Math.abs(Math.log10(y.domain()[1] / y.domain()[0])))) : 0;
  const yAxis = d3.axisLeft(y).tickSizeOuter(0);
  if (logY && decades >= 2) {
    const step = Math.ceil(decades / 6);
    const powers = d3.range(Math.ceil(Math.log10(y.domain()[0]) - 1e-9), Math.log10(y.domain()[1]) + 1e-9, step);
    yAxis.tickValues(powers.map((power) => 10 ** power)).tickFormat((v) => rounded(Number(v.toPrecision(6))));
  } else {
    yAxis.ticks(Math.max(2, Math.floor((bottom - top) / 45))).tickFormat((v) => rounded(v));
  }
  const lines = svg.append("g").attr("class", "grid");
  const ticks = yAxis.tickValues() || y.ticks(Math.max(2, Math.floor((bottom - top) / 45)));
  for (const tick of ticks)
    lines.append("line").attr("x1", left).attr("x2", right).attr("y1", y(tick)).attr("y2", y(tick));
  svg.append("g").attr("class", "axis").attr("transform", `translate(0,${bottom})`).call(xAxis);
  svg.append("g").attr("class", "axis").attr("transform", `translate(${left},0)`).call(yAxis);
  svg
    .append("text")
    .attr("x", (left + right) / 2)
    .attr("y", bottom + 36)
    .attr("text-anchor", "middle")
    .text(xLabel);
  svg
    .append("text")
    .attr("transform", `translate(14,${(top + bottom) / 2}) rotate(-90)`)
    .attr("text-anchor", "middle")
    .text(yLabel);
}

/** Whole numbers for the ticks of an axis. */
const wholeTicks = (x) => (count) => {
  const [from, to] = x.domain();
  return [...new Set(d3.ticks(from, to, count).map(Math.round))].filter((t) => t >= from && t <= to);
};

/**
 * A chart of lines. `content()` gives its series, `{name, points: [[x, y]], isMarked}`, and marks, `{x, text, kind}`.
 * Points without a number leave a gap.
 */
function lineChart(parent, title, { xLabel, yLabel, logY = false, isWhole = true, withZero = false, content }) {
  const chart = figure(parent, title, 270, (svg, width, height) => {
    const { series, marks = [] } = content();
    const isDrawn = ([, y]) => y !== null && Number.isFinite(y) && (!logY || y > 0);
    const points = series.flatMap((own) => own.points.filter(isDrawn));
    const box = { left: 68, right: width - 12, top: 22, bottom: height - 44 };
    if (points.length === 0) return;
    const xRange = d3.extent(points, (p) => p[0]);
    if (xRange[0] === xRange[1]) xRange.splice(0, 2, xRange[0] - 0.5, xRange[1] + 0.5);
    const yRange = d3.extent(points, (p) => p[1]);
    if (withZero) yRange[0] = Math.min(0, yRange[0]);
    if (yRange[0] === yRange[1]) {
      if (logY) yRange.splice(0, 2, yRange[0] / 2, yRange[1] * 2);
      else yRange.splice(0, 2, yRange[0] - 0.5, yRange[1] + 0.5);
    }
    const x = d3.scaleLinear().domain(xRange).range([box.left, box.right]);
    const y = (logY ? d3.scaleLog() : d3.scaleLinear().nice()).domain(yRange).range([box.bottom, box.top]);
    if (!logY) y.nice();
    drawAxes(svg, { x, y, box, xLabel, yLabel, logY, xTicks: isWhole ? wholeTicks(x) : null });
    series.forEach((own, i) => {
      const colour = colours()[i % colours().length];
      const line = d3
        .line()
        .defined(isDrawn)
        .x((p) => x(p[0]))
        .y((p) => y(p[1]));
      svg
        .append("path")
        .attr("class", "series")
        .attr("fill", "none")
        .attr("stroke", colour)
        .attr("stroke-width", 1.8)
        .attr("stroke-dasharray", dashes[i % dashes.length])
        .attr("d", line(own.points));
      if (own.points.length > 80 && !own.isMarked) return;
      svg
        .append("g")
        .selectAll("circle")
        .data(own.points.filter(isDrawn))
        .join("circle")
        .attr("cx", (p) => x(p[0]))
        .attr("cy", (p) => y(p[1]))
        .attr("r", own.points.length > 80 ? 2 : 3)
        .attr("fill", colour)
        .append("title")
        .text((p) => `${xLabel} ${rounded(p[0])}: ${rounded(p[1])}`);
    });
    for (const { x: place, text, kind } of marks) {
      if (place < xRange[0] || place > xRange[1]) continue;
      const mark = svg.append("g").attr("class", kind);
      mark.append("line").attr("x1", x(place)).attr("x2", x(place)).attr("y1", box.top).attr("y2", box.bottom);
      const isRight = x(place) < (box.left + box.right) / 2;
      if (text)
        mark
          .append("text")
          .attr("x", x(place) + (isRight ? 4 : -4))
          .attr("y", box.top - 6)
          .attr("text-anchor", isRight ? "start" : "end")
          .text(text);
    }
  });
  const legend = chart.frame.append("div").attr("class", "legend");
  const name = () => {
    const { series } = content();
    legend.html("");
    if (series.length < 2) return;
    series.forEach((own, i) => {
      const entry = legend.append("span");
      entry
        .append("svg")
        .attr("viewBox", "0 0 28 10")
        .append("line")
        .attr("x2", 28)
        .attr("y1", 5)
        .attr("y2", 5)
        .attr("stroke", colours()[i % colours().length])
        .attr("stroke-width", 2.5)
        .attr("stroke-dasharray", dashes[i % dashes.length]);
      entry.append("span").text(own.name);
    });
  };
  redraws.push(name);
  name();
  return () => {
    name();
    chart.redraw();
  };
}

// Pictures

let rasters = new Uint8Array();

async function readRasters() {
  const text = element("rasters").textContent;
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  if (bytes.length === 0) return;
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  rasters = new Uint8Array(await new Response(stream).arrayBuffer());
}

const schemes = { difference: (t) => d3.interpolateRdBu(1 - t), value: d3.interpolateViridis };

/** The image of a raster, with its first row at the bottom. */
function imageOf(picture, scheme) {
  const canvas = document.createElement("canvas");
  canvas.width = view.width;
  canvas.height = view.height;
  const context = canvas.getContext("2d");
  const image = context.createImageData(view.width, view.height);
  const table = d3.range(256).map((level) => d3.rgb(schemes[scheme](Math.max(0, level - 1) / 254)));
  for (let row = 0; row < view.height; ++row)
    for (let column = 0; column < view.width; ++column) {
      const level = rasters[picture.offset + row * view.width + column];
      const at = 4 * ((view.height - 1 - row) * view.width + column);
      const colour = table[level];
      image.data.set([colour.r, colour.g, colour.b, level === 0 ? 0 : 255], at);
    }
  context.putImageData(image, 0, 0);
  return canvas.toDataURL();
}

/** The part of the height of a picture in its width. */
const aspect = isLine ? 0 : Math.min(1.6, Math.max(0.16, view.height / view.width));

/** A picture of the grid with its axes and its colours. `content()` gives `{picture, scheme}`. */
function pictureChart(parent, title, label, content) {
  if (isLine)
    return lineChart(parent, title, {
      xLabel: view.horizontal.name,
      yLabel: label,
      isWhole: false,
      content: () => ({ series: [{ points: d3.zip(view.positions, content().picture.values) }] }),
    });
  const height = (width) => Math.min(560, (width - 72) * aspect) + 112;
  return figure(parent, title, height, (svg, width, size) => {
    const { picture, scheme } = content();
    const hasAxes = view.horizontal.name !== "";
    const tall = size - 112;
    const wide = Math.min(width - 72, tall / aspect);
    const left = 60;
    const top = 8;
    svg
      .append("image")
      .attr("href", imageOf(picture, scheme))
      .attr("x", left)
      .attr("y", top)
      .attr("width", wide)
      .attr("height", tall)
      .attr("preserveAspectRatio", "none");
    svg.append("rect").attr("class", "frame").attr("x", left).attr("y", top).attr("width", wide).attr("height", tall);
    if (hasAxes) {
      const x = d3
        .scaleLinear()
        .domain([view.horizontal.lower, view.horizontal.upper])
        .range([left, left + wide]);
      const y = d3
        .scaleLinear()
        .domain([view.vertical.lower, view.vertical.upper])
        .range([top + tall, top]);
      svg
        .append("g")
        .attr("class", "axis")
        .attr("transform", `translate(0,${top + tall})`)
        .call(
          d3
            .axisBottom(x)
            .ticks(Math.max(2, wide / 70))
            .tickFormat((v) => rounded(v)),
        );
      svg
        .append("g")
        .attr("class", "axis")
        .attr("transform", `translate(${left},0)`)
        .call(
          d3
            .axisLeft(y)
            .ticks(Math.max(2, tall / 40))
            .tickFormat((v) => rounded(v)),
        );
      svg
        .append("text")
        .attr("x", left + wide / 2)
        .attr("y", top + tall + 34)
        .attr("text-anchor", "middle")
        .text(view.horizontal.name);
      svg
        .append("text")
        .attr("transform", `translate(12,${top + tall / 2}) rotate(-90)`)
        .attr("text-anchor", "middle")
        .text(view.vertical.name);
    }
    drawColours(svg, picture, scheme, label, left, top + tall + 48, wide);
  }).redraw;
}

/** The bar of colours below a picture. */
function drawColours(svg, picture, scheme, label, left, top, wide) {
  const gradient = `colours-${scheme}`;
  const stops = svg.append("defs").append("linearGradient").attr("id", gradient);
  for (const share of d3.range(0, 1.01, 0.05))
    stops.append("stop").attr("offset", share).attr("stop-color", schemes[scheme](share));
  svg
    .append("rect")
    .attr("x", left)
    .attr("y", top)
    .attr("width", wide)
    .attr("height", 10)
    .attr("fill", `url(#${gradient})`);
  const [lower, upper] = picture.range;
  for (const [share, anchor] of [
    [0, "start"],
    [0.5, "middle"],
    [1, "end"],
  ])
    svg
      .append("text")
      .attr("x", left + share * wide)
      .attr("y", top + 25)
      .attr("text-anchor", anchor)
      .text(
        rounded(
          share === 0.5 && Math.abs(lower + upper) < 1e-3 * (upper - lower) ? 0 : lower + share * (upper - lower),
        ),
      );
  svg
    .append("text")
    .attr("x", left + wide / 2)
    .attr("y", top + 42)
    .attr("text-anchor", "middle")
    .text(label);
}
