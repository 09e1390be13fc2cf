"use strict";

// The facts of the page, numbers as text, charts and pictures.

const facts = JSON.parse(document.getElementById("facts").textContent);
const view = facts.view;
const isLine = view.positions !== undefined;
const element = (id) => document.getElementById(id);
const colors = () =>
  getComputedStyle(document.documentElement)
    .getPropertyValue("--series")
    .split(",")
    .map((c) => c.trim());
const dashes = ["", "6 3", "2 2", "8 3 2 3", "1 3", "10 4"];

/** A number with three digits, or others. */
function rounded(x, digits = 3) {
  if (x === null || x === undefined || Number.isNaN(x)) return "unknown";
  if (x === 0) return "0";
  const size = Math.abs(x);
  if (size >= 1e-3 && size < 1e5) return String(Number(x.toPrecision(digits)));
  return x.toExponential(digits - 1).replace(/\.?0*e\+?/, "e");
}

/** The numbers with as many digits as tell them apart. */
function roundedAlike(numbers) {
  const least = d3.min(d3.pairs(numbers), ([a, b]) => Math.abs(b - a));
  const size = d3.max(numbers, Math.abs);
  const digits = least > 0 ? Math.ceil(Math.log10(size / least)) + 2 : 3;
  return numbers.map((x) => rounded(Math.abs(x) < 1e-6 * least ? 0 : x, Math.min(15, Math.max(3, digits))));
}

const percent = (share) => rounded(100 * share) + " %";
const whole = d3.format(",d");
const plural = (count, noun) => `${whole(count)} ${noun}${count === 1 ? "" : "s"}`;
const listing = (words) => (words.length < 2 ? words.join("") : words.slice(0, -1).join(", ") + " and " + words.at(-1));
const unitOf = (field) => (Object.hasOwn(facts.units, field) ? facts.units[field] : "");
const withUnit = (label, unit) => (unit ? `${label} (${unit})` : label);

