// What a visitor sees of a widget, by its public parameters. What cannot be drawn is noted.

import { colour, icon, text } from "/page/untrusted.js";

const MOST_OF_A_LIST = 30;

/** The colours of the assistant dialect and the variables of preview.css that they become. */
const COLOURS = {
  header_color: "header",
  header_text_color: "header-text",
  bubble_color: "bubble",
  bot_message_color: "bot",
  bot_text_message_color: "bot-text",
  bot_icon_color: "bot-icon",
  user_message_color: "user",
  user_text_message_color: "user-text",
  ice_break_color: "opening",
  action_buttons_color: "action",
};

export function assistantLook(parameters) {
  const notes = [];
  const checked = (name, check) => {
    const { note, ...found } = check(parameters[name]);
    if (note) notes.push(`${name} “${text(parameters[name], 60)}” ${note}.`);
    return found;
  };
  const colours = Object.entries(COLOURS).map(([name, key]) => [key, checked(name, colour).css]);
  const type = parameters.widget_type;
  if (type !== null && type !== "chat") {
    notes.push(
      `A ${text(type)} widget opens its own channel: this is how its texts look in a chat.`,
    );
  }
  return {
    notes,
    colours: Object.fromEntries(colours.filter(([, css]) => css)),
    conversationIcon: checked("conversation_bot_icon", icon).url,
    bubbleIcon: checked("bubble_bot_icon", icon).url,
    title: text(parameters.display_name, 200) || "Chat",
    messages: [text(parameters.intro_message)].filter(Boolean),
    openings: list(parameters.user_opening_messages, notes, "user_opening_messages").map((it) =>
      text(it),
    ),
    actions: list(parameters.action_buttons, notes, "action_buttons").map(action),
    placeholder: text(parameters.textbox_default_text, 200) || "Write a message",
    bubbleText: text(parameters.bubble_text, 200),
    branding: parameters.remove_branding !== true,
  };
}

/** A pathway widget has nothing but its `config`, which means what its embed makes of it. */
export function pathwayLook({ config, messages_per_minute: rate }) {
  const members =
    config !== null && typeof config === "object" && !Array.isArray(config) ? config : {};
  const own = (name) => (typeof members[name] === "string" ? text(members[name], 200) : "");
  return {
    notes: [
      `The pathway or prompt leads the conversation, at most ${text(rate)} messages a minute.`,
      "config is free JSON. Of it, the preview draws theme, title, greeting and placeholder.",
    ],
    colours: {},
    isDark: members.theme === "dark",
    title: own("title") || own("name") || "Chat",
    messages: [own("greeting")].filter(Boolean),
    openings: [],
    actions: [],
    placeholder: own("placeholder") || "Write a message",
    bubbleText: "",
    branding: false,
  };
}

function list(value, notes, name) {
  const items = Array.isArray(value) ? value : [];
  const more = items.length - MOST_OF_A_LIST;
  if (more > 0) notes.push(`${name} has ${more} more than are drawn.`);
  return items.slice(0, MOST_OF_A_LIST);
}

/** An action button is any JSON; most have a member that names it. */
function action(value) {
  const names = ["label", "text", "title", "name"].map((key) => value?.[key]);
  const label = typeof value === "string" ? value : names.find((name) => typeof name === "string");
  return { label: text(label ?? value, 80), detail: text(value, 300) };
}
