// What a visitor sees of a widget, by its public parameters. What cannot be drawn is noted.

import { colour, icon, text } from "/page/untrusted.js";

const MOST_OF_A_LIST = 30;

/** The colours of a widget and the variables of preview.css that they become. */
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
  const type = parameters.widget_type;
  const notes = [];
  if (type !== null && type !== "chat") {
    notes.push(
      `A ${text(type)} widget opens its own channel: this is how its texts look in a chat.`,
    );
  }
  return { ...drawable(parameters, notes), branding: parameters.remove_branding !== true };
}

/** A pathway widget's `config` is its owner's own JSON: here it has the assistant's members. */
export function pathwayLook({ config, messages_per_minute: rate }) {
  const notes = [
    `The pathway or prompt leads the conversation, at most ${text(rate)} messages a minute.`,
    "config is free JSON. Of it, the preview draws theme, and what an assistant widget has, " +
      "such as display_name and bubble_color.",
  ];
  return { ...drawable(config, notes), isDark: config.theme === "dark", branding: false };
}

/** What the members of the assistant dialect make of a widget, in either dialect. */
function drawable(members, notes) {
  const own = (name, most) => (typeof members[name] === "string" ? text(members[name], most) : "");
  const checked = (name, check) => {
    const { note, ...found } = check(members[name]);
    if (note) notes.push(`${name} “${text(members[name], 60)}” ${note}.`);
    return found;
  };
  const colours = Object.entries(COLOURS).map(([name, key]) => [key, checked(name, colour).css]);
  return {
    notes,
    colours: Object.fromEntries(colours.filter(([, css]) => css)),
    conversationIcon: checked("conversation_bot_icon", icon).url,
    bubbleIcon: checked("bubble_bot_icon", icon).url,
    title: own("display_name", 200) || "Chat",
    messages: [own("intro_message")].filter(Boolean),
    openings: list(members.user_opening_messages, notes, "user_opening_messages")
      .filter((it) => typeof it === "string")
      .map((it) => text(it)),
    actions: list(members.action_buttons, notes, "action_buttons").map(action),
    placeholder: own("textbox_default_text", 200) || "Write a message",
    bubbleText: own("bubble_text", 200),
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
