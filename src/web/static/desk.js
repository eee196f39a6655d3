// The desk's hands: keys on every screen, and on the item screen the next payments ready before they are asked for. Every
// move is a form that works without this file; here it is sent without leaving the page. Nothing is kept in the browser.
"use strict";

const body = document.body;
const one = (selector, root = document) => root.querySelector(selector);
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const own = (() => { try { return JSON.parse(body.dataset.keys || "{}"); } catch { return {}; } })();

// --- words ------------------------------------------------------------------------------------------------------------
function note(text, bad) {
  const place = one("#note");
  place.textContent = text;
  place.classList.toggle("bad", Boolean(bad));
}
function saved(text, state) {
  const place = one("#saved");
  if (!place) return;
  place.textContent = text;
  place.className = "saved " + (state || "");
}
async function problem(answer) {
  const told = answer.headers.get("x-problem");
  return told ? decodeURIComponent(told) : (await answer.text()).slice(0, 200);
}
const post = (url, fields) => fetch(url, {
  method: "POST",
  headers: { "content-type": "application/x-www-form-urlencoded", "x-csrf": body.dataset.csrf, "x-requested-by": "desk" },
  body: new URLSearchParams(fields),
  keepalive: true,
});

// --- keys -------------------------------------------------------------------------------------------------------------
const usual = { hold: "h", reject: "r", void: "v", distinct: "d", "set-aside": "s", assign: "a", apply: "e", "to-suspense": "q", note: "n", history: "t", undo: "z", back: "b", flip: "f", turn: "o", invert: "i", contrast: "c", gray: "g" };
const keyOf = (action) => own[action] || usual[action];
const viewKeys = ["back", "flip", "turn", "invert", "contrast", "gray"];


// What a button says, without the key that stands on it.
function wordsOf(way) {
  const copy = way.cloneNode(true);
  all("kbd", copy).forEach((cap) => cap.remove());
  return way.dataset.words || copy.textContent.trim().replace(/\s+/g, " ");
}
function keyList() {
  const lines = [["?", "these keys"], ["/", "search"], ["Alt 1\u20269", "the screens, in their order"]];
  if (one("#item")) {
    lines.push(["1\u20269", "choose an answer"], ["0\u20269 .", "key an amount"], ["Enter", "take it and go on"], ["Esc", "leave a field, close a move"], ["+ \u2212", "larger, smaller"], ["Home", "the whole image"], ["\u2190\u2191\u2192\u2193", "move a large image"], ["\u2190 \u2192", "the payment before, after"]);
    viewKeys.forEach((action) => lines.push([keyOf(action), { back: "front or back", flip: "mirror", turn: "turn", invert: "invert", contrast: "contrast", gray: "gray or bitonal" }[action]]));
    all(".move").forEach((move) => lines.push([letterOf(move), one("summary", move).textContent.trim().replace(/^\S+\s*/, "")]));
    lines.push([keyOf("history"), "history"], [keyOf("undo"), "take the last decision back"], ["PgDn", "pass this one over"], ["[ ]", "the payment before, after, with a large image too"]);
  }
  if (one("tbody a.row")) {
    lines.push(["\u2191 \u2193", "along the lines"], ["Enter", "open"]);
    const letters = new Map(all("td [data-letter]").map((way) => [way.dataset.letter, wordsOf(way)]));
    letters.forEach((words, letter) => lines.push([letter, `${words}, of the line; Enter does it`]));
  }
  if (one(".film")) lines.push(["\u2190 \u2192", "along the documents"], ["Space", "mark"], ["Enter", "one envelope"]);
  all("[data-key]:not([data-key=Enter]), [data-shift]").forEach((way) => lines.push([way.dataset.key || "\u21e7" + way.dataset.shift, wordsOf(way)]));
  if (one("[data-key=\"Enter\"]")) lines.push(["Enter", wordsOf(one("[data-key=\"Enter\"]"))]);
  return lines;
}
function showKeys() {
  const list = one("#keys-list");
  list.replaceChildren(...keyList().map(([key, words]) => {
    const line = document.createElement("p");
    const cap = document.createElement("kbd");
    cap.textContent = key;
    line.append(cap, words);
    return line;
  }));
  one("#keys").showModal();
}
const letterOf = (move) => own[move.dataset.action] || move.dataset.letter;
const typing = (target) => target.matches && target.matches("input:not([data-amount]):not([type=checkbox]), textarea, select");

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.isComposing) return;
  const dialog = one("#keys");
  if (dialog && dialog.open) return;
  const key = event.key;
  if (event.altKey) {
    const way = /^[1-9]$/.test(key) && all(".top nav a")[Number(key) - 1]; if (way) { event.preventDefault(); way.click(); }
    return;
  }
  const target = event.target;
  if (key === "Escape") {
    all(".move[open]").forEach((move) => { move.open = false; });
    if (target.blur) target.blur();
    choose(null);
    return;
  }
  if (target.id === "search-box" && key === "ArrowDown" && one("tbody a.row")) { rowKey(event); return; }
  if (typing(target)) return;
  if (key === "?") { event.preventDefault(); showKeys(); return; }
  if (key === "/") { event.preventDefault(); const box = one("#search-box"); if (box) box.focus(); else location.href = "/research"; return; }
  if (one("#item")) { itemKey(event); return; }
  if (one(".film")) { filmKey(event); if (event.defaultPrevented) return; }
  if (one("tbody a.row") && rowKey(event)) return;
  const digit = event.shiftKey && /^Digit[1-9]$/.test(event.code) ? event.code.slice(5) : "";
  const way = digit ? one(`[data-shift="${digit}"]`) : /^[1-9a-z]$/.test(key) ? one(`[data-key="${key}"]`) : null;
  if (way && !event.repeat) { event.preventDefault(); take(way); return; }
  if (key === "Enter" && !target.closest("a, button, summary, input")) {
    const way = one("[data-key=\"Enter\"]");
    if (!way) return;
    event.preventDefault();
    // A key held down, or pressed twice, is not a word on the question that has come up meanwhile.
    const early = location.search.includes("done=") && performance.now() < 400;
    if (!event.repeat && !early) way.click();
  }
});

