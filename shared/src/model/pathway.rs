//! A widget of the pathway dialect (contract 1.2 and 1.4).

use serde_json::value::RawValue;
use url::{Host, Url};
use uuid::Uuid;

use super::{AllowedDomain, Origin};
use crate::{
    json::{self, JsonText, Kind},
    validation::{
        Checked, Fault, Fields, Part, Segment, Violation, anything, list, nullable, refused, text,
        uuid,
    },
};

/// What a client sets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// What leads the conversation.
    pub script: Script,
    /// The agent that speaks, where one is named.
    pub agent_id: Option<Uuid>,
    /// The pages that may embed the widget; none means any.
    pub allowed_domains: Vec<AllowedDomain>,
    /// How many messages a visitor may send in a minute.
    pub messages_per_minute: MessagesPerMinute,
    /// Free-form, never null.
    pub config: Config,
    /// Where finished conversations are posted.
    pub webhook_url: Option<WebhookUrl>,
}

impl Settings {
    /// The settings of a new widget, from the body of a create request.
    pub fn parse(body: &RawValue) -> Checked<Self> {
        let (changes, fields) =
            Changes::read(body, &["allowed_domains", "messages_per_minute", "config"], true)?;
        fields.finish(changes.into_settings())
    }

    /// The pages that may read what is public of the widget: all where none are named. A page without a host of its own
    /// (`None`: a sandboxed frame, a file) is on no list.
    pub fn allows(&self, origin: Option<&Origin>) -> bool {
        self.allowed_domains.is_empty()
            || origin.is_some_and(|origin| {
                self.allowed_domains.iter().any(|domain| domain.allows(origin))
            })
    }
}

/// What an update sets anew; what is `None` stays, and `Some(None)` clears.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "the fields are those of the settings, `script` as the two that it is made of"
)]
pub struct Changes {
    pub pathway_id: Option<Option<Uuid>>,
    pub agent_prompt: Option<Option<AgentPrompt>>,
    pub agent_id: Option<Option<Uuid>>,
    pub allowed_domains: Option<Vec<AllowedDomain>>,
    pub messages_per_minute: Option<MessagesPerMinute>,
    pub config: Option<Config>,
    pub webhook_url: Option<Option<WebhookUrl>>,
}

impl Changes {
    /// The changes that the body of an update makes: a field that is not named stays, an explicit null clears.
    pub fn parse(body: &RawValue) -> Checked<Self> {
        let (changes, fields) = Self::read(body, &[], false)?;
        fields.finish(Some(changes))
    }

    /// `is_new` is whether what the body does not name is not there.
    fn read<'a>(
        body: &'a RawValue,
        required: &'static [&'static str],
        is_new: bool,
    ) -> Checked<(Self, Fields<'a>)> {
        let mut fields = Fields::of(body, required)?;
        let pathway_id = fields.get("pathway_id", nullable(uuid));
        let agent_prompt = fields.get("agent_prompt", nullable(AgentPrompt::parse));
        let is_refused = fields.is_refused("pathway_id") || fields.is_refused("agent_prompt");
        let has_pathway = pathway_id.map_or(!is_new, |id| id.is_some());
        let has_prompt = agent_prompt.as_ref().map_or(!is_new, |prompt| prompt.is_some());
        if !is_refused && !has_pathway && !has_prompt {
            fields.report("pathway_id", Fault::MissingUnless("agent_prompt"));
        }
        let changes = Self {
            pathway_id,
            agent_prompt,
            allowed_domains: fields.get("allowed_domains", allowed_domains),
            messages_per_minute: fields.get("messages_per_minute", MessagesPerMinute::parse),
            config: fields.get("config", Config::parse),
            agent_id: fields.get("agent_id", nullable(uuid)),
            webhook_url: fields.get("webhook_url", nullable(WebhookUrl::parse)),
        };
        Ok((changes, fields))
    }

    /// The settings of a widget that has nothing but these; `None` where something is missing.
    fn into_settings(self) -> Option<Settings> {
        Some(Settings {
            script: Script::of(self.pathway_id.flatten(), self.agent_prompt.flatten())?,
            agent_id: self.agent_id.flatten(),
            allowed_domains: self.allowed_domains?,
            messages_per_minute: self.messages_per_minute?,
            config: self.config?,
            webhook_url: self.webhook_url.flatten(),
        })
    }

    /// The field that the changed widget must have kept, because these changes take away the one it could stand for; and
    /// what is wrong where it has not.
    pub fn relies_on(&self) -> Option<(&'static str, Violation)> {
        let (cleared, kept) = match (&self.pathway_id, &self.agent_prompt) {
            (Some(None), None) => ("pathway_id", "agent_prompt"),
            (None, Some(None)) => ("agent_prompt", "pathway_id"),
            _ => return None,
        };
        let (path, fault) = (vec![Segment::Field(cleared)], Fault::MissingUnless(kept));
        Some((kept, Violation { part: Part::Body, path, fault, input: RawValue::NULL.into() }))
    }
}

