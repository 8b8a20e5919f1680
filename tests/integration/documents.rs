//! The documents match the code: field tables, alarms, links.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;
use widgets::local::binaries;

use crate::support::{
    dialect::DIALECTS,
    expanded::{EVERYTHING, Stack},
    openapi::OpenApi,
};

fn read(path: &str) -> String {
    fs::read_to_string(binaries::workspace().join(path)).unwrap()
}

/// Returns the Markdown documents: those at the top level, and all in `docs` and `examples`.
fn documents() -> Vec<PathBuf> {
    let root = binaries::workspace();
    let mut found = files(root);
    let mut folders = vec![root.join("docs"), root.join("examples")];
    while let Some(folder) = folders.pop() {
        found.extend(files(&folder));
        // What npm installs has documents of its own.
        let is_ours = |path: &PathBuf| path.is_dir() && !path.ends_with("node_modules");
        folders.extend(entries(&folder).filter(is_ours));
    }
    found.retain(|path| path.extension().is_some_and(|it| it == "md"));
    found
}

fn entries(folder: &Path) -> impl Iterator<Item = PathBuf> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path())
}

fn files(folder: &Path) -> Vec<PathBuf> {
    entries(folder).filter(|path| path.is_file()).collect()
}

/// Returns the lines of a document outside its code blocks.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut is_code = false;
    text.lines().filter(move |line| {
        let is_fence = line.starts_with("```");
        is_code ^= is_fence;
        !is_code && !is_fence
    })
}

/// Returns the anchors of a document's headings, as GitHub makes them.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = prose(text).filter(|line| line.starts_with('#'));
    let titles = headings.map(|line| line.trim_start_matches('#').trim().to_lowercase());
    let kept = |c: &char| c.is_alphanumeric() || *c == '-' || *c == '_' || *c == ' ';
    titles.map(|title| title.chars().filter(kept).collect::<String>().replace(' ', "-")).collect()
}

/// Returns the targets of a document's links and pictures.
fn links(text: &str) -> Vec<String> {
    let inline = |line: &str| -> Vec<String> {
        let targets = line.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        targets.map(ToOwned::to_owned).collect()
    };
    let reference = |line: &str| {
        let (_, target) = line.strip_prefix('[')?.split_once("]: ")?;
        Some(target.to_owned())
    };
    prose(text).flat_map(|line| inline(line).into_iter().chain(reference(line))).collect()
}

#[test]
fn every_link_leads_to_a_file_and_a_heading() {
    let mut count = 0;
    let mut broken = Vec::new();
    for document in documents() {
        let text = fs::read_to_string(&document).unwrap();
        for link in links(&text).into_iter().filter(|it| !it.contains("://")) {
            count += 1;
            let (file, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let target = document.parent().unwrap().join(file);
            let target = if file.is_empty() { &document } else { &target };
            let is_found = target.exists()
                && (anchor.is_empty()
                    || anchors(&fs::read_to_string(target).unwrap()).contains(anchor));
            if !is_found {
                broken.push(format!("{}: {link}", document.display()));
            }
        }
    }
    assert!(count > 100, "the test no longer finds links: {count}");
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn every_alarm_has_a_section_and_every_section_an_alarm() {
    let stack = Stack::with(EVERYTHING);
    let alarms: BTreeSet<&str> =
        stack.of_type("AWS::CloudWatch::Alarm").map(|(name, _)| name).collect();
    let text = read("docs/operating.md");
    let headings = prose(&text).filter_map(|line| line.strip_prefix("### "));
    let described: BTreeSet<&str> =
        headings.flat_map(|line| line.split(", ")).filter(|name| name.ends_with("Alarm")).collect();
    assert_eq!(described, alarms);
}

/// Returns the rows of the field table under a heading, by field: the cells after the name.
fn field_table<'a>(text: &'a str, heading: &str) -> BTreeMap<&'a str, Vec<&'a str>> {
    let found = text.split_once(&format!("\n## {heading}\n"));
    let (_, section) = found.unwrap_or_else(|| panic!("docs/api.md has no {heading:?}"));
    let section = section.split("\n#").next().unwrap();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` |"));
    rows.map(|(name, rest)| {
        let cells = rest.trim_end_matches('|').split('|').map(str::trim).collect();
        (name, cells)
    })
    .collect()
}

/// Returns what a field table must say of a property: type, required, and null.
fn described(document: &OpenApi, name: &str) -> [String; 3] {
    let schema = document.property("CreateWidget", name);
    let mut types = document.types(schema);
    types.retain(|it| it != "null");
    let types = if types.len() == 5 { "any".to_owned() } else { types.join(", ") };
    let required = match ["CreateWidget", "UpdateWidget"].map(|it| document.requires(it, name)) {
        [true, true] => "create, update",
        [true, false] => "create",
        _ => "no",
    };
    let null = if document.is_nullable(schema) { "yes" } else { "no" };
    [types, required.to_owned(), null.to_owned()]
}

/// Writes a number as the documents do: with a comma before each three digits.
fn with_commas(number: &Value) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().map(|it| str::from_utf8(it).unwrap()).collect();
    groups.join(",")
}

#[test]
fn field_tables_match_the_openapi_documents() {
    let text = read("docs/api.md");
    for dialect in DIALECTS {
        let document = OpenApi::read(&dialect);
        let table = field_table(&text, &format!("Fields of the {} dialect", dialect.name));
        let documented: BTreeSet<&str> = table.keys().copied().collect();
        assert_eq!(documented, document.properties("CreateWidget"), "{}", dialect.name);
        for (name, cells) in table {
            let [types, required, null, rule, meaning] = cells[..] else {
                panic!("{name}: {cells:?}")
            };
            assert_eq!(
                [types, required, null],
                described(&document, name).each_ref().map(|it| &**it),
                "{name}"
            );
            assert!(!meaning.is_empty(), "{name} has no meaning");
            let schema = document.property("CreateWidget", name);
            for keyword in ["minimum", "minLength", "maxLength", "maxItems"] {
                let bound = schema.get(keyword).map(with_commas);
                assert!(bound.is_none_or(|it| rule.contains(&it)), "{name}: {keyword} in {rule:?}");
            }
        }
    }
}