// What a key is for: a button or a link is pressed, a part that is folded up is opened, a field gets the focus.
function take(way) {
  const part = way.closest("details");
  if (!way.matches("summary, h2")) { way.click(); return; }
  if (part) part.open = true;
  const field = one("input:not([type=hidden]), select, textarea, button", part || way.parentElement);
  if (field) field.focus();
}

// A form is sent once: a second click finds it on its way. The next page brings a new one.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.method !== "post") return;
  if (form.dataset.sent) { event.preventDefault(); return; }
  form.dataset.sent = "1";
  setTimeout(() => { delete form.dataset.sent; }, 5000);
});

// --- lists ------------------------------------------------------------------------------------------------------------
let cursor = -1;
function rowKey(event) {
  const rows = all("tbody a.row");
  const move = (to) => {
    event.preventDefault();
    cursor = Math.max(0, Math.min(rows.length - 1, to));
    all("tr.cursor").forEach((row) => row.classList.remove("cursor"));
    rows[cursor].closest("tr").classList.add("cursor");
    rows[cursor].focus();
    return true;
  };
  // A letter of the line goes to its button; Enter there presses it.
  const button = cursor >= 0 && /^[a-z]$/.test(event.key) && one(`[data-letter="${event.key}"]`, rows[cursor].closest("tr"));
  if (button) { event.preventDefault(); button.focus(); return true; }
  if (event.key === "ArrowDown" || event.key === "j") return move(cursor + 1);
  if (event.key === "ArrowUp" || event.key === "k") return move(cursor - 1);
  if (event.key === "Enter" && cursor < 0 && rows.length && body.dataset.screen === "queue") { event.preventDefault(); rows[0].click(); return true; }
  return false;
}

