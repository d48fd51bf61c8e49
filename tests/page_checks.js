// What is wrong with a page as it stands on the screen: a list of sentences, empty for a page that is fine.
// An expression of one function, for `tests/browser.py`, which says what is looked for.
(() => {
  const found = [];
  const root = document.documentElement;
  // Not the window's: a telephone makes that as wide as what is in it.
  const width = root.clientWidth;
  const told = (text) => JSON.stringify(text.trim().replace(/\s+/g, " ").slice(0, 40));
  const named = (element) => {
    const kind = element.getAttribute("class");
    return `<${element.localName}${kind ? ` class="${kind}"` : ""}> ${told(element.textContent)}`;
  };
  const style = (element) => getComputedStyle(element);
  const scrolls = (element, way) => ["auto", "scroll"].includes(style(element)[way]);
  const cuts = (element, way) => ["hidden", "clip"].includes(style(element)[way]);
  const above = function* (element) {
    for (let one = element; one && one !== root; one = one.parentElement) yield one;
  };
  // For screen readers alone, or not there at all.
  const isUnseen = (element) => {
    if (!element.checkVisibility({ visibilityProperty: true, opacityProperty: true })) return true;
    for (const one of above(element)) {
      const { width: wide, height: high } = one.getBoundingClientRect();
      if (style(one).position === "absolute" && wide <= 1 && high <= 1 && cuts(one, "overflowX")) return true;
    }
    return false;
  };
  const scrollerOf = (element) => {
    for (const one of above(element)) if (one !== element && one !== document.body && scrolls(one, "overflowX")) return one;
    return null;
  };

  if (document.compatMode !== "CSS1Compat") found.push("no <!DOCTYPE html>: an old browser's layout");
  if (!document.title.trim()) found.push("no title");
  if (!root.lang) found.push("<html> without a language");
  if (root.scrollWidth > width) found.push(`${root.scrollWidth} pixels wide where the window has ${width}`);

  // Of what stands too far out, the outermost is told, and not all that is in it.
  const outer = new Set();
  const outside = (box, element, what) => {
    if (!box.width || !box.height || [...above(element)].some((one) => outer.has(one))) return;
    const before = found.length;
    place(box, element, what);
    if (found.length > before) outer.add(element);
  };
  const place = (box, element, what) => {
    const scroller = scrollerOf(element);
    if (scroller) {
      // What lies before a scrolling box's beginning cannot be scrolled to.
      const { left, right } = scroller.getBoundingClientRect();
      const isFromRight = style(scroller).direction === "rtl";
      const lost = isFromRight
        ? box.right + scroller.scrollLeft > right + 1 && box.right + scroller.scrollLeft - right
        : box.left + scroller.scrollLeft < left - 1 && left - box.left - scroller.scrollLeft;
      if (lost) found.push(`${what}: begins ${Math.round(lost)} pixels before the box that it scrolls in`);
    } else if (box.right > width + 1 || box.left < -1) {
      found.push(`${what}: from ${Math.round(box.left)} to ${Math.round(box.right)} pixels of ${width}`);
    }
    const drawing = element.closest("svg");
    if (drawing && drawing !== element) {
      const frame = drawing.getBoundingClientRect();
      const [x, y] = [Math.max(frame.left - box.left, box.right - frame.right), Math.max(frame.top - box.top, box.bottom - frame.bottom)];
      if (Math.max(x, y) > 1) found.push(`${what}: ${Math.round(Math.max(x, y))} pixels outside of its drawing`);
    }
  };

  // Colours as the screen has them, of every way to write them.
  const dot = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const colour = (name) => {
    dot.clearRect(0, 0, 1, 1);
    dot.fillStyle = name;
    dot.fillRect(0, 0, 1, 1);
    const [red, green, blue, alpha] = dot.getImageData(0, 0, 1, 1).data;
    return [red, green, blue, alpha / 255];
  };
  const over = (front, back) => [0, 1, 2].map((at) => front[at] * front[3] + back[at] * (1 - front[3])).concat(1);
  const luminance = ([...rgb]) => {
    const [red, green, blue] = rgb.map((value) => value / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const contrast = (one, other) => {
    const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  };
  const probe = document.body.appendChild(document.createElement("i"));
  probe.style.background = "Canvas";
  const canvas = colour(style(probe).backgroundColor);
  probe.remove();
  const seen = new Map();
  const backgroundOf = (element) => {
    if (!element) return canvas;
    if (!seen.has(element)) {
      const { backgroundColor, backgroundImage } = style(element);
      const behind = backgroundOf(element.parentElement);
      // Nothing is said of text before a picture.
      const isPicture = backgroundImage !== "none" || element.localName === "svg";
      seen.set(element, isPicture ? null : behind && over(colour(backgroundColor), behind));
    }
    return seen.get(element);
  };

  for (const element of document.body.querySelectorAll("*")) {
    if (isUnseen(element)) continue;
    outside(element.getBoundingClientRect(), element, named(element));
    for (const [way, whole, shown] of [["overflowX", "scrollWidth", "clientWidth"], ["overflowY", "scrollHeight", "clientHeight"]]) {
      if (cuts(element, way) && element[whole] > element[shown] + 1)
        found.push(`${named(element)}: ${element[shown]} of ${element[whole]} pixels are shown`);
    }
    const isScrolled = scrolls(element, "overflowX") && element.scrollWidth > element.clientWidth + 1;
    const inner = [...element.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex]")];
    if (isScrolled && element.tabIndex < 0 && !inner.some((one) => one.tabIndex >= 0))
      found.push(`${named(element)}: scrolls, and no key reaches it`);
    if (element.tabIndex > 0) found.push(`${named(element)}: tabindex ${element.tabIndex} jumps the queue`);
    if (element.localName === "img" && !(element.complete && element.naturalWidth)) found.push(`<img>: shows nothing`);
    if (element.localName === "img" && !element.hasAttribute("alt")) found.push("<img>: without a text in its place");
  }
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const [node, parent] = [texts.currentNode, texts.currentNode.parentElement];
    if (!node.data.trim() || ["SCRIPT", "STYLE", "TEMPLATE", "TITLE"].includes(parent.nodeName.toUpperCase()) || isUnseen(parent)) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    const box = range.getBoundingClientRect();
    outside(box, parent, `text ${told(node.data)}`);
    const { fontSize, fontWeight, color } = style(parent);
    const isDrawn = Boolean(parent.closest("svg"));
    const matrix = isDrawn ? parent.getScreenCTM() : null;
    const size = parseFloat(fontSize) * (matrix ? Math.hypot(matrix.a, matrix.b) : 1);
    if (box.height && size < 8) found.push(`text ${told(node.data)}: ${size.toFixed(1)} pixels high`);
    const back = isDrawn ? null : backgroundOf(parent);
    if (back) {
      const least = size >= 24 || (size >= 18.66 && fontWeight >= 700) ? 3 : 4.5;
      const ratio = contrast(over(colour(color), back), back);
      if (ratio < least) found.push(`text ${told(node.data)}: a contrast of ${ratio.toFixed(2)}, expected ${least}`);
    }
  }
  return [...new Set(found)];
})()
