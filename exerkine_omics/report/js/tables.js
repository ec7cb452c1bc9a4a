"use strict";
// Sort a table by its column heads; filter those that are long. Empty values sort last.
for (const table of document.querySelectorAll("table.data")) {
  const body = table.tBodies[0];
  const rows = Array.from(body.rows);
  const heads = Array.from(table.tHead.rows[0].cells);
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const turn = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", turn === 1 ? "ascending" : "descending");
      const numeric = head.classList.contains("number");
      const value = (row) => {
        const cell = row.cells[column];
        return numeric ? cell.dataset.value : cell.textContent.trim();
      };
      rows.sort((a, b) => {
        const first = value(a), second = value(b);
        if (first === "" || second === "") return (first === "") - (second === "");
        const order = numeric ? first - second
          : first.localeCompare(second, undefined, { numeric: true });
        return turn * order;
      });
      body.append(...rows);
    });
  });
  if (rows.length < 9) continue;
  const bar = document.createElement("div");
  const input = document.createElement("input");
  const count = document.createElement("span");
  bar.className = "filter";
  count.className = "count";
  input.type = "search";
  input.placeholder = "filter rows";
  input.setAttribute("aria-label", "filter rows");
  const show = () => {
    const wanted = input.value.trim().toLowerCase();
    let visible = 0;
    for (const row of rows) {
      row.hidden = !row.textContent.toLowerCase().includes(wanted);
      visible += !row.hidden;
    }
    count.textContent = `${visible} of ${rows.length} rows`;
  };
  input.addEventListener("input", show);
  bar.append(input, count);
  table.parentElement.before(bar);
  show();
}