// --- the film of a batch ----------------------------------------------------------------------------------------------
function filmKey(event) {
  const boxes = all(".film input[type=checkbox]");
  const at = boxes.indexOf(document.activeElement);
  const go = (to) => { event.preventDefault(); const box = boxes[Math.max(0, Math.min(boxes.length - 1, to))]; if (box) { box.focus(); box.scrollIntoView({ block: "nearest" }); } };
  if (event.key === "ArrowRight") go(at + 1);
  else if (event.key === "ArrowLeft") go(at - 1);
  else if (event.key === "Enter" && boxes.some((b) => b.checked)) { event.preventDefault(); one("#regroup").requestSubmit(); }
}
function filmDrag() {
  let dragged = null;
  all(".cell[draggable]").forEach((cell) => {
    cell.addEventListener("dragstart", () => { dragged = cell; });
    cell.addEventListener("dragover", (e) => { e.preventDefault(); cell.classList.add("over"); });
    cell.addEventListener("dragleave", () => cell.classList.remove("over"));
    cell.addEventListener("drop", (e) => {
      e.preventDefault();
      if (!dragged || dragged === cell || !one("#together")) return;
      const envelope = all("input[type=checkbox]", cell.closest(".envelope"));
      all(".film input[type=checkbox]").forEach((box) => { box.checked = false; });
      envelope.forEach((box) => { box.checked = true; });
      const own = one("input[type=checkbox]", dragged);
      if (own) own.checked = true;
      one("#regroup").requestSubmit();
    });
  });
}

// --- one payment, one question ----------------------------------------------------------------------------------------
let item = null;
let fence = "";
let leaseTimer = 0;
let chosen = null;
let waiting = 0;
const ready = new Map();

// The paper that has the focus, or the one in question.
const mainPaper = () => document.activeElement && document.activeElement.closest(".paper") || one(".paper.main", item);
const isLarge = (paper) => Boolean(paper && one(".stage.large", paper));

function choose(button) {
  all(".answers button.chosen").forEach((b) => b.classList.remove("chosen"));
  chosen = button;
  if (button) button.classList.add("chosen");
}
function said(box) {
  const out = one("#amount-said");
  if (!out) return;
  const text = box.value.replace(/[, $]/g, "");
  if (!text) { out.textContent = ""; return; }
  out.textContent = /^\d+$/.test(text) ? (Number(text) / 100).toLocaleString("en-US", { minimumFractionDigits: 2 }) : text;
}

function itemKey(event) {
  const key = event.key;
  const box = one("#amount-box");
  const inBox = event.target === box;
  const open = one(".move[open]");
  if (key === "Enter") {
    if (open || event.target.closest("a, summary, .moves, .unmask")) return;
    event.preventDefault();
    if (event.repeat) return;
    const digit = chosen ? chosen.dataset.digit : null;
    if (box && box.value && (!digit || box.value !== digit)) { one("#amount").requestSubmit(); return; }
    if (chosen) { one("#answer").requestSubmit(chosen); return; }
    const confirmed = one("[data-usual]", item);
    if (confirmed && !(box && box.value)) one("#answer").requestSubmit(confirmed);
    else if (item.dataset.may === "true") note("Choose an answer by its digit, or key the amount.");
    return;
  }
  if (/^[0-9.]$/.test(key)) {
    if (box && !inBox) { box.focus(); box.value += key; said(box); event.preventDefault(); }
    const typed = box ? (inBox ? box.value + key : box.value) : key;
    choose(typed.length === 1 ? one(`[data-digit="${key}"]`, item) : null);
    return;
  }
  if (inBox && (key === "Backspace" || key === "Delete" || key === "Tab" || key === "End" || (key === "Home" && box.value))) { choose(null); return; }
  if (inBox && (key === "ArrowLeft" || key === "ArrowRight") && box.value) return;
  const stop = () => { event.preventDefault(); };
  if (key === "+" || key === "=") { stop(); remitViewer.look(mainPaper(), "in"); return; }
  if (key === "-") { stop(); remitViewer.look(mainPaper(), "out"); return; }
  const arrows = { ArrowLeft: "left", ArrowRight: "right", ArrowUp: "up", ArrowDown: "down" };
  if (arrows[key] && isLarge(mainPaper())) { stop(); remitViewer.look(mainPaper(), arrows[key]); return; }
  if (key === "ArrowLeft" || key === "ArrowRight") { stop(); along(key === "ArrowLeft" ? "before" : "after"); return; }
  if (key === "Home") { stop(); remitViewer.look(mainPaper(), "whole"); return; }
  if (key === "PageDown") { stop(); pass(); return; }
  if (key === "[" || key === "]") { stop(); along(key === "[" ? "before" : "after"); return; }
  const letter = key.length === 1 ? key.toLowerCase() : "";
  if (!letter) return;
  const action = viewKeys.find((a) => keyOf(a) === letter);
  if (action) { stop(); remitViewer.look(mainPaper(), action); return; }
  if (letter === keyOf("undo")) {
    stop();
    const back = one("#undo", item);
    if (lastTransaction) undo(null); else undo(item.dataset.transaction, back && back.dataset.of);
    return;
  }
  if (letter === keyOf("history")) { stop(); const history = one("#history"); if (history) { history.open = !history.open; one("summary", history).focus(); } return; }
  const move = all(".move", item).find((m) => letterOf(m) === letter);
  if (move) {
    stop();
    all(".move[open]").forEach((m) => { if (m !== move) m.open = false; });
    move.open = true;
    const field = one("input:not([type=hidden])", move);
    (field || one("button", move)).focus();
  } else if (inBox) stop();
}

