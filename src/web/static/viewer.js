// The images: zoom, pan, turn, mirror, invert, contrast, front and back, gray and bitonal; and the boxes of what was read.
"use strict";

const views = new WeakMap();

function viewOf(paper) {
  if (!views.has(paper)) views.set(paper, { zoom: 1, x: 0, y: 0, turn: 0, flip: false, back: false, gray: false });
  return views.get(paper);
}

// A box in pixels of the image as it came, as shares of the upright image that is shown.
function placed(box, image, turn, mirrored) {
  let [x, y, w, h] = box;
  const quarter = turn === 90 || turn === 270;
  const wide = quarter ? image.naturalHeight : image.naturalWidth;
  const high = quarter ? image.naturalWidth : image.naturalHeight;
  if (mirrored) x = wide - x - w;
  if (turn === 90) [x, y, w, h] = [high - y - h, x, h, w];
  else if (turn === 180) [x, y] = [wide - x - w, high - y - h];
  else if (turn === 270) [x, y, w, h] = [y, wide - x - w, h, w];
  return [x / image.naturalWidth, y / image.naturalHeight, w / image.naturalWidth, h / image.naturalHeight];
}

function drawBoxes(paper) {
  const image = paper.querySelector(".sheet img");
  const overlay = paper.querySelector(".overlay");
  if (!image || !overlay || !image.naturalWidth) return;
  overlay.replaceChildren();
  if (viewOf(paper).back) return;
  const turn = Number(paper.dataset.turn) || 0;
  const mirrored = paper.dataset.mirrored === "true";
  const numbers = (text) => text.split(",").map(Number);
  const draw = (text, name) => {
    const box = numbers(text);
    if (box.length !== 4 || box.some(Number.isNaN)) return;
    const [x, y, w, h] = placed(box, image, turn, mirrored);
    const mark = document.createElement("i");
    mark.className = name;
    mark.style.left = x * 100 + "%";
    mark.style.top = y * 100 + "%";
    mark.style.width = w * 100 + "%";
    mark.style.height = h * 100 + "%";
    overlay.append(mark);
  };
  (paper.dataset.boxes || "").split(" ").filter(Boolean).forEach((box) => draw(box, ""));
  if (paper.dataset.doubt) draw(paper.dataset.doubt, "doubt");
}

// A large image is moved as far as its edge and no further: it is never lost from sight.
function within(paper, view) {
  const sheet = paper.querySelector(".sheet");
  const quarter = view.turn % 180 !== 0;
  const wide = quarter ? sheet.offsetHeight : sheet.offsetWidth;
  const high = quarter ? sheet.offsetWidth : sheet.offsetHeight;
  const held = (at, size) => { const most = Math.max(0, (size * view.zoom - size) / 2); return Math.max(-most, Math.min(most, at)); };
  view.x = held(view.x, wide);
  view.y = held(view.y, high);
}

function apply(paper) {
  const view = viewOf(paper);
  const sheet = paper.querySelector(".sheet");
  if (!sheet) return;
  const mirror = view.flip ? " scaleX(-1)" : "";
  sheet.style.transform = `translate(${view.x}px, ${view.y}px) scale(${view.zoom}) rotate(${view.turn}deg)${mirror}`;
  paper.querySelector(".stage").classList.toggle("large", view.zoom > 1);
}

function source(paper) {
  const view = viewOf(paper);
  const side = (view.back ? "back" : "front") + (view.gray ? "-gray" : "");
  const image = paper.querySelector(".sheet img");
  image.src = `/documents/${paper.dataset.document}/side/${side}`;
  const words = paper.querySelector(".side");
  if (words) words.textContent = side.replace("-gray", ", gray");
  drawBoxes(paper);
}

