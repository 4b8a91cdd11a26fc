const arrows = [...document.querySelectorAll(".arrow")];
const things = [...document.querySelectorAll("[data-node]")];

function choose(id) {
  document.body.classList.toggle("choosing", id !== null);
  const near = new Set([id]);
  for (const arrow of arrows) {
    const touches = arrow.dataset.from === id || arrow.dataset.to === id;
    arrow.classList.toggle("near", touches);
    if (touches) near.add(arrow.dataset.from).add(arrow.dataset.to);
  }
  for (const thing of things) {
    thing.classList.toggle("near", near.has(thing.dataset.node));
    thing.classList.toggle("chosen", thing.dataset.node === id);
  }
}

document.querySelector(".canvas").addEventListener("click", (event) => {
  const box = event.target.closest(".box");
  event.preventDefault();
  choose(box && !box.classList.contains("chosen") ? box.dataset.node : null);
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") choose(null);
});
