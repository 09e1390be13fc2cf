"use strict";

// The sections of the page.

function table(parent, caption, headings, rows) {
  const own = d3.select(parent).append("table");
  if (caption) own.append("caption").text(caption);
  if (headings.length > 0)
    own
      .append("thead")
      .append("tr")
      .selectAll("th")
      .data(headings)
      .join("th")
      .attr("scope", "col")
      .text((h) => h);
  own
    .append("tbody")
    .selectAll("tr")
    .data(rows)
    .join("tr")
    .selectAll("td")
    .data((row) => row)
    .join("td")
    .text((cell) => cell);
}

/**
 * A slider, with the arrow keys of the browser. `show(number)` is called at once, and returns what the output beside the
 * slider says.
 */
function slider(id, lower, upper, value, show) {
  const input = element(id);
  Object.assign(input, { min: lower, max: upper, value });
  const update = () => {
    const text = show(Number(input.value));
    document.querySelector(`output[for="${id}"]`).textContent = text;
    input.setAttribute("aria-valuetext", text);
  };
  input.addEventListener("input", update);
  update();
}

function writeSummary() {
  const what = facts.centered ? "their deviations from the mean" : "the snapshots";
  const fields = plural(facts.fields.length, "field");
  element("summary").textContent =
    `This map folds ${fields} (${listing(facts.fields.map((name) => withUnit(name, unitOf(name))))}) at ${plural(facts.num_pts, "point")}, ` +
    `${plural(facts.dof, "number")} a state, into ${plural(facts.rank, "coefficient")}. Its modes are the leading left singular ` +
    `vectors of ${plural(facts.num_samples, "training snapshot")}, and have ${energyText(facts.reconstruction_error)} of the energy of ` +
    `${what}: the relative error of all of them together is ${rounded(facts.reconstruction_error)}.`;
  const figures = [
    ["Rank", whole(facts.rank)],
    ["Energy", energyText(facts.reconstruction_error)],
    ["Relative error", rounded(facts.reconstruction_error)],
    ["Numbers a coefficient", rounded(facts.dof / facts.rank)],
    ["Snapshots", whole(facts.num_samples)],
    ["File", d3.format(".3s")(facts.file_bytes) + "B"],
  ];
  for (const series of facts.errors.slice(-1))
    if (series.worst.length > 0)
      figures.splice(3, 0, ["Largest error, " + series.name, rounded(series.worst[0].error)]);
  const tiles = d3.select("#figures").selectAll("div").data(figures).join("div");
  tiles.append("dt").text((d) => d[0]);
  tiles.append("dd").text((d) => d[1]);
}

function drawRank() {
  const values = facts.singular_values;
  const errors = facts.errors_of_ranks;
  const most = Math.min(values.length, errors.length - 1);
  const tolerances = [0.1, 0.01, 1e-3, 1e-4, 1e-6];
  const enough = tolerances
    .map((tolerance) => [tolerance, errors.findIndex((error) => error <= tolerance)])
    .filter(([, rank], i, all) => rank > 0 && rank <= most && (i + 1 === all.length || all[i + 1][1] !== rank));
  element("rank-words").textContent =
    `The map has rank ${facts.rank}.` +
    (enough.length > 0
      ? ` A relative error of ${listing(enough.map(([tolerance, rank]) => `${rounded(tolerance)} takes rank ${rank}`))}.`
      : "");
  let looked = facts.rank;
  const marks = () => [
    { x: facts.rank, text: `rank ${facts.rank}`, kind: "chosen" },
    ...(looked === facts.rank ? [] : [{ x: looked, kind: "looked-at" }]),
  ];
  const points = (of) => d3.range(1, most + 1).map((k) => [k, of(k)]);
  const charts = [
    lineChart(element("spectra"), "Singular values", {
      xLabel: "mode",
      yLabel: "singular value",
      isLogarithmic: true,
      content: () => ({ series: [{ points: points((k) => values[k - 1]) }], marks: marks() }),
    }),
    lineChart(element("spectra"), "Energy of the leading modes", {
      xLabel: "rank",
      yLabel: "share of the sum of squares",
      content: () => ({ series: [{ points: points((k) => 1 - errors[k] ** 2) }], marks: marks() }),
    }),
    lineChart(element("spectra"), "Relative error of all snapshots", {
      xLabel: "rank",
      yLabel: "relative error",
      isLogarithmic: true,
      content: () => ({ series: [{ points: points((k) => errors[k]) }], marks: marks() }),
    }),
  ];
  slider("rank-slider", 1, most, facts.rank, (rank) => {
    looked = rank;
    charts.forEach((redraw) => redraw());
    return `${rank}: energy ${energyText(errors[rank])}, relative error ${rounded(errors[rank])}`;
  });
}

