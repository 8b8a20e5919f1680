//! The rooms of `shared/src`, and the local stack in `cli/src/local`: what each of them may import.

use std::{collections::BTreeSet, fs};

use widgets::local::binaries;

/// The rooms. Each one imports only from those before it.
const ROOMS: [&str; 10] = [
    "validation",
    "model",
    "error",
    "http",
    "telemetry",
    "dynamodb",
    "store",
    "auth",
    "commands",
    "runtime",
];

/// Returns the source files of a folder of this repository: their paths within it, and their texts.
fn sources(folder: &str) -> Vec<(String, String)> {
    let root = binaries::workspace().join(folder);
    let (mut folders, mut found) = (vec![root.clone()], Vec::new());
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else {
                let within = path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
                found.push((within, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    found
}

/// Returns what follows each `crate::` in the code of a source file, with its line.
fn imports(source: &str) -> impl Iterator<Item = (&str, &str)> {
    code(source).flat_map(|line| line.split("crate::").skip(1).map(move |import| (import, line)))
}

/// Returns the room of a file: its folder, or its own name.
fn room(path: &str) -> &str {
    path.split('/').next().unwrap().trim_end_matches(".rs")
}

/// Returns the lines of code outside comments and unit tests.
fn code(source: &str) -> impl Iterator<Item = &str> {
    let source = source.split("#[cfg(test)]\nmod tests").next().unwrap();
    source.lines().map(str::trim_start).filter(|line| !line.starts_with("//"))
}

#[test]
fn shared_has_these_rooms_and_no_others() {
    let sources = sources("shared/src");
    let found: BTreeSet<&str> = sources.iter().map(|(path, _)| room(path)).collect();
    assert_eq!(found, ROOMS.into_iter().chain(["lib"]).collect());
}

#[test]
fn room_imports_only_from_rooms_before_it() {
    let position = |room: &str| ROOMS.iter().position(|other| *other == room);
    let mut count = 0;
    for (path, source) in sources("shared/src") {
        let Some(own) = position(room(&path)) else { continue };
        for (import, line) in imports(&source) {
            let name = import.split(|c: char| !c.is_alphanumeric() && c != '_').next();
            // An exported macro is at the root of the crate, whatever its room.
            let Some(imported) = position(name.unwrap()) else { continue };
            assert!(imported <= own, "{path} imports from {}: {line}", ROOMS[imported]);
            count += 1;
        }
    }
    assert!(count > 100, "the test no longer recognises imports: it found {count}");
}

#[test]
fn aws_sdk_types_stay_in_their_rooms() {
    for (path, source) in sources("shared/src") {
        let may_name_the_runtime = path.starts_with("dynamodb/");
        let may_name_the_sdk =
            may_name_the_runtime || path.starts_with("store/") || path == "auth/keys.rs";
        for line in code(&source) {
            assert!(may_name_the_runtime || !line.contains("smithy"), "{path}: {line}");
            assert!(may_name_the_sdk || !line.contains("aws_sdk"), "{path}: {line}");
        }
    }
}

#[test]
fn local_stack_imports_nothing_of_the_commands() {
    let sources = sources("cli/src/local");
    assert!(sources.len() > 10, "the test no longer finds the local stack: {}", sources.len());
    for (path, source) in &sources {
        for (import, line) in imports(source) {
            assert!(import.starts_with("local::"), "{path}: {line}");
        }
    }
}
