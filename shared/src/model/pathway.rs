//! The settings of a widget of the pathway dialect.

use serde::Serialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::allowed_domain::{AllowedDomain, Origin};
use super::fields::settings;
use super::ids::AccountId;
use super::text::Text;
use super::webhook_url::WebhookUrl;
use super::widget::WidgetSettings;
use crate::validation::json::{JsonText, JsonType};
use crate::validation::rules::{list, not_null, nullable, number, require, text, uuid};
use crate::validation::{
    Fields, Location, Validated, Violation, ViolationKind, json, prefix_path, shorten, violation,
};

/// Passes the dialect's list of fields to the macro `$with`: name, type, rule, when a body must
/// name the field, and who may read it. The violations of a body are reported in this order.
#[macro_export]
macro_rules! pathway_fields {
    ($with:ident) => {
        $with! {
            pathway_id: Option<Uuid>, nullable(uuid), Never, Private;
            agent_prompt: Option<AgentPrompt>, nullable(AgentPrompt::parse), Never, Private;
            allowed_domains: Vec<AllowedDomain>, allowed_domains, OnCreate, Private;
            messages_per_minute: MessagesPerMinute, MessagesPerMinute::parse, OnCreate, Public;
            config: JsonText, config, OnCreate, Public;
            agent_id: Option<Uuid>, nullable(uuid), Never, Private;
            webhook_url: Option<WebhookUrl>, nullable(WebhookUrl::parse), Never, Private;
        }
    };
}

crate::pathway_fields!(settings);

/// What leads the conversation where no pathway does.
pub type AgentPrompt = Text<1, 32_768>;

const PATHWAY_ID: &str = "pathway_id";
const AGENT_PROMPT: &str = "agent_prompt";

impl WidgetSettings for Settings {
    type Changes = Changes;

    const DIALECT: &'static str = "pathway";

    fn parse(body: &RawValue, _: AccountId) -> Validated<Self> {
        let (fields, changes) = read(body, true)?;
        fields.finish(changes.into_settings())
    }

    fn parse_changes(body: &RawValue) -> Validated<Changes> {
        let (fields, changes) = read(body, false)?;
        fields.finish(Some(changes))
    }

    /// A widget needs `pathway_id` or `agent_prompt`.
    fn required_field(changes: &Changes) -> Option<(&'static str, Vec<Violation>)> {
        let (cleared, kept) = match (&changes.pathway_id, &changes.agent_prompt) {
            (Some(None), None) => (PATHWAY_ID, AGENT_PROMPT),
            (None, Some(None)) => (AGENT_PROMPT, PATHWAY_ID),
            _ => return None,
        };
        let violations = violation(ViolationKind::MissingUnless(kept), RawValue::NULL);
        Some((kept, prefix_path(Location::Field(cleared), violations)))
    }

    fn missing_field(&self) -> Option<&'static str> {
        let is_missing = self.pathway_id.is_none() && self.agent_prompt.is_none();
        is_missing.then_some("pathway_id or agent_prompt")
    }
}

/// Reads a body, which must leave the widget a pathway, a prompt, or both. A field that an update
/// does not name may be there already ([`WidgetSettings::required_field`]).
fn read(body: &RawValue, is_create: bool) -> Validated<(Fields<'_>, Changes)> {
    let mut fields = Fields::open(body)?;
    let may_be_set = |name| match fields.value(name) {
        Some(value) => json::type_of(value) != JsonType::Null,
        None => !is_create,
    };
    if !may_be_set(PATHWAY_ID) && !may_be_set(AGENT_PROMPT) {
        fields.report(PATHWAY_ID, ViolationKind::MissingUnless(AGENT_PROMPT));
    }
    let changes = Changes::read(&mut fields, is_create);
    Ok((fields, changes))
}

impl Settings {
    /// Returns whether a page at `origin` may read the widget's public fields. Every page may if
    /// the widget names no domains. A page without a host of its own (`None`: a sandboxed frame, a
    /// file) is on no list.
    pub fn allows(&self, origin: Option<&Origin>) -> bool {
        self.allowed_domains.is_empty()
            || origin.is_some_and(|origin| self.allowed_domains.iter().any(|it| it.allows(origin)))
    }
}

