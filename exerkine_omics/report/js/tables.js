"use strict";
// Tables of more than eight rows: sort, filter, download. Needs Tabulator.
const exerkine = { drawn: [], problems: [] };

// Text goes in as text nodes, never as markup.
exerkine.el = (tag, attributes, ...children) => {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes || {})) node.setAttribute(key, value);
  node.append(...children);
  return node;
};

// Numbers as the page's own tables write them.
exerkine.num = (x) => {
  if (x === null || x === undefined || x === "") return "–";
  const size = Math.abs(x);
  if (Number.isInteger(x) || size >= 999.5) return Math.round(x).toLocaleString("en-US");
  return size < 1e-3 ? x.toExponential(2) : String(Number(x.toPrecision(3)));
};
exerkine.p = (x) => {
  if (x === null || x === undefined || x === "") return "–";
  if (x < 1e-16) return "< 1e-16";
  return x < 1e-3 ? x.toExponential(1) : String(Number(x.toPrecision(2)));
};
exerkine.range = (low, high) =>
  low === null && high === null ? "–" : `${exerkine.num(low)} to ${exerkine.num(high)}`;

// RFC 4180. A text that a spreadsheet would take for a formula gets an apostrophe; numbers do not.
exerkine.csv = (heads, rows) => {
  const cell = (value) => {
    if (value === null || value === undefined) return "";
    if (typeof value === "number") return String(value);
    const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value);
    return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return [heads, ...rows].map((row) => `${row.map(cell).join(",")}\r\n`).join("");
};

exerkine.save = (name, text) => {
  const link = exerkine.el("a", { download: `${name.replace(/[^\w.-]+/g, "_")}.csv` });
  link.href = URL.createObjectURL(new Blob([text], { type: "text/csv;charset=utf-8" }));
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
};

// "<0.05", ">= 2", "=3"; anything else is looked for in what is shown.
exerkine.fits = (wanted, value, shown) => {
  const found = /^\s*(<=|>=|<|>|=)\s*([-+]?[\d.]+(?:e[-+]?\d+)?)\s*$/i.exec(wanted);
  if (!found) return /^\s*[<>=]/.test(wanted) || shown.includes(wanted.trim());
  if (value === null || value === "") return false;
  const limit = Number(found[2]);
  return { "<": value < limit, ">": value > limit, "<=": value <= limit, ">=": value >= limit,
    "=": value === limit }[found[1]];
};

// Tabulator on rows of plain values. A column is {field, title, kind, grow, show}.
exerkine.tabulate = (holder, label, rows, columns, options) => {
  holder.setAttribute("aria-label", label);
  const table = new Tabulator(holder, {
    data: rows,
    layout: "fitColumns",
    maxHeight: "32rem",
    headerSortTristate: false,
    placeholder: "No row fits.",
    columns: columns.map((column) => ({
      field: column.field,
      title: column.title,
      // a title is text as well
      titleFormatter: () => exerkine.el("span", { title: column.title }, column.title),
      formatter: (cell) => column.show(cell.getData()),
      cssClass: column.kind ? "number" : "text",
      hozAlign: column.kind ? "right" : "left",
      widthGrow: column.grow,
      minWidth: column.kind ? 84 : 96,
      sorter: column.kind ? "number" : "string",
      sorterParams: { alignEmptyValues: "bottom", locale: "en" },
      headerSortStartingDir: "asc",
      ...(options.heads ? exerkine.headFilter(column) : {}),
    })),
    ...options.tabulator,
  });
  table.on("tableBuilt", () => {
    // a mouse is not needed to sort
    for (const head of holder.querySelectorAll(".tabulator-col.tabulator-sortable")) {
      const content = head.querySelector(".tabulator-col-content");
      content.tabIndex = 0;
      content.addEventListener("keydown", (event) => {
        if (event.target === content && event.key === "Enter") content.click();
      });
    }
  });
  return table;
};

exerkine.headFilter = (column) => ({
  headerFilter: "input",
  headerFilterPlaceholder: column.kind ? "< 0.05" : "contains",
  headerFilterFunc: (wanted, value, row) => {
    const shown = column.text(row);
    if (!column.kind) return shown.toLowerCase().includes(wanted.toLowerCase());
    return exerkine.fits(wanted, value, shown);
  },
});

exerkine.bar = (...children) => exerkine.el("div", { class: "filter" }, ...children);

exerkine.button = (words, hint, act) => {
  const button = exerkine.el("button", { type: "button", title: hint }, words);
  button.addEventListener("click", act);
  return button;
};

exerkine.GUARD = "A text that begins with = + - or @ gets an apostrophe, so that no spreadsheet "
  + "takes it for a formula.";

// A table that stands in the page: its cells are shown as they are, and read for all else.
exerkine.drawTable = (swap) => {
  const source = swap.querySelector("table");
  const heads = Array.from(source.tHead.rows[0].cells);
  const words = (cell) => {
    const copy = cell.cloneNode(true);
    for (const short of copy.querySelectorAll("summary")) short.remove();
    return copy.textContent.trim();
  };
  const number = (text) => (text === undefined || text === "" ? null : Number(text));
  const rows = Array.from(source.tBodies[0].rows).map((line) => {
    const row = { cells: Array.from(line.cells) };
    row.cells.forEach((cell, i) => {
      row[`c${i}`] = heads[i].dataset.kind ? number(cell.dataset.value) : words(cell);
      row[`h${i}`] = number(cell.dataset.high);
    });
    row.text = row.cells.map((cell) => cell.textContent).join("\n").toLowerCase();
    return row;
  });
  const columns = heads.map((head, i) => ({
    field: `c${i}`,
    title: head.textContent.trim(),
    kind: head.dataset.kind,
    grow: Math.max(1, Math.round(head.offsetWidth / 20)), // as wide as the browser set it
    show: (row) => {
      const span = exerkine.el("span", { class: row.cells[i].className });
      span.append(...Array.from(row.cells[i].childNodes, (node) => node.cloneNode(true)));
      return span;
    },
  }));
  const holder = exerkine.el("div", {});
  const input = exerkine.el("input", {
    type: "search", placeholder: "filter rows", "aria-label": "filter rows" });
  const count = exerkine.el("span", { class: "count", role: "status" });
  const parts = columns.flatMap((column, i) => (column.kind === "interval"
    ? [[`${column.title} low`, `c${i}`], [`${column.title} high`, `h${i}`]]
    : [[column.title, column.field]]));
  const download = exerkine.button("CSV", `All ${rows.length} rows. ${exerkine.GUARD}`, () => {
    const lines = rows.map((row) => parts.map(([, field]) => row[field]));
    exerkine.save(swap.dataset.name, exerkine.csv(parts.map(([title]) => title), lines));
  });
  swap.append(exerkine.el("div", { class: "interactive" },
    exerkine.bar(input, count, download), holder));
  const table = exerkine.tabulate(holder, swap.dataset.name, rows, columns, {
    tabulator: { renderVertical: "basic" } });
  swap.classList.add("drawn");
  table.on("dataFiltered", (_, kept) => {
    count.textContent = `${kept.length} of ${rows.length} rows`;
  });
  table.on("tableBuilt", () => {
    count.textContent = `${rows.length} of ${rows.length} rows`;
    input.addEventListener("input", () => {
      const wanted = input.value.trim().toLowerCase();
      table.setFilter((row) => row.text.includes(wanted));
    });
  });
};
