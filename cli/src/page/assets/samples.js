// Widgets to begin with.

import { create, DIALECTS } from "/page/api.js";

const ASSISTANT = {
  widget_type: "chat",
  display_name: "Bookshop",
  intro_message: "Hello! Looking for a book, or for an order?",
  user_opening_messages: ["Where is my order?", "Recommend me a novel"],
  action_buttons: [{ label: "Opening hours" }, { label: "Call the shop" }],
  header_color: "#0b6b5d",
  header_text_color: "#ffffff",
  bubble_color: "#0b6b5d",
  bubble_text: "Ask the bookshop",
  bot_icon_color: "#c8efe6",
  bot_message_color: "#eef3f1",
  bot_text_message_color: "#1c2b28",
  user_message_color: "#0b6b5d",
  user_text_message_color: "#ffffff",
  ice_break_color: "#dff1ec",
  action_buttons_color: "#f4d58d",
  textbox_default_text: "Ask about a book",
  remove_branding: true,
};

const PATHWAY = {
  agent_prompt: "You are the support agent of a bookshop. Be brief and kind.",
  allowed_domains: [],
  messages_per_minute: 10,
  config: {
    theme: "light",
    display_name: "Bookshop",
    intro_message: "Hello! Looking for a book, or for an order?",
    user_opening_messages: ["Where is my order?", "Recommend me a novel"],
    header_color: "#0b6b5d",
    bubble_color: "#0b6b5d",
    bubble_text: "Ask the bookshop",
    user_message_color: "#0b6b5d",
    textbox_default_text: "Ask about a book",
  },
};

/** Creates a widget to look at. */
export const createSample = (dialect) =>
  create(dialect, dialect === "assistant" ? ASSISTANT : PATHWAY);

/** What the explorer's widgets are known by: a name, or a member of `config`. */
const PURPOSES = { use: "Sample of the explorer", remove: "Sample of the explorer, to delete" };

/** Returns the ids of the widgets that the explorer's examples use, and creates those that lack. */
export async function explorerSamples(dialect) {
  const { widgets } = await DIALECTS[dialect].page(0);
  const ids = {};
  for (const [purpose, name] of Object.entries(PURPOSES)) {
    const known = widgets.find((widget) => nameOf(dialect, widget) === name);
    ids[purpose] = (known ?? (await create(dialect, named(dialect, name)))).id;
  }
  return ids;
}

const nameOf = (dialect, widget) =>
  dialect === "assistant" ? widget.name : widget.config.display_name;

const named = (dialect, name) =>
  dialect === "assistant"
    ? { ...ASSISTANT, name }
    : { ...PATHWAY, config: { ...PATHWAY.config, display_name: name } };