fn allowed_domains(value: &RawValue) -> Validated<Vec<AllowedDomain>> {
    const MAX_ENTRIES: usize = 100;
    if json::elements(value).is_some_and(|entries| entries.len() > MAX_ENTRIES) {
        return Err(violation(ViolationKind::TooMany(MAX_ENTRIES), value));
    }
    not_null(value)?;
    list(|entry| {
        let sent = text(entry)?;
        AllowedDomain::parse(sent.clone()).map_err(|reason| {
            violation(ViolationKind::InvalidDomain { entry: shorten(&sent, 80), reason }, entry)
        })
    })(value)
}

/// How many messages a visitor may send in a minute: finite, at least 0, kept as the text that came
/// in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct MessagesPerMinute(JsonText);

impl MessagesPerMinute {
    /// Parses a JSON number.
    pub fn parse(value: &RawValue) -> Validated<Self> {
        not_null(value)?;
        let number = number(value)?;
        require(number.is_finite(), ViolationKind::NotFinite, value)?;
        require(number >= 0.0, ViolationKind::Below(0), value)?;
        Ok(Self(value.into()))
    }

    /// Returns the number as JSON.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

/// Accepts any JSON but null. If it is an object with `timeoutSeconds`, that is a number above 0.
fn config(value: &RawValue) -> Validated<JsonText> {
    const TIMEOUT: &str = "timeoutSeconds";
    not_null(value)?;
    if let Some(timeout) = json::members(value).and_then(|members| members.get(TIMEOUT)) {
        number(timeout)
            .and_then(|it| require(it > 0.0, ViolationKind::NotAbove(0), timeout))
            .map_err(|violations| prefix_path(Location::Field(TIMEOUT), violations))?;
    }
    Ok(value.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::validation::PathDisplay;

    const PATHWAY: &str = r#""pathway_id":"a0f0d4ed-f5f5-4f16-b3f9-22166594d7a7""#;

    fn parse(body: &str) -> Validated<Settings> {
        let account = AccountId(Uuid::nil());
        Settings::parse(json::document(body.as_bytes()).unwrap(), account)
    }

    /// Returns the violations of a body, in words.
    fn violations(body: &str) -> Vec<String> {
        match parse(body) {
            Ok(_) => Vec::new(),
            Err(violations) => violations
                .iter()
                .map(|v| format!("{} {}", PathDisplay { path: &v.path, root: "body" }, v.kind))
                .collect(),
        }
    }

    /// Returns the violations of a valid body in which one field has another value.
    fn violations_of(name: &str, value: &str) -> Vec<String> {
        violations(&format!(
            r#"{{{PATHWAY},"allowed_domains":[],"messages_per_minute":10,"config":{{}},"{name}":{value}}}"#
        ))
    }

    #[test]
    fn pathway_or_prompt_is_required_and_both_are_kept() {
        let rest = r#""allowed_domains":[],"messages_per_minute":0,"config":1"#;
        let prompt = r#""agent_prompt":"Be kind.""#;
        let is_set = |body: String| {
            let settings = parse(&body).unwrap();
            (settings.pathway_id.is_some(), settings.agent_prompt.is_some())
        };
        assert_eq!(is_set(format!("{{{PATHWAY},{rest}}}")), (true, false));
        assert_eq!(is_set(format!(r#"{{"pathway_id":null,{prompt},{rest}}}"#)), (false, true));
        assert_eq!(is_set(format!("{{{PATHWAY},{prompt},{rest}}}")), (true, true));
        for neither in ["", r#""pathway_id":null,"agent_prompt":null,"#] {
            let violations = violations(&format!("{{{neither}{rest}}}"));
            assert_eq!(violations, ["pathway_id is required unless agent_prompt is given"]);
        }
        let violations = violations(&format!(r#"{{"pathway_id":"x",{rest}}}"#));
        assert_eq!(violations, ["pathway_id must be a UUID: invalid character: found `x` at 0"]);
    }

    #[test]
    fn update_may_clear_pathway_or_prompt_if_the_other_stays() {
        let changes =
            |body: &str| Settings::parse_changes(json::document(body.as_bytes()).unwrap());
        let required =
            |body: &str| Settings::required_field(&changes(body).unwrap()).map(|(field, _)| field);
        assert_eq!(changes("{}").unwrap(), Changes::default());
        assert_eq!(required("{}"), None);
        assert_eq!(required(r#"{"pathway_id":null}"#), Some("agent_prompt"));
        assert_eq!(required(r#"{"agent_prompt":null,"config":1}"#), Some("pathway_id"));
        assert_eq!(required(r#"{"pathway_id":null,"agent_prompt":"Be kind."}"#), None);
        assert_eq!(required(&format!(r#"{{{PATHWAY},"agent_prompt":null}}"#)), None);
        let violations =
            changes(r#"{"pathway_id":null,"agent_prompt":null,"allowed_domains":null}"#)
                .unwrap_err();
        let kinds: Vec<&ViolationKind> =
            violations.iter().map(|violation| &violation.kind).collect();
        assert_eq!(kinds, [&ViolationKind::MissingUnless("agent_prompt"), &ViolationKind::Null]);
    }

    #[test]
    fn all_violations_are_reported_at_once() {
        assert_eq!(
            violations(
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
    fn rate_is_a_finite_number_from_0_up() {
        for rate in ["0", "-0", "1.0", "1e3", "0.5", "12345678901234567890", "1e-400"] {
            assert!(violations_of("messages_per_minute", rate).is_empty(), "{rate}");
        }
        for (rate, violation) in [
            ("-0.1", "must be at least 0"),
            ("1e999", "must be a finite number"),
            ("-1e999", "must be a finite number"),
            (r#""10""#, "must be a number"),
            ("true", "must be a number"),
            ("null", "must not be null"),
        ] {
            assert_eq!(
                violations_of("messages_per_minute", rate),
                [format!("messages_per_minute {violation}")]
            );
        }
    }

    #[test]
    fn config_is_any_json_but_null_with_a_positive_timeout() {
        for config in [
            r#""<any>""#,
            "0",
            "[]",
            "false",
            r#"{"timeoutSeconds":0.5}"#,
            r#"[{"timeoutSeconds":0}]"#,
        ] {
            assert!(violations_of("config", config).is_empty(), "{config}");
        }
        for timeout in ["0", "-1", "1e-999"] {
            let violations = violations_of("config", &format!(r#"{{"timeoutSeconds":{timeout}}}"#));
            assert_eq!(violations, ["config.timeoutSeconds must be above 0"]);
        }
        for timeout in ["null", r#""60""#, "[]"] {
            let violations = violations_of("config", &format!(r#"{{"timeoutSeconds":{timeout}}}"#));
            assert_eq!(violations, ["config.timeoutSeconds must be a number"]);
        }
        assert!(violations_of("config", r#"{"timeoutSeconds":0,"timeoutSeconds":60}"#).is_empty());
    }

    #[test]
    fn prompt_has_1_to_32768_characters() {
        let prompt = |characters: usize| format!("{:?}", "é".repeat(characters));
        assert!(violations_of("agent_prompt", &prompt(32_768)).is_empty());
        assert_eq!(
            violations_of("agent_prompt", &prompt(32_769)),
            ["agent_prompt must have at most 32768 characters"]
        );
        assert_eq!(violations_of("agent_prompt", r#""""#), ["agent_prompt must not be empty"]);
        assert_eq!(violations_of("agent_prompt", "7"), ["agent_prompt must be a string"]);
    }

    #[test]
    fn at_most_100_domains_and_long_ones_are_shortened_in_messages() {
        let domains = |entries: usize| format!("[{}]", vec![r#""a.com""#; entries].join(","));
        assert!(violations_of("allowed_domains", &domains(100)).is_empty());
        assert_eq!(
            violations_of("allowed_domains", &domains(101)),
            ["allowed_domains must have at most 100 entries"]
        );
        assert_eq!(violations_of("allowed_domains", "null"), ["allowed_domains must not be null"]);
        assert_eq!(
            violations_of("allowed_domains", r#""a.com""#),
            ["allowed_domains must be an array"]
        );
        let long = violations_of("allowed_domains", &format!("[{:?}]", "é".repeat(1000)));
        assert!(long[0].contains('…') && long[0].len() < 400, "{}", long[0]);
    }

    #[test]
    fn webhook_is_https_or_on_this_machine() {
        for url in [
            "https://example.com/hook?x=1",
            "HTTPS://example.com",
            "https://user:pass@example.com:8443/",
            "http://localhost:3000/hook",
            "http://127.0.0.1/",
            "http://[::1]:8080/",
        ] {
            assert!(violations_of("webhook_url", &format!("{url:?}")).is_empty(), "{url}");
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
            assert_eq!(violations_of("webhook_url", &format!("{url:?}")).len(), 1, "{url}");
        }
        assert_eq!(violations_of("webhook_url", "1"), ["webhook_url must be a string"]);
    }
}
