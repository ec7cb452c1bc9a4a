"use strict";
// Draws the tables of the knowledge base; the rows were written when the book was built.
for (const holder of document.querySelectorAll(".exo-table:not([data-drawn])")) {
  const data = (window.exoTables || {})[holder.dataset.table];
  if (!data) continue;
  holder.dataset.drawn = "yes";
  // Text goes in as text nodes, never as markup.
  const link = (address, text) => {
    const node = document.createElement("a");
    node.href = address;
    node.textContent = text;
    return node;
  };
  const kinds = {
    pmid: (v) => link(`https://pubmed.ncbi.nlm.nih.gov/${v}/`, v),
    doi: (v) => link(`https://doi.org/${encodeURI(v)}`, v),
    signature: (v) => link(`#${v.replaceAll("_", "-")}`, v),
  };
  const text = (v) => document.createTextNode(v === null || v === undefined ? "" : String(v));
  const columns = data.columns.map((name, i) => {
    const values = new Set(data.rows.map((row) => row[i]));
    const few = values.size <= 12 && [...values].every((v) => typeof v === "string");
    return {
      title: name.replaceAll("_", " "),
      field: String(i),
      headerFilter: few ? "list" : "input",
      headerFilterParams: few ? { values: ["", ...[...values].filter((v) => v).sort()] } : undefined,
      headerFilterFunc: few ? (wanted, v) => !wanted || v === wanted : "like",
      formatter: (cell) => {
        const value = cell.getValue();
        return kinds[name] && value ? kinds[name](String(value)) : text(value);
      },
      maxWidth: 340,
    };
  });
  const rows = data.rows.map((row) => Object.assign({}, row));
  const told = document.createElement("p");
  holder.replaceChildren(told, document.createElement("div"));
  const table = new Tabulator(holder.lastChild, {
    data: rows,
    columns,
    layout: "fitDataFill",
    pagination: true,
    paginationSize: 20,
    paginationSizeSelector: [20, 50, 200],
  });
  const count = (n) => {
    told.textContent = `${n} of ${rows.length} rows. Type under a heading to filter; click it to sort.`;
  };
  table.on("dataFiltered", (filters, found) => count(found.length));
  table.on("tableBuilt", () => count(rows.length));
}
