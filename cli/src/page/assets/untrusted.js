// What a widget holds is anybody's text. These are the only ways from it to a style or a picture.

/** The widget's colour as a CSS colour, or why it is none. */
export function colour(value) {
  if (typeof value !== "string" || value.trim() === "") return {};
  const text = value.trim();
  // Only `background-color` and `color` take it, and a URL is a value of neither.
  if (!CSS.supports("background-color", text) || /url|image|attr|env/i.test(text)) {
    return { note: "is no colour that CSS knows" };
  }
  const isOfThePage = /^var\(/i.test(text);
  return { css: text, note: isOfThePage ? "is set by the page that embeds the widget" : undefined };
}

/** The widget's icon as a URL to load, or why it is none. */
export function icon(value) {
  if (typeof value !== "string" || value.trim() === "") return {};
  let url;
  try {
    url = new URL(value.trim());
  } catch {
    return { note: "is no absolute URL: only the page that embeds the widget finds it" };
  }
  const isLoadable = /^https?:$/.test(url.protocol) || /^data:image\//i.test(url.href);
  return isLoadable ? { url: url.href } : { note: `is not loaded: its scheme is ${url.protocol}` };
}

/** The text of a value, with a bound that no layout suffers from. */
export function text(value, most = 2000) {
  if (value === null || value === undefined) return "";
  const whole = typeof value === "string" ? value : JSON.stringify(value);
  return whole.length > most ? `${whole.slice(0, most)}…` : whole;
}