/** What the pictures show of the grid. */
const wordsOfView = () =>
  (view.part ? ` Shown is the ${view.part}.` : "") + (isStretched ? " The two axes have different scales." : "");

function drawModes() {
  const count = facts.modes.length;
  element("mode-words").textContent =
    (count < facts.rank ? `The first ${count} of ${facts.rank} modes. ` : "") +
    "A mode has no unit: it is a column of an orthonormal basis." +
    wordsOfView();
  let mode = 1;
  const charts = [];
  const draw = () => charts.forEach((redraw) => redraw());
  slider("mode-slider", 1, count, 1, (number) => {
    mode = number;
    draw();
    return `${mode} of ${count}`;
  });
  for (const field of facts.fields)
    charts.push(
      pictureChart(element("mode-pictures"), `Mode of ${field}`, "entry of the mode", () => ({
        picture: facts.modes[mode - 1][field],
        scheme: "difference",
      })),
    );
  for (const field of facts.mean ? facts.fields : [])
    pictureChart(element("mode-pictures"), `Mean of ${field}`, withUnit(field, unitOf(field)), () => ({
      picture: facts.mean[field],
      scheme: "value",
    }));
}

function drawSnapshots() {
  const shown = facts.snapshots;
  if (!shown) {
    element("snapshot-words").textContent =
      `With files of snapshots, fieldfold report ${quotedForShell(facts.file)} FILES -o report.html shows them beside what the map makes of them.`;
    element("snapshots").querySelector(".control").remove();
    return;
  }
  const all = facts.errors.at(-1).count;
  element("snapshot-words").textContent =
    (shown.length < all
      ? `${whole(shown.length)} of ${whole(all)} snapshots, with those of the largest errors; --snapshots takes more. `
      : "") +
    "The colors mean the same in all snapshots." +
    wordsOfView();
  const choice = d3.select("#field-choice");
  choice
    .selectAll("option")
    .data(facts.fields)
    .join("option")
    .text((name) => name);
  let at = Math.max(
    0,
    shown.findIndex((s) => s.error === d3.max(shown, (other) => other.error)),
  );
  let field = facts.fields[0];
  let charts = [];
  const draw = () => charts.forEach((redraw) => redraw());
  const rebuild = () => {
    element("snapshot-pictures").innerHTML = "";
    const kinds = [
      ["original", "Snapshot", "value"],
      ["reconstruction", "Reconstruction", "value"],
      ["difference", "Difference", "difference"],
    ];
    charts = kinds.map(([kind, title, scheme]) =>
      pictureChart(element("snapshot-pictures"), `${title} of ${field}`, withUnit(field, unitOf(field)), () => ({
        picture: shown[at].fields[field][kind],
        scheme,
      })),
    );
  };
  choice.on("change", () => {
    field = choice.property("value");
    rebuild();
  });
  rebuild();
  slider("snapshot-slider", 0, shown.length - 1, at, (number) => {
    at = number;
    const { snapshot, time, error } = shown[at];
    draw();
    return `${snapshot}${time === undefined ? "" : `, time ${rounded(time)}`}: relative error ${rounded(error)}`;
  });
}