function look(paper, what) {
  if (!paper || !paper.querySelector(".sheet")) return;
  const view = viewOf(paper);
  const press = (name, on) => {
    const tool = paper.querySelector(`[data-view="${name}"]`);
    if (tool) tool.setAttribute("aria-pressed", String(on));
  };
  switch (what) {
    case "in": view.zoom = Math.min(8, view.zoom * 1.4); break;
    case "out": view.zoom = Math.max(1, view.zoom / 1.4); break;
    case "whole": view.zoom = 1; view.x = view.y = 0; break;
    case "turn": view.turn = (view.turn + 90) % 360; break;
    case "flip": view.flip = !view.flip; press("flip", view.flip); break;
    case "invert": press("invert", paper.querySelector(".stage").classList.toggle("inverted")); return;
    case "contrast": press("contrast", paper.querySelector(".stage").classList.toggle("contrasted")); return;
    case "back": if (paper.dataset.back !== "true") return; view.back = !view.back; press("back", view.back); source(paper); return;
    case "gray": if (paper.dataset.gray !== "true") return; view.gray = !view.gray; press("gray", view.gray); source(paper); return;
    case "left": view.x += 60; break;
    case "right": view.x -= 60; break;
    case "up": view.y += 60; break;
    case "down": view.y -= 60; break;
  }
  within(paper, view);
  apply(paper);
}

// Enlarges the doubt's snippet to four times its size, as far as there is room.
function snippetSize(image) {
  const room = image.parentElement.clientWidth - 16;
  const high = image.classList.contains("in-words") ? 44 : 92;
  const times = Math.min(4, room / image.naturalWidth, Math.max(1, high / image.naturalHeight));
  image.style.width = image.naturalWidth * times + "px";
  image.style.maxHeight = "none";
}

function prepare(root) {
  root.querySelectorAll(".paper").forEach((paper) => {
    const image = paper.querySelector(".sheet img");
    if (!image) return;
    const ready = () => drawBoxes(paper);
    if (image.complete) ready();
    image.addEventListener("load", ready);
    paper.querySelectorAll("[data-view]").forEach((tool) => tool.addEventListener("click", () => look(paper, tool.dataset.view)));
    const stage = paper.querySelector(".stage");
    let held = null;
    stage.addEventListener("pointerdown", (e) => {
      if (viewOf(paper).zoom <= 1) return;
      held = [e.clientX, e.clientY];
      stage.setPointerCapture(e.pointerId);
      e.preventDefault();
    });
    stage.addEventListener("pointermove", (e) => {
      if (!held) return;
      const view = viewOf(paper);
      view.x += e.clientX - held[0];
      view.y += e.clientY - held[1];
      held = [e.clientX, e.clientY];
      within(paper, view);
      apply(paper);
    });
    for (const end of ["pointerup", "pointercancel"]) stage.addEventListener(end, () => { held = null; });
    stage.addEventListener("dblclick", () => look(paper, viewOf(paper).zoom > 1 ? "whole" : "in"));
    stage.addEventListener("wheel", (e) => {
      if (!e.ctrlKey) return;
      e.preventDefault();
      look(paper, e.deltaY < 0 ? "in" : "out");
    }, { passive: false });
  });
  root.querySelectorAll(".snippet img").forEach((image) => {
    if (image.complete && image.naturalWidth) snippetSize(image);
    else image.addEventListener("load", () => snippetSize(image), { once: true });
  });
  root.querySelectorAll(".thumb").forEach((thumb) => thumb.addEventListener("click", () => {
    const paper = root.querySelector(".paper.main");
    const image = paper && paper.querySelector(".sheet img");
    if (!image) return;
    const { document: id, turn, back, gray, kind, seq } = thumb.dataset;
    Object.assign(paper.dataset, { document: id, turn, boxes: "", doubt: "", back, gray });
    paper.querySelector("h2").textContent = kind;
    paper.querySelector(".paper-head .hint").textContent = seq;
    image.alt = `${kind} ${seq}, front`;
    views.delete(paper);
    paper.querySelectorAll("[data-view]").forEach((tool) => { tool.removeAttribute("aria-pressed"); tool.disabled = paper.dataset[tool.dataset.view] === "false"; });
    apply(paper);
    source(paper);
  }));
}

window.remitViewer = { look, prepare };