/** The energy of the leading modes, never rounded to all of it. */
function energyText(error) {
  const tail = error * error;
  const text = percent(1 - tail);
  return text === "100 %" && tail > 0 ? `100 % - ${percent(tail)}` : text;
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

/** The place of a chart in its figure. */
const boxOf = (width, height) => ({ left: 68, right: width - 12, top: 22, bottom: height - 44 });

/** An axis with ticks that are told apart. */
const axisOf = (make, scale, ticks) => {
  const texts = roundedAlike(ticks);
  return make(scale)
    .tickValues(ticks)
    .tickFormat((value, i) => texts[i])
    .tickSizeOuter(0);
};

/** Powers of ten for the ticks of a logarithmic scale; none: it has less than two. */
function powersOfTen(scale) {
  const [from, to] = scale.domain().map(Math.log10);
  const step = Math.ceil((to - from) / 6);
  const powers = d3.range(Math.ceil(from - 1e-9), to + 1e-9, step).map((power) => Number(`1e${power}`));
  return powers.length < 2 ? null : powers;
}

/** The label of an axis below a chart, or to its left. */
function drawLabels(svg, { left, right, top, bottom }, xLabel, yLabel) {
  const label = (text) => svg.append("text").attr("text-anchor", "middle").text(text);
  label(xLabel)
    .attr("x", (left + right) / 2)
    .attr("y", bottom + 36);
  label(yLabel).attr("transform", `translate(14,${(top + bottom) / 2}) rotate(-90)`);
}

/** Axes in the margins of a chart, with their labels and the lines of a grid. */
function drawAxes(svg, { x, y, box, xLabel, yLabel, isWhole, isLogarithmic }) {
  const { left, right, top, bottom } = box;
  const xTicks = d3.ticks(...x.domain(), Math.max(2, Math.min(8, Math.floor((right - left) / 70))));
  const isTick = (tick) => tick >= x.domain()[0] && tick <= x.domain()[1];
  const xShown = isWhole ? [...new Set(xTicks.map(Math.round))].filter(isTick) : xTicks;
  const yTicks = y.ticks(Math.max(2, Math.floor((bottom - top) / 45)));
  const powers = isLogarithmic && powersOfTen(y);
  const yAxis = powers
    ? d3
        .axisLeft(y)
        .tickValues(powers)
        .tickFormat((v) => rounded(v))
        .tickSizeOuter(0)
    : axisOf(d3.axisLeft, y, yTicks);
  const lines = svg.append("g").attr("class", "grid");
  for (const tick of powers || yTicks)
    lines.append("line").attr("x1", left).attr("x2", right).attr("y1", y(tick)).attr("y2", y(tick));
  svg
    .append("g")
    .attr("class", "axis")
    .attr("transform", `translate(0,${bottom})`)
    .call(axisOf(d3.axisBottom, x, xShown));
  svg.append("g").attr("class", "axis").attr("transform", `translate(${left},0)`).call(yAxis);
  drawLabels(svg, box, xLabel, yLabel);
}

/** A range that is not empty. */
function widened([from, to], isLogarithmic) {
  if (from !== to) return [from, to];
  return isLogarithmic ? [from / 2, to * 2] : [from - 0.5, to + 0.5];
}

/** The color and the dashes of a series. */
const styled = (line, i) =>
  line.attr("stroke", colors()[i % colors().length]).attr("stroke-dasharray", dashes[i % dashes.length]);

function drawSeries(svg, own, i, { x, y, isDrawn, xLabel }) {
  const line = d3
    .line()
    .defined(isDrawn)
    .x((p) => x(p[0]))
    .y((p) => y(p[1]));
  styled(svg.append("path").attr("class", "series").attr("fill", "none").attr("stroke-width", 1.8), i).attr(
    "d",
    line(own.points),
  );
  if (own.points.length > 80 && !own.isMarked) return;
  svg
    .append("g")
    .attr("fill", colors()[i % colors().length])
    .selectAll("circle")
    .data(own.points.filter(isDrawn))
    .join("circle")
    .attr("cx", (p) => x(p[0]))
    .attr("cy", (p) => y(p[1]))
    .attr("r", own.points.length > 80 ? 2 : 3)
    .append("title")
    .text((p) => `${xLabel} ${rounded(p[0])}: ${rounded(p[1])}`);
}

function drawMark(svg, { x: place, text, kind }, x, { left, right, top, bottom }) {
  const mark = svg.append("g").attr("class", kind);
  mark.append("line").attr("x1", x(place)).attr("x2", x(place)).attr("y1", top).attr("y2", bottom);
  const isRight = x(place) < (left + right) / 2;
  if (text)
    mark
      .append("text")
      .attr("x", x(place) + (isRight ? 4 : -4))
      .attr("y", top - 6)
      .attr("text-anchor", isRight ? "start" : "end")
      .text(text);
}

function drawLegend(legend, series) {
  legend.html("");
  if (series.length < 2) return;
  series.forEach((own, i) => {
    const entry = legend.append("span");
    const line = entry
      .append("svg")
      .attr("viewBox", "0 0 28 10")
      .append("line")
      .attr("x2", 28)
      .attr("y1", 5)
      .attr("y2", 5);
    styled(line.attr("stroke-width", 2.5), i);
    entry.append("span").text(own.name);
  });
}

/**
 * A chart of lines. `content()` gives its series, `{name, points: [[x, y]], isMarked}`, and marks, `{x, text, kind}`.
 * Points without a number leave a gap.
 */
function lineChart(
  parent,
  title,
  { xLabel, yLabel, isLogarithmic = false, isWhole = true, withZero = false, content },
) {
  const isDrawn = ([, y]) => y !== null && Number.isFinite(y) && (!isLogarithmic || y > 0);
  const chart = figure(parent, title, 270, (svg, width, height) => {
    const { series, marks = [] } = content();
    drawLegend(legend, series);
    const points = series.flatMap((own) => own.points.filter(isDrawn));
    const box = boxOf(width, height);
    if (points.length === 0) return;
    const xRange = widened(
      d3.extent(points, (p) => p[0]),
      false,
    );
    const yExtent = d3.extent(points, (p) => p[1]);
    const yRange = widened(withZero ? [Math.min(0, yExtent[0]), yExtent[1]] : yExtent, isLogarithmic);
    const x = d3.scaleLinear().domain(xRange).range([box.left, box.right]);
    const y = (isLogarithmic ? d3.scaleLog().domain(yRange) : d3.scaleLinear().domain(yRange).nice()).range([
      box.bottom,
      box.top,
    ]);
    drawAxes(svg, { x, y, box, xLabel, yLabel, isWhole, isLogarithmic });
    series.forEach((own, i) => drawSeries(svg, own, i, { x, y, isDrawn, xLabel }));
    marks.filter((mark) => mark.x >= xRange[0] && mark.x <= xRange[1]).forEach((mark) => drawMark(svg, mark, x, box));
  });
  const legend = chart.frame.append("div").attr("class", "legend");
  return chart.redraw;
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
      const color = table[level];
      image.data.set([color.r, color.g, color.b, level === 0 ? 0 : 255], at);
    }
  context.putImageData(image, 0, 0);
  return canvas.toDataURL();
}

