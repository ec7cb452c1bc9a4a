"use strict";
// A result frame: one contrast and one search over volcano, forest and table. Then the start.
exerkine.SHOWN = [
  ["name", "feature", ""], ["feature", "id", ""], ["contrast", "contrast", ""],
  ["n_pairs", "pairs", "number"], ["n_cohorts", "cohorts", "number"],
  ["estimate", "estimate", "number"], ["ci_low", "interval", "interval", "ci_high"],
  ["p_value", "p", "p"], ["p_adj", "adj. p", "p"],
  ["effect_size", "effect, SD", "number"],
  ["pi_low", "prediction interval", "interval", "pi_high"], ["tau2", "τ²", "number"],
  ["i2", "I²", "number"], ["status", "status", ""],
];
exerkine.GROW = { name: 5, feature: 4, contrast: 6, ci_low: 5, estimate: 3.4, effect_size: 3.6, pi_low: 5, status: 4 };

exerkine.rowsOf = ({ columns, data, n }) => {
  const read = columns.map((name) => {
    const column = data[name];
    return Array.isArray(column) ? column : column.codes.map((code) => column.levels[code]);
  });
  return Array.from({ length: n }, (_, i) => {
    const row = {};
    columns.forEach((name, c) => { row[name] = read[c][i]; });
    row.key = `${row.name || ""}\n${row.feature}`.toLowerCase();
    return row;
  });
};

exerkine.drawExplorer = (swap) => {
  const source = JSON.parse(swap.querySelector("script").textContent);
  const { el } = exerkine;
  const rows = exerkine.rowsOf(source);
  const byContrast = new Map(source.contrasts.map((c) => [c, []]));
  for (const row of rows) byContrast.get(row.contrast).push(row);

  const chooser = el("select", { "aria-label": "contrast" },
    ...source.contrasts.map((c) => el("option", { value: c }, c)));
  const search = el("input", { type: "search", class: "search",
    placeholder: "name or id; several with ;", "aria-label": "search features" });
  const every = el("input", { type: "checkbox" });
  const count = el("span", { class: "count", role: "status" });
  const volcano = el("div", { class: "plot volcano" });
  const forest = el("div", { class: "plot forest" });
  const holder = el("div", {});
  const hint = "Six significant digits; the run's parquet file beside this page has all. ";
  const buttons = [
    exerkine.button("CSV, all rows", `All ${rows.length} rows. ${hint}${exerkine.GUARD}`,
      () => save(rows)),
    exerkine.button("CSV, rows shown", `The rows that the filters leave. ${hint}${exerkine.GUARD}`,
      () => save(table.getData("active"))),
  ];
  swap.append(el("div", { class: "interactive" },
    exerkine.bar(el("label", {}, "contrast ", chooser), el("label", {}, "search ", search)),
    el("div", { class: "pair" }, volcano, forest),
    exerkine.bar(count, el("label", {}, every, " all contrasts in the table"), ...buttons),
    holder));
  swap.classList.add("drawn");

  const there = (field) => source.columns.includes(field);
  const twice = there("name") && rows.every((r) => r.name === r.feature);
  const columns = exerkine.SHOWN
    .filter(([field]) => there(field) && !(twice && field === "name"))
    .map(([field, title, kind, high]) => {
      const text = kind === "interval" ? (r) => exerkine.range(r[field], r[high])
        : kind === "p" ? (r) => exerkine.p(r[field])
          : kind ? (r) => exerkine.num(r[field]) : (r) => String(r[field] ?? "");
      const show = (row) => el("span", {}, text(row));
      const said = field === "feature" && (twice || !there("name")) ? "feature" : title;
      return { field, title: said, kind, text, show, grow: exerkine.GROW[field] || 3 };
    });
  const table = exerkine.tabulate(holder, source.name, rows, columns, {
    heads: true,
    tabulator: { height: "32rem", initialSort: [{ column: "p_value", dir: "asc" }] },
  });
  const save = (wanted) => exerkine.save(source.name,
    exerkine.csv(source.columns, wanted.map((row) => source.columns.map((c) => row[c]))));

  const terms = () => search.value.toLowerCase().split(";").map((t) => t.trim()).filter(Boolean);
  const found = (row, wanted) => wanted.some((term) => row.key.includes(term));
  const plot = () => {
    const wanted = terms();
    const part = byContrast.get(chooser.value);
    const hits = wanted.length ? new Set(part.filter((r) => found(r, wanted))) : null;
    const listed = exerkine.drawable(hits ? [...hits] : part)
      .sort((a, b) => a.p_value - b.p_value).slice(0, hits ? exerkine.MOST_ROWS : 20);
    exerkine.forest(forest, listed.map((r) => r.name || r.feature), [{
      name: chooser.value,
      colour: exerkine.colour("accent"),
      rows: listed.map((r, place) => ({ ...r, place, hover: exerkine.hover(r) })),
    }], source.unit, hits
      ? `${hits.size} found${hits.size > listed.length ? `, ${listed.length} drawn` : ""}`
      : listed.length ? `the ${listed.length} smallest p` : "no estimate to draw");
    return exerkine.volcano(volcano, part, hits, source.unit);
  };
  const filter = () => {
    const wanted = terms();
    const contrast = every.checked ? null : chooser.value;
    table.setFilter((row) => (contrast === null || row.contrast === contrast)
      && (!wanted.length || found(row, wanted)));
  };
  table.on("dataFiltered", (_, kept) => {
    count.textContent = `${kept.length.toLocaleString("en-US")} of `
      + `${rows.length.toLocaleString("en-US")} rows`;
  });
  const built = new Promise((done) => { table.on("tableBuilt", done); }).then(filter);
  let waiting = 0;
  const later = () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => { plot(); filter(); }, 120);
  };
  chooser.addEventListener("change", later);
  search.addEventListener("input", later);
  every.addEventListener("change", filter);
  exerkine.drawn.push(plot);
  const ready = plot().then(() => volcano.on("plotly_click", ({ points }) => {
    search.value = points[0].customdata;
    later();
  }));
  return Promise.all([built, ready]);
};

// Each part is drawn when it comes near; where drawing fails, what stands in its place stays.
exerkine.DRAW = { table: exerkine.drawTable, forest: exerkine.drawForest,
  explorer: exerkine.drawExplorer };

exerkine.draw = async (swap) => {
  try {
    await exerkine.DRAW[swap.dataset.draw](swap);
    swap.dataset.state = "drawn";
  } catch (error) {
    swap.querySelector(":scope > .interactive")?.remove();
    swap.classList.remove("drawn", "expected");
    swap.dataset.state = "failed";
    exerkine.problems.push(String(error));
    console.error(error);
  }
};

exerkine.start = () => {
  const swaps = document.querySelectorAll(".swap");
  const near = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      near.unobserve(target);
      exerkine.draw(target);
    }
  }, { rootMargin: "600px" });
  for (const swap of swaps) {
    // its height is kept free, so that the page does not jump when it is drawn
    if (swap.dataset.draw !== "table") swap.classList.add("expected");
    near.observe(swap);
  }
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    for (const draw of exerkine.drawn) draw();
  });
  let unfolded = [];
  addEventListener("beforeprint", () => {
    unfolded = [...document.querySelectorAll("details:not([open])")];
    for (const part of unfolded) part.open = true;
  });
  addEventListener("afterprint", () => { for (const part of unfolded) part.open = false; });
};
exerkine.start();