/// What leads a widget's conversation: a pathway, a prompt, or both, but never neither.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Script {
    /// `pathway_id` alone.
    Pathway(Uuid),
    /// `agent_prompt` alone.
    Prompt(AgentPrompt),
    /// Both, and both are kept.
    Both(Uuid, AgentPrompt),
}

impl Script {
    /// What the two fields make together; `None` where neither is set.
    pub fn of(pathway_id: Option<Uuid>, agent_prompt: Option<AgentPrompt>) -> Option<Self> {
        match (pathway_id, agent_prompt) {
            (Some(pathway_id), Some(agent_prompt)) => Some(Self::Both(pathway_id, agent_prompt)),
            (Some(pathway_id), None) => Some(Self::Pathway(pathway_id)),
            (None, Some(agent_prompt)) => Some(Self::Prompt(agent_prompt)),
            (None, None) => None,
        }
    }

    /// The pathway, where one is set.
    pub fn pathway_id(&self) -> Option<Uuid> {
        match self {
            Self::Pathway(pathway_id) | Self::Both(pathway_id, _) => Some(*pathway_id),
            Self::Prompt(_) => None,
        }
    }

    /// The prompt, where one is set.
    pub fn agent_prompt(&self) -> Option<&AgentPrompt> {
        match self {
            Self::Prompt(agent_prompt) | Self::Both(_, agent_prompt) => Some(agent_prompt),
            Self::Pathway(_) => None,
        }
    }
}

/// A prompt of 1 to [`AgentPrompt::MAX_CHARACTERS`] characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentPrompt(String);

impl AgentPrompt {
    /// The most characters (Unicode scalar values) a prompt may have.
    pub const MAX_CHARACTERS: usize = 32_768;

    fn parse(value: &RawValue) -> Checked<Self> {
        Self::new(text(value)?).map_err(|fault| refused(fault, value))
    }

    /// The prompt that `text` is.
    pub fn new(text: String) -> Result<Self, Fault> {
        if text.is_empty() {
            return Err(Fault::Empty);
        }
        if text.chars().count() > Self::MAX_CHARACTERS {
            return Err(Fault::TooLong(Self::MAX_CHARACTERS));
        }
        Ok(Self(text))
    }

    /// The prompt.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn allowed_domains(value: &RawValue) -> Checked<Vec<AllowedDomain>> {
    if let Some(entries) = json::elements(value)
        && entries.len() > AllowedDomain::MAX_ENTRIES
    {
        return Err(refused(Fault::TooMany(AllowedDomain::MAX_ENTRIES), value));
    }
    refuse_null(value)?;
    list(|entry| {
        let sent = text(entry)?;
        AllowedDomain::parse(sent.clone())
            .map_err(|reason| refused(Fault::InvalidDomain { entry: shown(&sent), reason }, entry))
    })(value)
}

/// An entry as a message shows it: enough to recognise it by.
fn shown(entry: &str) -> String {
    const SHOWN: usize = 80;
    match entry.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &entry[..end]),
        None => entry.to_owned(),
    }
}

fn refuse_null(value: &RawValue) -> Checked<()> {
    match json::kind(value) {
        Kind::Null => Err(refused(Fault::Null, value)),
        _ => Ok(()),
    }
}

/// A rate that is finite and at least 0, kept as the number text that came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessagesPerMinute(JsonText);

impl MessagesPerMinute {
    /// The rate that `value` is.
    pub fn parse(value: &RawValue) -> Checked<Self> {
        refuse_null(value)?;
        let number = number(value)?;
        if !number.is_finite() {
            return Err(refused(Fault::NotFinite, value));
        }
        if number < 0.0 {
            return Err(refused(Fault::Below(0), value));
        }
        Ok(Self(value.into()))
    }

    /// The number as JSON.
    pub fn as_json(&self) -> &JsonText {
        &self.0
    }
}

/// The double nearest to a JSON number.
fn number(value: &RawValue) -> Checked<f64> {
    match json::kind(value) {
        Kind::Number => value.get().parse().map_err(|_| refused(Fault::NotANumber, value)),
        _ => Err(refused(Fault::NotANumber, value)),
    }
}

/// Any JSON but null; where it is an object with a `timeoutSeconds`, that is a number above 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config(JsonText);