// Along the film of the batch, one payment before or after this one.
function along(way) {
  const to = one(`[data-way="${way}"]`, item);
  if (to) to.click(); else note(way === "before" ? "This is the first of the batch." : "This is the last of the batch.");
}

// A payment's part of the page, with its images on the way, kept until it is shown.
function prefetch(id, context) {
  if (ready.has(id)) return ready.get(id);
  const coming = fetch(`/exceptions/${id}${context}`, { headers: { "x-requested-by": "desk" } }).then(async (answer) => {
    if (!answer.ok) throw Object.assign(new Error(await problem(answer)), { status: answer.status });
    const holder = document.createElement("template");
    holder.innerHTML = await answer.text();
    const part = document.importNode(holder.content, true).querySelector("#item");
    // The document's own images load as soon as they belong to it.
    await Promise.all(all("img", part).slice(0, 3).map((image) => image.decode().catch(() => {})));
    return part;
  });
  coming.catch(() => ready.delete(id));
  ready.set(id, coming);
  return coming;
}
function prefetchNext() {
  const context = item.dataset.context || "";
  nextOf(item).forEach((id) => prefetch(id, context));
  for (const id of ready.keys()) if (ready.size > 8 && id !== item.dataset.exception) { ready.delete(id); break; }
}

// Once the frame is drawn: what can wait stands in no image's way.
function drawn(work) {
  const turn = new MessageChannel();
  turn.port1.onmessage = work;
  requestAnimationFrame(() => turn.port2.postMessage(0));
}

function show(part, push) {
  const old = item;
  part.classList.add("arriving");
  old.replaceWith(part);
  begin(part, old.dataset.transaction);
  if (push) history.pushState({ id: part.dataset.exception }, "", `/exceptions/${part.dataset.exception}${part.dataset.context || ""}`);
  const image = one(".paper.main .sheet img", part);
  const shown = () => drawn(() => document.dispatchEvent(new CustomEvent("remit:shown", { detail: { id: part.dataset.exception, at: performance.now() } })));
  if (!image || image.complete) shown(); else image.addEventListener("load", shown, { once: true });
}

// What was decided here is not asked again, though it stood in a list that was made before.
const settled = new Set();
const nextOf = (part) => part.dataset.next.split(" ").filter((id) => id && !settled.has(id));
const listOf = (context) => {
  const list = context.includes("walk=key") ? "/key" : "/exceptions" + context;
  // What was decided last can be taken back from there.
  if (!lastTransaction || lastOf === null || lastOf === undefined) return list;
  return `${list}${list.includes("?") ? "&" : "?"}undo=${lastTransaction}&of=${lastOf}`;
};