/** The height of a picture in parts of its width; whether its axes have different scales. */
const aspect = isLine ? 0 : Math.max(0.16, view.height / view.width);
const trueAspect = isLine
  ? 0
  : (view.vertical.upper - view.vertical.lower) / (view.horizontal.upper - view.horizontal.lower);
const isStretched = Math.abs(aspect / trueAspect - 1) > 0.05;

/** A picture of the grid with its axes and its colors. `content()` gives `{picture, scheme}`. */
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
    const tall = size - 112;
    const wide = Math.min(width - 72, tall / aspect);
    const box = { left: 60, right: 60 + wide, top: 8, bottom: 8 + tall };
    const [lower, upper] = picture.range.map((x) => rounded(x));
    svg.attr("aria-label", `${title}, ${label} from ${lower} to ${upper}`);
    const place = (shape) => shape.attr("x", box.left).attr("y", box.top).attr("width", wide).attr("height", tall);
    place(svg.append("image").attr("href", imageOf(picture, scheme)).attr("preserveAspectRatio", "none"));
    place(svg.append("rect").attr("class", "frame"));
    if (view.horizontal.name !== "") drawFrame(svg, box);
    drawColors(svg, picture, scheme, label, { ...box, top: box.bottom + 48 });
  }).redraw;
}

/** The axes of a picture. */
function drawFrame(svg, box) {
  const scaleOf = ({ lower, upper }, from, to) => d3.scaleLinear().domain([lower, upper]).range([from, to]);
  const x = scaleOf(view.horizontal, box.left, box.right);
  const y = scaleOf(view.vertical, box.bottom, box.top);
  const xAxis = axisOf(d3.axisBottom, x, x.ticks(Math.max(2, (box.right - box.left) / 80)));
  const yAxis = axisOf(d3.axisLeft, y, y.ticks(Math.max(2, (box.bottom - box.top) / 40)));
  svg.append("g").attr("class", "axis").attr("transform", `translate(0,${box.bottom})`).call(xAxis);
  svg.append("g").attr("class", "axis").attr("transform", `translate(${box.left},0)`).call(yAxis);
  drawLabels(svg, box, view.horizontal.name, view.vertical.name);
}

/** The bar of colors below a picture. */
function drawColors(svg, picture, scheme, label, { left, right, top }) {
  const gradient = `colors-${scheme}`;
  const stops = svg.append("defs").append("linearGradient").attr("id", gradient);
  for (const share of d3.range(0, 1.01, 0.05))
    stops.append("stop").attr("offset", share).attr("stop-color", schemes[scheme](share));
  const bar = svg
    .append("rect")
    .attr("x", left)
    .attr("y", top)
    .attr("width", right - left)
    .attr("height", 10);
  bar.attr("fill", `url(#${gradient})`);
  const [lower, upper] = picture.range;
  const texts = roundedAlike([lower, (lower + upper) / 2, upper]);
  ["start", "middle", "end"].forEach((anchor, i) => {
    const text = svg
      .append("text")
      .attr("x", left + (i / 2) * (right - left))
      .attr("y", top + 25);
    text.attr("text-anchor", anchor).text(texts[i]);
  });
  const middle = (left + right) / 2;
  svg
    .append("text")
    .attr("x", middle)
    .attr("y", top + 42)
    .attr("text-anchor", "middle")
    .text(label);
}
