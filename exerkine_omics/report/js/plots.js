"use strict";
// Volcano and forest. Needs Plotly. Names are escaped: Plotly reads a few tags in its texts.
exerkine.safe = (text) =>
  String(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

exerkine.colour = (name) =>
  getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

exerkine.MOST_ROWS = 40; // of a forest
exerkine.LABELS = 8; // of a volcano where nothing is searched for

exerkine.layout = (x, y, more) => {
  const line = { gridcolor: exerkine.colour("line"), zerolinecolor: exerkine.colour("soft"),
    linecolor: exerkine.colour("line"), automargin: true };
  return {
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { color: exerkine.colour("ink"), size: 12,
      family: getComputedStyle(document.body).fontFamily },
    margin: { l: 56, r: 12, t: 30, b: 48 },
    hovermode: "closest",
    modebar: { orientation: "v", bgcolor: "rgba(0,0,0,0)", color: exerkine.colour("soft"),
      activecolor: exerkine.colour("accent") },
    hoverlabel: { align: "left", bgcolor: exerkine.colour("panel"),
      bordercolor: exerkine.colour("soft"), font: { color: exerkine.colour("ink") } },
    legend: { orientation: "h", x: 0, y: 1.02, yanchor: "bottom", font: { size: 11 } },
    xaxis: { ...line, title: { text: x } },
    yaxis: { ...line, title: { text: y } },
    ...more,
  };
};

// The buttons are named one by one: Plotly's own set has one that sends the data to its maker.
exerkine.CONFIG = {
  displaylogo: false,
  displayModeBar: "hover",
  modeBarButtons: [["toImage", "zoom2d", "pan2d", "resetScale2d"]],
  plotlyServerURL: "",
  responsive: true,
};

exerkine.hover = (row) => {
  const lines = [`<b>${exerkine.safe(row.name || row.feature)}</b>`];
  if (row.name && row.name !== row.feature) lines.push(exerkine.safe(row.feature));
  lines.push(`estimate ${exerkine.num(row.estimate)}`);
  lines.push(`interval ${exerkine.range(row.ci_low, row.ci_high)}`);
  lines.push(`p ${exerkine.p(row.p_value)}, adjusted ${exerkine.p(row.p_adj)}`);
  if (row.n_pairs !== undefined) lines.push(`${exerkine.num(row.n_pairs)} pairs`);
  if (row.n_cohorts !== undefined) lines.push(`${exerkine.num(row.n_cohorts)} cohorts`);
  return lines.join("<br>");
};

// Rows of one contrast that can be drawn: a joint test has no effect, a failed one nothing.
exerkine.drawable = (rows) => rows.filter((r) => r.estimate !== null && r.p_value !== null);

exerkine.volcano = (place, rows, hits, unit) => {
  const points = exerkine.drawable(rows);
  const heights = points.filter((r) => r.p_value > 0).map((r) => -Math.log10(r.p_value));
  const top = heights.reduce((a, b) => Math.max(a, b), 1);
  const height = (r) => (r.p_value > 0 ? -Math.log10(r.p_value) : top * 1.08);
  const small = points.length > 1000 ? 4 : 6;
  const groups = [
    ["p_adj ≥ 0.05", "grey", (r) => !(r.p_adj < 0.05), 0.55],
    ["lower, p_adj < 0.05", "down", (r) => r.p_adj < 0.05 && r.estimate <= 0, 0.9],
    ["higher, p_adj < 0.05", "up", (r) => r.p_adj < 0.05 && r.estimate > 0, 0.9],
  ];
  const dots = (part, more) => ({
    type: "scatter",
    mode: "markers",
    x: part.map((r) => r.estimate),
    y: part.map(height),
    hoverinfo: "text",
    hovertext: part.map(exerkine.hover),
    customdata: part.map((r) => r.feature),
    ...more,
  });
  const traces = groups.map(([name, colour, belongs, opacity]) => {
    const part = points.filter(belongs);
    return dots(part, { name: `${name}: ${part.length}`, marker: {
      color: exerkine.colour(colour), opacity: hits ? opacity * 0.45 : opacity, size: small,
      // a p of exactly 0 is a triangle at the upper edge
      symbol: part.map((r) => (r.p_value > 0 ? "circle" : "triangle-up")) } });
  });
  const best = [...points].sort((a, b) => a.p_value - b.p_value);
  const named = hits ? best.filter((r) => hits.has(r)).slice(0, exerkine.MOST_ROWS)
    : best.slice(0, exerkine.LABELS);
  // room for labels beyond the outermost points; a label that would lie on another is left out
  const reach = 1.3 * points.reduce((a, r) => Math.max(a, Math.abs(r.estimate)), 0) || 1;
  const free = [];
  const label = (r) => {
    const near = free.some((o) => Math.abs(o.estimate - r.estimate) < 0.3 * reach
      && Math.abs(height(o) - height(r)) < 0.04 * top);
    if (!near) free.push(r);
    return near ? "" : exerkine.safe(r.name || r.feature);
  };
  traces.push(dots(named, {
    name: hits ? `found: ${hits.size}` : "",
    mode: "markers+text",
    showlegend: Boolean(hits),
    text: named.map(label),
    textposition: named.map((r) => (r.estimate < 0 ? "middle left" : "middle right")),
    textfont: { size: 11, color: exerkine.colour("ink") },
    marker: { size: hits ? 10 : small, color: "rgba(0,0,0,0)",
      line: { width: hits ? 2 : 0, color: exerkine.colour("ink") } },
  }));
  const layout = exerkine.layout(exerkine.safe(unit), "-log10 p", { height: 460 });
  layout.xaxis.range = [-reach, reach];
  return Plotly.react(place, traces, layout, exerkine.CONFIG);
};

// One line a label; groups stand beneath each other within it.
exerkine.forest = (place, labels, groups, unit, title) => {
  const step = 0.6 / groups.length;
  const traces = groups.map(({ name, colour, rows }, g) => {
    const known = rows.filter((r) => r.estimate !== null);
    return {
      type: "scatter",
      mode: "markers",
      name: exerkine.safe(name),
      x: known.map((r) => r.estimate),
      y: known.map((r) => r.place + (g - (groups.length - 1) / 2) * step),
      hoverinfo: "text",
      hovertext: known.map((r) => r.hover),
      marker: { size: 7, color: colour },
      error_x: {
        type: "data", symmetric: false, thickness: 1.5, width: 0, color: colour,
        array: known.map((r) => (r.ci_high === null ? 0 : r.ci_high - r.estimate)),
        arrayminus: known.map((r) => (r.ci_low === null ? 0 : r.estimate - r.ci_low)),
      },
    };
  });
  const row = groups.length > 1 ? 11 * groups.length + 8 : 18;
  const layout = exerkine.layout(exerkine.safe(unit), "", {
    height: Math.max(title ? 460 : 160, row * labels.length + 90),
    showlegend: groups.length > 1,
    modebar: { ...exerkine.layout("", "").modebar, orientation: "h" },
    ...(title ? { title: { text: exerkine.safe(title), font: { size: 12 }, x: 0, xref: "paper" } }
      : {}),
  });
  const short = (text) => (text.length > 40 ? `${text.slice(0, 38)}…` : text);
  Object.assign(layout.yaxis, {
    tickvals: labels.map((_, i) => i),
    ticktext: labels.map((text) => exerkine.safe(short(text))),
    range: [labels.length - 0.4, -0.6],
    zeroline: false,
  });
  return Plotly.react(place, traces, layout, exerkine.CONFIG);
};

exerkine.HUES = ["down", "up", "third", "fourth", "fifth", "soft"];

// Signatures, one colour an arm and time point.
exerkine.drawForest = (swap) => {
  const { unit, titles, rows } = JSON.parse(swap.querySelector("script").textContent);
  const signatures = [...new Set(rows.map((r) => r.signature))];
  const names = [...new Set(rows.map((r) => [r.arm, r.timepoint].filter(Boolean).join(": ")))];
  const place = exerkine.el("div", { class: "plot" });
  swap.append(exerkine.el("div", { class: "interactive" }, place));
  swap.classList.add("drawn");
  const draw = () => exerkine.forest(place, signatures.map((s) => titles[s] || s),
    names.map((name, g) => ({
      name,
      colour: exerkine.colour(exerkine.HUES[g % exerkine.HUES.length]),
      rows: rows.filter((r) => [r.arm, r.timepoint].filter(Boolean).join(": ") === name)
        .map((r) => ({ place: signatures.indexOf(r.signature), estimate: r.mean_change,
          ci_low: r.ci_low, ci_high: r.ci_high,
          hover: `<b>${exerkine.safe(titles[r.signature] || r.signature)}</b>`
            + `<br>${exerkine.safe(name)}<br>mean change ${exerkine.num(r.mean_change)}`
            + `<br>interval ${exerkine.range(r.ci_low, r.ci_high)}`
            + `<br>p ${exerkine.p(r.p_value)}<br>${exerkine.num(r.n_pairs)} pairs` })),
    })), unit, "");
  exerkine.drawn.push(draw);
  return draw();
};
