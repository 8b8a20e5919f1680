// The icons that are drawn where a widget has none of its own.

const SVG = "http://www.w3.org/2000/svg";

const PATHS = {
  bot: "M11 3h2v3h4a3 3 0 0 1 3 3v8a3 3 0 0 1-3 3H7a3 3 0 0 1-3-3V9a3 3 0 0 1 3-3h4zM9 11.500a1.500 1.500 0 1 0 0 .1zM15 11.500a1.500 1.500 0 1 0 0 .1zM8 16h8v1.500H8z",
  chat: "M4 4h16a2 2 0 0 1 2 2v10a2 2 0 0 1-2 2h-8l-5 4v-4H4a2 2 0 0 1-2-2V6a2 2 0 0 1 2-2z",
  close:
    "M5 6.400 6.400 5 12 10.600 17.600 5 19 6.400 13.400 12l5.600 5.600-1.400 1.400L12 13.400 6.400 19 5 17.600 10.600 12z",
  send: "M3 20.500V14l9-2-9-2V3.500L22 12z",
};

export function drawn(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", PATHS[name]);
  path.setAttribute("fill-rule", "evenodd");
  svg.append(path);
  return svg;
}