impl Config {
    /// The configuration that `value` is.
    pub fn parse(value: &RawValue) -> Checked<Self> {
        const TIMEOUT: &str = "timeoutSeconds";
        refuse_null(value)?;
        if let Some(timeout) = json::members(value).and_then(|members| members.get(TIMEOUT)) {
            let at_timeout = |violations: Vec<Violation>| -> Vec<Violation> {
                violations
                    .into_iter()
                    .map(|v| Violation { path: vec![Segment::Field(TIMEOUT)], ..v })
                    .collect()
            };
            if number(timeout).map_err(at_timeout)? <= 0.0 {
                return Err(at_timeout(refused(Fault::NotAbove(0), timeout)));
            }
        }
        anything(value).map(Self)
    }

    /// The configuration as JSON.
    pub fn as_json(&self) -> &JsonText {
        &self.0
    }
}

/// An absolute `https://` URL, or `http://` to this machine. Kept as sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookUrl(String);

impl WebhookUrl {
    fn parse(value: &RawValue) -> Checked<Self> {
        Self::new(text(value)?).map_err(|fault| refused(fault, value))
    }

    /// The URL that `text` is.
    pub fn new(text: String) -> Result<Self, Fault> {
        if is_webhook_url(&text) { Ok(Self(text)) } else { Err(Fault::InvalidWebhookUrl) }
    }

    /// The URL as sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_webhook_url(text: &str) -> bool {
    // The parser forgives what a caller of the URL may not: white space, control characters, too few or too many
    // slashes.
    let begins_with = |scheme: &str| {
        let start =
            text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme));
        start && !text[scheme.len()..].starts_with('/')
    };
    if text.contains(|c: char| c.is_whitespace() || c.is_control() || c == '\\') {
        return false;
    }
    let Ok(url) = Url::parse(text) else { return false };
    begins_with("https://") && url.host().is_some()
        || begins_with("http://") && is_this_machine(&url)
}

