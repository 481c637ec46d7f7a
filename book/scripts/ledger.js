// Filters of the page of printed numbers. Without this script the page is a plain list of everything.
(() => {
  "use strict";
  const STEP = 25; // rows of each study at first, so that a phone draws little
  const form = document.querySelector(".ledger-controls");
  const rows = [...document.querySelectorAll("details.claim")].map((node) => ({
    node,
    words: node.textContent.toLowerCase(),
    values: Object.fromEntries(Object.entries(node.dataset).map(([key, value]) => [key, value.split("|")])),
  }));
  const selects = [...form.querySelectorAll("select")];
  const count = form.querySelector(".ledger-count");
  const lists = [...document.querySelectorAll(".ledger-rows")].map((node) => {
    const more = document.createElement("p");
    more.className = "ledger-more";
    node.append(more);
    return { node, more, limit: STEP, rows: rows.filter((row) => node.contains(row.node)) };
  });

  const fits = (row, name, wanted) => {
    if (name !== "role") return !wanted || row.values[name].includes(wanted);
    if (wanted === "counted") return row.values.role[0] === "result" || row.values.role[0] === "descriptive";
    if (wanted === "inference" || wanted === "method") return row.values.role.join("|") === `result|${wanted}`;
    return !wanted || row.values.role[0] === wanted;
  };

  const matching = (except) => {
    const words = form.elements.q.value.toLowerCase().split(/\s+/).filter(Boolean);
    return rows.filter((row) =>
      words.every((word) => row.words.includes(word)) &&
      selects.every((select) => select.name === except || fits(row, select.name, select.value)));
  };

  const countOptions = () => {
    for (const select of selects) {
      const open = matching(select.name);
      for (const option of select.options) {
        option.dataset.word ||= option.textContent;
        const found = open.filter((row) => fits(row, select.name, option.value)).length;
        option.textContent = `${option.dataset.word} (${found})`;
        option.disabled = !found && !option.selected;
      }
    }
  };

  const remember = () => {
    const kept = new URLSearchParams();
    for (const field of form.elements) {
      if (field.name && field.value && !(field.name === "role" && field.value === "counted")) kept.set(field.name, field.value);
    }
    const query = kept.toString();
    try { history.replaceState(null, "", (query ? `?${query}` : location.pathname) + location.hash); } catch { /* opened as a file */ }
  };

  const button = (text, act) => {
    const made = document.createElement("button");
    made.type = "button";
    made.textContent = text;
    made.addEventListener("click", act);
    return made;
  };

  const show = () => {
    const found = new Set(matching());
    for (const list of lists) {
      const mine = list.rows.filter((row) => found.has(row));
      const shown = new Set(mine.slice(0, list.limit));
      for (const row of list.rows) row.node.hidden = !shown.has(row);
      for (const apart of list.node.querySelectorAll(".apart")) apart.hidden = !apart.querySelector("details.claim:not([hidden])");
      list.node.closest("section").hidden = !mine.length;
      list.more.hidden = mine.length <= list.limit;
      list.more.replaceChildren(`${shown.size} of ${mine.length} shown. `,
        button("Show 100 more", () => { list.limit += 100; show(); }), " ",
        button("Show all", () => { list.limit = Infinity; show(); }));
    }
    const everywhere = matching("role").length;
    count.replaceChildren(`${found.size} of ${rows.length} printed numbers`);
    if (everywhere > found.size) {
      count.append("; ", button(`${everywhere - found.size} more among settings, cited numbers and the like`, () => set({ role: "" })));
    }
    countOptions();
  };

  const set = (values) => {
    for (const [name, value] of Object.entries(values)) if (form.elements[name]) form.elements[name].value = value;
    changed();
  };
  const changed = () => {
    for (const list of lists) list.limit = STEP;
    remember();
    show();
  };

  const openNamed = () => {
    const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target) return;
    const claim = target.closest("details.claim");
    if (claim) {
      if (claim.hidden) {
        for (const field of form.elements) if (field.name) field.value = "";
        remember();
        for (const list of lists) list.limit = Infinity;
        show();
      }
      claim.open = true;
    }
    target.scrollIntoView();
  };

  for (const apart of document.querySelectorAll(".apart")) apart.open = true;
  for (const [name, value] of new URLSearchParams(location.search)) if (form.elements[name]) form.elements[name].value = value;
  form.querySelector(".ledger-filters").open = window.matchMedia("(min-width: 641px)").matches || location.search.length > 1;
  form.addEventListener("input", changed);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(changed));
  window.addEventListener("hashchange", openNamed);
  form.hidden = false;
  show();
  openNamed();
})();