function drawErrors() {
  if (facts.errors.length === 0) {
    element("error-words").textContent =
      "The map was learned in situ, or changed: it has kept no errors of single snapshots. Files of snapshots give them.";
    return;
  }
  const what = facts.centered ? "deviation from the mean" : "state";
  element("error-words").textContent =
    `The norm of the difference of a snapshot and its reconstruction, relative to that of its ${what}.`;
  for (const series of facts.errors) {
    if (series.worst.length === 0) {
      element("error-words").textContent +=
        ` No error is known of the ${plural(series.count, "snapshot")} (${series.name}).`;
      continue;
    }
    const unknown = series.unknown > 0 ? `, ${whole(series.unknown)} of them unknown` : "";
    lineChart(element("error-charts"), `Errors of ${plural(series.count, "snapshot")} (${series.name})${unknown}`, {
      xLabel: "snapshot",
      yLabel: "relative error",
      withZero: true,
      content: () => ({
        series: [{ points: series.points, isMarked: true }],
        marks: series.worst.slice(0, 1).map((w) => ({ x: w.snapshot, text: `worst: ${w.snapshot}`, kind: "chosen" })),
      }),
    });
    const hasTimes = series.worst.some((row) => row.time !== undefined);
    const hasFields = series.worst.some((row) => row.fields) && facts.fields.length > 1;
    table(
      element("error-tables"),
      `Worst snapshots (${series.name})`,
      [
        "Snapshot",
        ...(hasTimes ? ["Time"] : []),
        "Relative error",
        ...(hasFields ? facts.fields.map((f) => `of ${f}`) : []),
      ],
      series.worst.map((row) => [
        row.snapshot,
        ...(hasTimes ? [rounded(row.time)] : []),
        rounded(row.error),
        ...(hasFields ? row.fields.map((x) => rounded(x)) : []),
      ]),
    );
    if (facts.fields.length > 1)
      table(
        element("error-tables"),
        `Errors of fields over all snapshots (${series.name})`,
        ["Field", "Relative error"],
        facts.fields.map((f, i) => [f, rounded(series.fields[i])]),
      );
  }
}

function drawLeadingCoefficients(series) {
  const hasTimes = series.times && series.times.length === series.numbers.length;
  const places = hasTimes ? series.times : series.numbers;
  const seriesOf = (mode) => ({
    name: `mode ${mode + 1}`,
    points: series.rows.map((row, j) => [places[j], row[mode]]),
  });
  lineChart(element("coefficient-charts"), "Leading coefficients", {
    xLabel: hasTimes ? "time" : "snapshot",
    yLabel: "coefficient",
    isWhole: !hasTimes,
    content: () => ({ series: d3.range(Math.min(4, series.rows[0].length)).map(seriesOf) }),
  });
}

function drawFirstTwo(points) {
  figure(element("coefficient-charts"), "The first two coefficients", 270, (svg, width, height) => {
    const box = boxOf(width, height);
    const scaleOf = (axis, from, to) =>
      d3
        .scaleLinear()
        .domain(widened(d3.extent(points, (p) => p[axis])))
        .nice()
        .range([from, to]);
    const x = scaleOf(0, box.left, box.right);
    const y = scaleOf(1, box.bottom, box.top);
    drawAxes(svg, { x, y, box, xLabel: "coefficient of mode 1", yLabel: "coefficient of mode 2" });
    const dots = svg.append("g").attr("fill", colors()[0]).selectAll("circle").data(points).join("circle");
    dots
      .attr("cx", (p) => x(p[0]))
      .attr("cy", (p) => y(p[1]))
      .attr("r", 2.5);
  });
}

