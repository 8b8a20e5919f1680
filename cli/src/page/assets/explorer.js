// The explorer of one API: Swagger UI with the key, and with examples that exist.

import { DIALECTS, readStack } from "/page/api.js";
import { byId } from "/page/dom.js";
import { explorerSamples } from "/page/samples.js";

const dialect = location.pathname.split("/").at(-1);

for (const link of document.querySelectorAll("nav a")) {
  if (link.pathname === location.pathname) link.setAttribute("aria-current", "page");
}

const dark = matchMedia("(prefers-color-scheme: dark)");
const applyScheme = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", applyScheme);
applyScheme();

try {
  await explore();
} catch (error) {
  byId("note").textContent = `The explorer cannot start: ${error.message}`;
}

async function explore() {
  const stack = await readStack();
  const samples = await explorerSamples(dialect);
  const response = await fetch(stack.prefix + DIALECTS[dialect].openapi);
  const spec = withExamples(await response.json(), stack.prefix, samples);
  byId("title").textContent = spec.info.title;
  byId("summary").textContent = spec.info.summary;
  const ui = SwaggerUIBundle({
    spec,
    domNode: byId("explorer"),
    presets: [SwaggerUIBundle.presets.apis],
    // The page has a heading of its own, and all operations are on one server.
    plugins: [() => ({ components: { InfoContainer: () => null, ServersContainer: () => null } })],
    tryItOutEnabled: true,
    defaultModelsExpandDepth: 0,
    displayRequestDuration: true,
    validatorUrl: null,
    // The dialect's own way to send the key is the first of those that the document has.
    onComplete: () => ui.preauthorizeApiKey(Object.keys(spec.security[0])[0], stack.key),
  });
}

/** The document with ids of widgets that exist. */
function withExamples(spec, prefix, { use, remove }) {
  spec.servers = [{ url: prefix || "/" }];
  const { parameters } = spec.components;
  // A header that is optional is left out: the example of one fits no widget.
  for (const parameter of Object.values(parameters)) {
    if (parameter.in === "path") parameter.example = parameter.schema.examples[0];
    if (parameter.in === "header") delete parameter.schema.examples;
  }
  const widgetId = parameters.WidgetId ?? parameters.Id;
  widgetId.example = use;
  for (const path of Object.values(spec.paths)) {
    if (!path.delete) continue;
    path.delete.parameters = [...(path.delete.parameters ?? []), { ...widgetId, example: remove }];
  }
  // No page may choose the origin that its browser sends.
  delete parameters.Origin;
  for (const operation of Object.values(spec.paths).flatMap((path) => Object.values(path))) {
    const isSendable = (parameter) => parameter.$ref !== "#/components/parameters/Origin";
    if (operation.parameters) operation.parameters = operation.parameters.filter(isSendable);
  }
  return spec;
}
