// Leaderboards: sort by a header, filter by selects, one data set at a time, the first rows first.
// Without this script every table is there in full, in order of test NLL.
"use strict";

const sortValue = (row, index, kind) => {
  const cell = row.cells[index];
  if (kind === "text") return cell.firstChild ? cell.textContent.trim().toLowerCase() : "";
  return cell.dataset.v === "" || cell.dataset.v === undefined ? NaN : Number(cell.dataset.v);
};

const sortBy = (table, header) => {
  const index = [...header.parentNode.cells].indexOf(header);
  const kind = header.dataset.sort;
  const descending = header.getAttribute("aria-sort") === "ascending";
  for (const other of header.parentNode.cells) other.removeAttribute("aria-sort");
  header.setAttribute("aria-sort", descending ? "descending" : "ascending");
  const sign = descending ? -1 : 1;
  const rows = [...table.tBodies[0].rows].map((row) => [sortValue(row, index, kind), row]);
  rows.sort(([a], [b]) => {
    if (kind === "text") return sign * a.localeCompare(b, "en", { numeric: true });
    if (Number.isNaN(a) || Number.isNaN(b)) return Number.isNaN(a) - Number.isNaN(b); // what has no value comes last
    return sign * (a - b);
  });
  table.tBodies[0].append(...rows.map(([, row]) => row));
};

const isControl = (row) => row.classList.contains("control");
const isReference = (row) => isControl(row) || row.classList.contains("plain");

const refresh = (table, wanted, form) => {
  const filtered = Object.values(wanted).some(Boolean);
  const limit = filtered || table.dataset.all ? Infinity : Number(table.dataset.first);
  let shown = 0, matching = 0, hidden = 0;
  for (const row of table.tBodies[0].rows) {
    const matches = isControl(row) || Object.entries(wanted).every(([key, value]) => !value || row.dataset[key] === value);
    if (matches && !isControl(row)) matching += 1;
    const extra = matches && !isReference(row) && shown >= limit;
    if (matches && !isReference(row) && !extra) shown += 1;
    if (extra) hidden += 1;
    row.hidden = !matches || extra;
  }
  const button = table.parentNode.nextElementSibling;
  if (button) {
    button.hidden = hidden === 0;
    button.textContent = `Show all ${matching} entries`;
  }
  if (form && filtered && !table.closest(".board").hidden) {
    form.querySelector("output").textContent = `${matching} entries match`;
  } else if (form && !filtered) {
    form.querySelector("output").textContent = "";
  }
};

const setUp = (area) => {
  const tables = [...area.querySelectorAll("table.leaderboard")];
  const form = document.querySelector("form.filters");
  const wanted = () => Object.fromEntries(form ? new FormData(form) : []);
  const refreshAll = () => tables.forEach((table) => refresh(table, wanted(), form));
  for (const table of tables) {
    [...table.tBodies[0].rows].filter((row) => !isReference(row)).slice(Number(table.dataset.first))
      .forEach((row) => { row.dataset.extra = ""; });
    for (const header of table.tHead.rows[0].cells) {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...header.childNodes);
      button.addEventListener("click", () => { sortBy(table, header); refreshAll(); });
      header.append(button);
    }
    const all = document.createElement("button");
    all.type = "button";
    all.className = "showall";
    all.addEventListener("click", () => { table.dataset.all = "1"; refreshAll(); });
    table.parentNode.after(all);
  }
  if (form) {
    form.hidden = false;
    form.addEventListener("change", refreshAll);
    form.addEventListener("submit", (event) => event.preventDefault());
  }
  setUpTabs(area, refreshAll);
  refreshAll();
};

const setUpTabs = (area, changed) => {
  const boards = [...area.querySelectorAll(".board")];
  if (boards.length < 2) return;
  area.classList.add("tabbed");
  const list = document.createElement("div");
  list.className = "tabs";
  list.setAttribute("role", "tablist");
  list.setAttribute("aria-label", "Data set");
  const select = (chosen, focus) => {
    boards.forEach((board, i) => {
      const tab = list.children[i], on = board === chosen;
      board.hidden = !on;
      tab.setAttribute("aria-selected", String(on));
      tab.tabIndex = on ? 0 : -1;
      if (on && focus) tab.focus();
    });
    changed();
  };
  boards.forEach((board, i) => {
    const tab = document.createElement("button");
    tab.type = "button";
    tab.id = `tab-${board.id}`;
    tab.textContent = board.querySelector("h3").textContent;
    tab.setAttribute("role", "tab");
    tab.setAttribute("aria-controls", board.id);
    board.setAttribute("role", "tabpanel");
    board.setAttribute("aria-labelledby", tab.id);
    tab.addEventListener("click", () => select(board));
    tab.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (step) select(boards[(i + step + boards.length) % boards.length], true);
    });
    list.append(tab);
  });
  area.before(list);
  const named = () => boards.find((board) => `#${board.id}` === decodeURIComponent(location.hash));
  select(named() || boards[0]);
  if (named()) list.scrollIntoView();
  addEventListener("hashchange", () => { if (named()) { select(named()); list.scrollIntoView(); } });
};

document.querySelectorAll(".boards").forEach(setUp);