fn is_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::validation::PathText;

    const PATHWAY: &str = r#""pathway_id":"a0f0d4ed-f5f5-4f16-b3f9-22166594d7a7""#;

    fn told(body: &str) -> Vec<String> {
        match Settings::parse(json::document(body.as_bytes()).unwrap()) {
            Ok(_) => Vec::new(),
            Err(violations) => {
                violations.iter().map(|v| format!("{} {}", PathText(&v.path), v.fault)).collect()
            }
        }
    }

    /// What is said of a valid body in which one field has another value.
    fn told_of(name: &str, value: &str) -> Vec<String> {
        told(&format!(
            r#"{{{PATHWAY},"allowed_domains":[],"messages_per_minute":10,"config":{{}},"{name}":{value}}}"#
        ))
    }

    #[test]
    fn one_of_pathway_and_prompt_is_enough_and_both_are_kept() {
        let rest = r#""allowed_domains":[],"messages_per_minute":0,"config":1"#;
        let prompt = r#""agent_prompt":"Be kind.""#;
        let parse = |body: String| {
            Settings::parse(json::document(body.as_bytes()).unwrap()).unwrap().script
        };
        assert!(matches!(parse(format!("{{{PATHWAY},{rest}}}")), Script::Pathway(_)));
        assert!(matches!(
            parse(format!(r#"{{"pathway_id":null,{prompt},{rest}}}"#)),
            Script::Prompt(_)
        ));
        assert!(matches!(parse(format!("{{{PATHWAY},{prompt},{rest}}}")), Script::Both(..)));
        for neither in ["", r#""pathway_id":null,"agent_prompt":null,"#] {
            let told = told(&format!("{{{neither}{rest}}}"));
            assert_eq!(told, ["pathway_id is required unless agent_prompt is given"]);
        }
        let told = told(&format!(r#"{{"pathway_id":"x",{rest}}}"#));
        assert_eq!(told, ["pathway_id must be a UUID: invalid character: found `x` at 0"]);
    }

    #[test]
    fn an_update_may_clear_one_of_pathway_and_prompt_if_the_other_stays() {
        let changes = |body: &str| Changes::parse(json::document(body.as_bytes()).unwrap());
        let relies_on = |body: &str| changes(body).unwrap().relies_on().map(|(field, _)| field);
        assert_eq!(changes("{}").unwrap(), Changes::default());
        assert_eq!(relies_on("{}"), None);
        assert_eq!(relies_on(r#"{"pathway_id":null}"#), Some("agent_prompt"));
        assert_eq!(relies_on(r#"{"agent_prompt":null,"config":1}"#), Some("pathway_id"));
        assert_eq!(relies_on(r#"{"pathway_id":null,"agent_prompt":"Be kind."}"#), None);
        assert_eq!(relies_on(&format!(r#"{{{PATHWAY},"agent_prompt":null}}"#)), None);
        let violations =
            changes(r#"{"pathway_id":null,"agent_prompt":null,"allowed_domains":null}"#)
                .unwrap_err();
        let faults: Vec<&Fault> = violations.iter().map(|violation| &violation.fault).collect();
        assert_eq!(faults, [&Fault::MissingUnless("agent_prompt"), &Fault::Null]);
    }

    #[test]
    fn everything_wrong_is_told_at_once() {
        assert_eq!(
            told(
                r#"{"allowed_domains":["ok.com","http://x",5],"messages_per_minute":-1,"config":null,"agent_id":1,"webhook_url":"http://example.com"}"#
            ),
            [
                "pathway_id is required unless agent_prompt is given",
                r#"allowed_domains[1] "http://x" must be a host name without a scheme"#,
                "allowed_domains[2] must be a string",
                "messages_per_minute must be at least 0",
                "config must not be null",
                "agent_id must be a UUID",
                "webhook_url must be an absolute https:// URL, or http:// to localhost",
            ]
        );
    }

    #[test]
    fn rates_are_numbers_from_0_up() {
        for rate in ["0", "-0", "1.0", "1e3", "0.5", "12345678901234567890", "1e-400"] {
            assert!(told_of("messages_per_minute", rate).is_empty(), "{rate}");
        }
        for (rate, fault) in [
            ("-0.1", "must be at least 0"),
            ("1e999", "must be a finite number"),
            ("-1e999", "must be a finite number"),
            (r#""10""#, "must be a number"),
            ("true", "must be a number"),
            ("null", "must not be null"),
        ] {
            assert_eq!(
                told_of("messages_per_minute", rate),
                [format!("messages_per_minute {fault}")]
            );
        }
    }

    #[test]
    fn config_is_any_json_but_null_with_a_sensible_timeout() {
        for config in [
            r#""<any>""#,
            "0",
            "[]",
            "false",
            r#"{"timeoutSeconds":0.5}"#,
            r#"[{"timeoutSeconds":0}]"#,
        ] {
            assert!(told_of("config", config).is_empty(), "{config}");
        }
        for timeout in ["0", "-1", "1e-999"] {
            let told = told_of("config", &format!(r#"{{"timeoutSeconds":{timeout}}}"#));
            assert_eq!(told, ["config.timeoutSeconds must be above 0"]);
        }
        for timeout in ["null", r#""60""#, "[]"] {
            let told = told_of("config", &format!(r#"{{"timeoutSeconds":{timeout}}}"#));
            assert_eq!(told, ["config.timeoutSeconds must be a number"]);
        }
        assert!(told_of("config", r#"{"timeoutSeconds":0,"timeoutSeconds":60}"#).is_empty());
    }

    #[test]
    fn prompts_have_1_to_32768_characters() {
        let prompt = |characters: usize| format!("{:?}", "é".repeat(characters));
        assert!(told_of("agent_prompt", &prompt(32_768)).is_empty());
        assert_eq!(
            told_of("agent_prompt", &prompt(32_769)),
            ["agent_prompt must have at most 32768 characters"]
        );
        assert_eq!(told_of("agent_prompt", r#""""#), ["agent_prompt must not be empty"]);
        assert_eq!(told_of("agent_prompt", "7"), ["agent_prompt must be a string"]);
    }

    #[test]
    fn domains_are_at_most_100_and_long_ones_are_told_shortened() {
        let domains = |entries: usize| format!("[{}]", vec![r#""a.com""#; entries].join(","));
        assert!(told_of("allowed_domains", &domains(100)).is_empty());
        assert_eq!(
            told_of("allowed_domains", &domains(101)),
            ["allowed_domains must have at most 100 entries"]
        );
        assert_eq!(told_of("allowed_domains", "null"), ["allowed_domains must not be null"]);
        assert_eq!(told_of("allowed_domains", r#""a.com""#), ["allowed_domains must be an array"]);
        let long = told_of("allowed_domains", &format!("[{:?}]", "é".repeat(1000)));
        assert!(long[0].contains('…') && long[0].len() < 400, "{}", long[0]);
    }

    #[test]
    fn webhooks_go_over_https_or_stay_on_this_machine() {
        for url in [
            "https://example.com/hook?x=1",
            "HTTPS://example.com",
            "https://user:pass@example.com:8443/",
            "http://localhost:3000/hook",
            "http://127.0.0.1/",
            "http://[::1]:8080/",
        ] {
            assert!(told_of("webhook_url", &format!("{url:?}")).is_empty(), "{url}");
        }
        for url in [
            "",
            "example.com",
            "//example.com/hook",
            "https:example.com",
            "https://",
            "https:///hook",
            " https://example.com",
            "https://exa mple.com",
            "http://example.com",
            "http://localhost.example.com",
            "ftp://localhost",
            "javascript:alert(1)",
        ] {
            assert_eq!(told_of("webhook_url", &format!("{url:?}")).len(), 1, "{url}");
        }
        assert_eq!(told_of("webhook_url", "1"), ["webhook_url must be a string"]);
    }
}