async function advance() {
  const from = item;
  const context = from.dataset.context || "";
  const next = nextOf(from)[0];
  if (!next) {
    // The list that came with this item is used up: once everything is saved, the desk says what is left.
    from.classList.add("skeleton");
    await line;
    if (item !== from) return;
    const answer = await fetch(`/exceptions/next${context}`, { headers: { "x-requested-by": "desk" } }).catch(() => null);
    const left = answer && answer.ok ? (await answer.json()).next.filter((id) => !settled.has(id)) : [];
    if (item !== from) return;
    if (left.length) await arrive(left[0], context); else location.assign(listOf(context));
    return;
  }
  await arrive(next, context);
}
async function arrive(next, context) {
  const from = item;
  try {
    const part = await prefetch(next, context);
    ready.delete(next);
    // Meanwhile a refusal may have brought its own item back.
    if (item === from) show(part, true);
  } catch (error) {
    if (item !== from) return;
    if (error.status !== 404) { location.assign(`/exceptions/${next}${context}`); return; }
    // Settled by another decision meanwhile: the one after it.
    settled.add(next);
    await advance();
  }
}
function pass() { if (nextOf(item).length) advance(); else note("This is the last one."); }

// Sends a move and goes on at once; what is refused comes back with its reason.
let line = Promise.resolve();
function send(form, submitter) {
  const fields = new FormData(form, submitter);
  fields.set("fence", fence);
  const { exception, context, transaction: subject } = item.dataset;
  settled.add(exception);
  waiting += 1;
  saved("saving\u2026", "busy");
  line = line.then(async () => {
    try {
      const answer = await post(form.getAttribute("action"), fields);
      if (!answer.ok) throw new Error(answer.status === 401 ? "the session has ended: sign in again" : await problem(answer));
      const done = await answer.json();
      if (lastTransaction === subject) { lastTransaction = done.note === "first-key" ? "" : done.transaction; lastOf = done.of; }
      saved("saved " + new Date().toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit" }), "");
      note(done.note === "first-key" ? "Kept. A second person keys it too." : "");
      // What is on the screen or on the way may be of the same payment: it is asked for anew.
      for (const id of [...ready.keys()]) ready.get(id).then((part) => { if (part.dataset.transaction === done.transaction) ready.delete(id); }).catch(() => {});
    } catch (error) {
      const text = error instanceof TypeError ? "the desk does not answer" : error.message;
      saved("not saved", "bad");
      settled.delete(exception);
      if (lastTransaction === subject) lastTransaction = "";
      await back(exception, context, text);
    } finally {
      waiting -= 1;
    }
  });
  advance();
}
async function back(exception, context, why) {
  ready.delete(exception);
  try {
    const part = await prefetch(exception, context || "");
    ready.delete(exception);
    show(part, true);
  } catch { /* the sentence below is what counts */ }
  note("Not saved: " + why, true);
}

let undoing = false;
async function undo(transaction, of) {
  if (undoing) return;
  undoing = true;
  try { await takeBack(transaction, of); } finally { undoing = false; }
}
async function takeBack(transaction, of) {
  await line;
  // What was decided here just now has its place since the desk has saved it.
  if (transaction === null) { transaction = lastTransaction; of = lastOf; }
  if (!transaction) { note("Nothing was decided here just now.", true); return; }
  const answer = await post(`/transactions/${transaction}/undo`, of === undefined || of === null ? {} : { of }).catch(() => null);
  if (!answer || !answer.ok) { note(answer ? await problem(answer) : "Not taken back: the desk does not answer", true); return; }
  const done = await answer.json();
  const fresh = await fetch(`/transactions/${done.transaction}${item.dataset.context || ""}`, { headers: { "x-requested-by": "desk" } });
  const holder = document.createElement("template");
  holder.innerHTML = await fresh.text();
  ready.clear();
  lastTransaction = "";
  show(document.importNode(holder.content, true).querySelector("#item"), true);
  note("Taken back; the question is open again.");
}

// A side scanned again, from a file of the scanner.
async function rescan(pick) {
  const file = pick.files[0];
  if (!file) return;
  saved("reading the new scan\u2026", "busy");
  const answer = await fetch(`/documents/${pick.dataset.rescan}/rescan?side=${pick.dataset.side}`, { method: "POST", headers: { "content-type": "application/octet-stream", "x-csrf": body.dataset.csrf, "x-requested-by": "desk" }, body: file });
  saved("", "");
  if (!answer.ok) { note("Not replaced: " + await problem(answer), true); pick.value = ""; return; }
  location.assign(`/transactions/${(await answer.json()).transaction}?done=rescanned`);
}

async function lease(leaving) {
  if (item.dataset.may !== "true") return;
  const mine = item;
  try {
    const answer = await post(`/transactions/${mine.dataset.transaction}/lease`, leaving ? { leaving } : {});
    if (!answer.ok || item !== mine) return;
    const told = await answer.json();
    const place = one("#lease", mine);
    fence = told.yours ? String(told.fence) : "";
    place.textContent = told.yours ? "" : `${told.holder} has this on the screen. What you key here is refused until it is free.`;
    place.classList.toggle("theirs", !told.yours);
  } catch { /* asked again soon */ }
}

// What was done just before can be taken back from the next screen.
let lastTransaction = "";
let lastOf = null;
// The payment that was leased last and is no longer on the screen.
let behind = "";
function begin(part, leaving) {
  item = part;
  fence = "";
  chosen = null;
  remitViewer.prepare(part);
  const box = one("#amount-box", part);
  if (box) {
    box.addEventListener("input", () => { said(box); if (box.value.length !== 1) choose(null); });
    if (part.dataset.amountNeeded === "true") box.focus({ preventScroll: true });
  }
  const text = one("#text input:not([type=hidden])", part);
  if (text) text.focus({ preventScroll: true });
  all("form[action^=\"/exceptions/\"]", part).forEach((form) => form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (form.dataset.sent) return;
    form.dataset.sent = "1";
    lastTransaction = part.dataset.transaction;
    lastOf = null;
    send(form, event.submitter);
  }));
  const words = one("[data-note]", part);
  if (words) words.addEventListener("submit", async (event) => {
    event.preventDefault();
    const answer = await post(words.getAttribute("action"), new FormData(words)).catch(() => null);
    if (!answer || !answer.ok) { note(answer ? await problem(answer) : "Not saved: the desk does not answer", true); return; }
    words.reset();
    words.closest(".move").open = false;
    note("Written down; it stands in the history.");
  });
  all("[data-rescan]", part).forEach((pick) => pick.addEventListener("change", () => rescan(pick)));
  const back = one("#undo", part);
  if (back) back.addEventListener("click", () => undo(part.dataset.transaction, back.dataset.of));
  all("kbd", part).forEach((cap) => {
    const move = cap.closest(".move");
    if (move && own[move.dataset.action]) cap.textContent = own[move.dataset.action];
  });
  clearInterval(leaseTimer);
  leaseTimer = setInterval(lease, 45000);
  behind = behind || leaving;
  drawn(() => {
    if (item !== part) return;
    lease(behind);
    behind = "";
    prefetchNext();
  });
}
window.addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
window.addEventListener("popstate", () => { if (item) location.reload(); });
window.addEventListener("beforeunload", (event) => { if (waiting > 0) event.preventDefault(); });

