"use strict";
(() => {
  const cells = [...document.querySelectorAll(".matrix button, .mistakes button")];
  const photos = [...document.querySelectorAll(".photo")];
  const groups = [...document.querySelectorAll("[data-group]")];
  const filter = document.getElementById("filter");
  const words = document.getElementById("filter-words");

  function choose(cell) {
    const same = (each) => cell && each.dataset.row === cell.dataset.row && each.dataset.column === cell.dataset.column;
    for (const each of cells) each.setAttribute("aria-pressed", String(Boolean(same(each))));
    let shown = 0;
    for (const photo of photos) {
      const fits = cell ? same(photo) : !photo.closest("[data-small]");
      photo.hidden = !fits;
      shown += fits ? 1 : 0;
    }
    for (const group of groups) {
      const small = "small" in group.dataset;
      group.hidden = cell ? !group.querySelector(".photo:not([hidden])") : small;
    }
    filter.hidden = !cell;
    if (!cell) return;
    const missing = shown ? `${shown} on this page` : "none of them is on this page";
    words.textContent = `${cell.title}; ${missing}`;
  }

  for (const cell of cells) {
    cell.addEventListener("click", () => {
      const chosen = cell.getAttribute("aria-pressed") === "true" ? null : cell;
      choose(chosen);
      if (chosen) filter.scrollIntoView({ block: "center" });
    });
  }
  document.getElementById("show-all")?.addEventListener("click", () => choose(null));
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") choose(null);
  });
})();