function drawRanges(ranges) {
  figure(element("coefficient-charts"), "Ranges of the coefficients", 270, (svg, width, height) => {
    const box = boxOf(width, height);
    const x = d3
      .scaleLinear()
      .domain([0.5, ranges.length + 0.5])
      .range([box.left, box.right]);
    const extent = widened([d3.min(ranges, (r) => r[0]), d3.max(ranges, (r) => r[1])]);
    const y = d3.scaleLinear().domain(extent).nice().range([box.bottom, box.top]);
    drawAxes(svg, { x, y, box, xLabel: "mode", yLabel: "coefficient", isWhole: true });
    const thick = Math.max(1.5, Math.min(10, ((box.right - box.left) / ranges.length) * 0.5));
    const bars = svg
      .append("g")
      .attr("stroke", colors()[0])
      .attr("stroke-width", thick)
      .selectAll("line")
      .data(ranges)
      .join("line");
    const texts = (r, i) => `mode ${i + 1}: ${rounded(r[0])} to ${rounded(r[1])}`;
    bars
      .attr("x1", (r, i) => x(i + 1))
      .attr("x2", (r, i) => x(i + 1))
      .attr("y1", (r) => y(r[0]))
      .attr("y2", (r) => y(r[1]));
    bars.append("title").text(texts);
  });
}

function drawCoefficients() {
  const series = facts.coefficients;
  const most = 40;
  element("coefficient-words").textContent =
    (series
      ? `Coefficients of ${plural(series.count, "snapshot")} (${series.name}), and their ranges over the training snapshots.`
      : "The ranges over the training snapshots. The map has kept no coefficients; files of snapshots, or fit --keep-training-latents, show them.") +
    (facts.rank > most ? ` The ranges are those of the first ${most} modes.` : "");
  const known = series ? series.rows.filter((row) => row.every((number) => number !== null)) : [];
  if (known.length > 0) drawLeadingCoefficients(series);
  if (known.length > 0 && known[0].length > 1) drawFirstTwo(known);
  drawRanges(facts.latent_ranges.slice(0, most));
}

function writeOrigin() {
  const yes = (value, text = "yes") => (value ? text : "no");
  const rows = [
    ["Fields", facts.fields.map((name) => withUnit(name, unitOf(name))).join(", ")],
    [
      "Grid",
      `${plural(facts.num_pts, "point")}${facts.dim ? ` in ${plural(facts.dim, "dimension")}` : ", without coordinates"}${facts.mesh ? `, a mesh with ${facts.mesh}` : ""}`,
    ],
    ["Normalization", facts.fields.map((name) => `${name}: ${facts.normalize[name]}`).join(", ")],
    [
      "Mean subtracted",
      yes(facts.centered, facts.standardized ? "yes, and divided by the deviation of each number" : "yes"),
    ],
    [
      "Inner product",
      facts.mass_matrix && facts.mass_matrix !== "none"
        ? facts.mass_matrix
        : facts.point_weights
          ? "weights of the points"
          : "of the numbers as they are",
    ],
    ["Excluded numbers", whole(facts.num_masked || 0)],
    ["Snapshots dropped, gaps filled", `${whole(facts.num_dropped)}, ${whole(facts.num_filled)}`],
    [
      "Interpolation to and from other grids",
      facts.interpolate_method === "rbf"
        ? `radial basis functions, ${facts.kernel}${facts.neighbors ? `, ${facts.neighbors} neighbors` : ""}`
        : facts.interpolate_method,
    ],
    ["Precision", facts.precision],
  ];
  table(element("origin-table").parentNode, "", [], rows);
  element("origin-table").remove();
}

function writeUsage() {
  const parts = d3
    .select("#usage-programs")
    .selectAll("details")
    .data(programsOf(facts))
    .join("details")
    .attr("open", (d, i) => (i === 0 ? "" : null));
  parts.append("summary").text((d) => d.language);
  parts
    .append("pre")
    .attr("data-language", (d) => d.language)
    .text((d) => d.code);
}

async function main() {
  writeSummary();
  drawRank();
  await readRasters();
  drawModes();
  drawSnapshots();
  drawErrors();
  drawCoefficients();
  writeOrigin();
  writeUsage();
  const redrawAll = () => redraws.forEach((redraw) => redraw());
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redrawAll);
  matchMedia("print").addEventListener("change", redrawAll);
  document.body.dataset.ready = "yes";
}

main().catch((error) => {
  element("summary").textContent = `This browser cannot show the page: ${error.message}. Those of 2023 or later can.`;
  throw error;
});