// --- capture ----------------------------------------------------------------------------------------------------------
function capture() {
  const tray = one("#tray");
  const take = one("#take");
  const says = one("#tray-says");
  const bar = one("#tray-progress");
  let id = "";
  const fresh = () => { id = [...crypto.getRandomValues(new Uint8Array(8))].map((b) => b.toString(16).padStart(2, "0")).join(""); };
  fresh();
  const upload = async (files) => {
    take.disabled = true;
    bar.hidden = false;
    one("#taken").replaceChildren();
    let done = 0;
    const queue = [...files];
    const worker = async () => {
      for (let file = queue.shift(); file; file = queue.shift()) {
        const answer = await fetch(`/capture/${id}/file?name=${encodeURIComponent(file.name)}`, { method: "POST", headers: { "content-type": "application/octet-stream", "x-csrf": body.dataset.csrf, "x-requested-by": "desk" }, body: file });
        if (!answer.ok) throw new Error(`${file.name}: ${await problem(answer)}`);
        done += 1;
        bar.value = (done / files.length) * 100;
        says.textContent = `${done} of ${files.length} files in the tray`;
      }
    };
    try {
      // The index is written last, as a station writes it.
      queue.sort((a, b) => (a.name === "index.csv") - (b.name === "index.csv"));
      await Promise.all([worker(), worker(), worker()]);
      take.disabled = false;
      take.focus();
    } catch (error) {
      note(error.message, true);
      says.textContent = `${done} of ${files.length} files are in the tray; drop the folder again and it goes on.`;
    }
  };
  const walk = async (entry, found) => {
    if (entry.isFile) found.push(await new Promise((ok, no) => entry.file(ok, no)));
    else if (entry.isDirectory) {
      const reader = entry.createReader();
      for (;;) {
        const some = await new Promise((ok, no) => reader.readEntries(ok, no));
        if (!some.length) break;
        for (const inner of some) await walk(inner, found);
      }
    }
  };
  tray.addEventListener("dragover", (e) => { e.preventDefault(); tray.classList.add("over"); });
  tray.addEventListener("dragleave", () => tray.classList.remove("over"));
  tray.addEventListener("drop", async (e) => {
    e.preventDefault();
    tray.classList.remove("over");
    const entries = [...e.dataTransfer.items].map((i) => i.webkitGetAsEntry && i.webkitGetAsEntry()).filter(Boolean);
    const found = [];
    if (entries.length) for (const entry of entries) await walk(entry, found);
    else found.push(...e.dataTransfer.files);
    const name = one("#tray-form [name=name]");
    if (entries[0] && entries[0].isDirectory && !name.value) name.value = entries[0].name;
    upload(found);
  });
  for (const pick of ["#pick-folder", "#pick-files"]) one(pick).addEventListener("change", (e) => {
    const files = [...e.target.files];
    const name = one("#tray-form [name=name]");
    const folder = files[0] && files[0].webkitRelativePath.split("/")[0];
    if (folder && !name.value) name.value = folder;
    upload(files);
  });
  one("#tray-form").addEventListener("submit", async (e) => {
    e.preventDefault();
    take.disabled = true;
    const answer = await post(`/capture/${id}/close`, new FormData(e.target));
    if (!answer.ok) { note(await problem(answer), true); take.disabled = false; return; }
    const told = await answer.json();
    const lines = told.taken.map((t) => {
      const line = document.createElement("p");
      line.append(t.words + " ");
      if (t.batch) { const way = document.createElement("a"); way.href = "/batches/" + t.batch; way.textContent = "Look at it"; line.append(way); }
      return line;
    });
    one("#taken").replaceChildren(...lines);
    e.target.reset();
    says.textContent = "The tray is empty again.";
    bar.hidden = true;
    fresh();
    watch();
    recent();
  });
  // What was taken in last, as it stands now.
  const recent = async () => {
    const answer = await fetch("/capture").catch(() => null);
    if (!answer || !answer.ok) return;
    const now = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("#recent");
    if (now) one("#recent").replaceWith(document.importNode(now, true));
  };
  let timer = 0;
  const watch = async () => {
    clearTimeout(timer);
    const answer = await fetch("/capture/progress", { headers: { "x-requested-by": "desk" } });
    if (!answer.ok) return;
    const { reading } = await answer.json();
    const place = one("#reading");
    if (!reading.length) { place.innerHTML = ""; const p = document.createElement("p"); p.className = "empty"; p.textContent = "Everything is read."; place.append(p); recent(); return; }
    place.replaceChildren(...reading.map((r) => {
      const row = document.createElement("div");
      row.className = "reading";
      const name = document.createElement("b");
      name.textContent = r.name;
      const progress = document.createElement("progress");
      progress.max = 100;
      progress.value = r.percent;
      const words = document.createElement("span");
      words.className = "hint";
      words.textContent = `${r.read} of ${r.documents}`;
      row.append(name, progress, words);
      return row;
    }));
    timer = setTimeout(watch, 700);
  };
  if (one("#reading .reading")) watch();
  // The scanner's folder, as it fills.
  const folder = one("#watched");
  if (folder) setInterval(async () => {
    if (document.hidden || folder.contains(document.activeElement)) return;
    const answer = await fetch("/capture/watched", { headers: { "x-requested-by": "desk" } }).catch(() => null);
    if (answer && answer.ok) folder.innerHTML = await answer.text();
  }, 2000);
}

document.addEventListener("DOMContentLoaded", () => {
  const part = one("#item");
  if (part) begin(part, ""); else remitViewer.prepare(document);
  if (one(".film")) filmDrag();
  if (one("#tray")) capture();
  all("[data-print]").forEach((button) => button.addEventListener("click", () => print()));
});
