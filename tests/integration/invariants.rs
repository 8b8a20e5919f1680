//! Checks the invariants of `tests/invariants` with mutated fuzzing seeds (`fuzz/seeds`) and with
//! random JSON.

use std::{fmt::Debug, fs, path::Path};

use invariants::{
    allowed_domain, api_key, assistant_body, cursor, event, json_text, pathway_body, preconditions,
};
use proptest::{
    collection::vec,
    prelude::*,
    sample::select,
    test_runner::{Config, TestRunner},
};
use shared::validation::json;

use crate::{bodies, support::app::rounds};

/// What makes an input another one, beside any bytes: what its grammar is made of, and what it has
/// no place for.
const TOKENS: &str = r#"{ } [ ] " : , \ \u00e9 \ud83d \ude00 é null true -0 1.0 1e999 99999999999999999999 "" {} []
    * . / %2D & = api_key= Bearer W/ 0x1 xn--"#;

/// A few bytes in the place of others.
#[derive(Debug, Clone)]
struct Edit {
    /// From 0, the start, to 1, the end.
    place: f64,
    removed: usize,
    inserted: Vec<u8>,
}

impl Edit {
    fn any() -> impl Strategy<Value = Self> {
        let tokens: Vec<&str> = TOKENS.split_whitespace().collect();
        let inserted = prop_oneof![
            select(tokens).prop_map(|token| token.as_bytes().to_vec()),
            vec(any::<u8>(), 0..3)
        ];
        (0.0..=1.0, 0..8_usize, inserted).prop_map(|(place, removed, inserted)| Self {
            place,
            removed,
            inserted,
        })
    }

    fn apply(&self, input: &mut Vec<u8>) {
        let start = (self.place * input.len() as f64) as usize;
        let end = (start + self.removed).min(input.len());
        input.splice(start..end, self.inserted.iter().copied());
    }
}

/// The inputs that the fuzzer `target` begins with.
fn seeds(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/seeds").join(target);
    fs::read_dir(folder).unwrap().map(|entry| fs::read(entry.unwrap().path()).unwrap()).collect()
}

/// Whether `invariant` holds for the seeds of `target` and for what is like them.
fn holds_around_seeds(invariant: fn(&[u8]), target: &str) {
    seeds(target).iter().for_each(|seed| invariant(seed));
    let inputs = (select(seeds(target)), vec(Edit::any(), 0..6)).prop_map(|(mut input, edits)| {
        edits.iter().for_each(|edit| edit.apply(&mut input));
        input
    });
    holds(invariant, inputs);
}

fn holds(invariant: fn(&[u8]), inputs: impl Strategy<Value = impl AsRef<[u8]> + Debug>) {
    let cases = rounds(2000).try_into().unwrap();
    let mut runner =
        TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    runner
        .run(&inputs, |input| {
            invariant(input.as_ref());
            Ok(())
        })
        .unwrap();
}

/// Bodies of any values in the fields that the seeds of `target` have.
fn bodies_of_any_values(target: &str) -> impl Strategy<Value = String> {
    let names = |seed: &Vec<u8>| -> Vec<String> {
        let members = json::members(json::document(seed).unwrap()).unwrap();
        members.names().map(str::to_owned).collect()
    };
    let names: Vec<String> = seeds(target).iter().flat_map(names).collect();
    vec((select(names), bodies::json_text()), 0..8).prop_map(|members| {
        let members: Vec<String> =
            members.iter().map(|(name, value)| format!("{name:?}:{value}")).collect();
        format!("{{{}}}", members.join(","))
    })
}

#[test]
fn payload_parses_as_at_most_one_kind_within_its_bounds() {
    holds_around_seeds(event, "event");
    // By each of these some kind of payload is told.
    const MARKS: [&str; 5] = [
        r#"{"operation":"read","#,
        r#"{"Records":[],"#,
        r#"{"detail-type":"x","#,
        r#"{"requestContext":{"http":{"method":"GET"}},"#,
        r#"{"version":"2.0","#,
    ];
    let with_marks = |(seed, mark): (Vec<u8>, &str)| {
        [mark.as_bytes(), seed.strip_prefix(b"{").unwrap()].concat()
    };
    holds(event, (select(seeds("event")), select(&MARKS[..])).prop_map(with_marks));
}

#[test]
fn json_reader_agrees_with_serde_json() {
    holds_around_seeds(json_text, "json_text");
    holds(json_text, bodies::json_text());
}

#[test]
fn assistant_body_round_trips_or_is_rejected_with_an_explanation() {
    holds_around_seeds(assistant_body, "assistant_body");
    holds(assistant_body, bodies_of_any_values("assistant_body"));
}

#[test]
fn pathway_body_round_trips_or_is_rejected_with_an_explanation() {
    holds_around_seeds(pathway_body, "pathway_body");
    holds(pathway_body, bodies_of_any_values("pathway_body"));
}

#[test]
fn cursor_is_valid_only_for_the_account_it_was_written_for() {
    holds_around_seeds(cursor, "cursor");
    holds(cursor, any::<[u8; 16]>());
}

#[test]
fn extracted_api_key_is_the_only_one_the_request_presents() {
    holds_around_seeds(api_key, "api_key");
}

#[test]
fn preconditions_mean_the_same_to_reads_and_writes() {
    holds_around_seeds(preconditions, "preconditions");
}

#[test]
fn allowed_domain_allows_pages_on_its_own_host() {
    holds_around_seeds(allowed_domain, "allowed_domain");
}
