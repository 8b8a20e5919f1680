//! The rooms of `shared/src`, and the local stack in `cli/src/local`: what each of them may import.

use std::{
    fs,
    path::{Path, PathBuf},
};

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

/// Returns the source files in `folder`, with their paths within `shared/src`.
fn sources(folder: &Path) -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/src");
    let entries: Vec<PathBuf> =
        fs::read_dir(root.join(folder)).unwrap().map(|entry| entry.unwrap().path()).collect();
    let mut found = Vec::new();
    for path in entries {
        let within = path.strip_prefix(&root).unwrap();
        if path.is_dir() {
            found.extend(sources(within));
        } else {
            found.push((within.to_str().unwrap().to_owned(), fs::read_to_string(&path).unwrap()));
        }
    }
    found
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
    let mut found: Vec<String> =
        sources(Path::new("")).iter().map(|(path, _)| room(path).to_owned()).collect();
    found.sort_unstable();
    found.dedup();
    let mut expected: Vec<&str> = ROOMS.into_iter().chain(["lib"]).collect();
    expected.sort_unstable();
    assert_eq!(found, expected);
}

#[test]
fn room_imports_only_from_rooms_before_it() {
    let position = |room: &str| ROOMS.iter().position(|other| *other == room);
    let mut imports = 0;
    for (path, source) in sources(Path::new("")) {
        let Some(own) = position(room(&path)) else { continue };
        for line in code(&source) {
            for import in line.split("crate::").skip(1) {
                let name = import.split(|c: char| !c.is_alphanumeric() && c != '_').next();
                // A macro that is exported stands at the root of the crate, whatever its room.
                let Some(imported) = position(name.unwrap()) else { continue };
                assert!(imported <= own, "{path} imports from {}: {line}", ROOMS[imported]);
                imports += 1;
            }
        }
    }
    assert!(imports > 100, "the test no longer recognises imports: it found {imports}");
}

#[test]
fn aws_sdk_types_stay_in_their_rooms() {
    for (path, source) in sources(Path::new("")) {
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
    let local = Path::new(env!("CARGO_MANIFEST_DIR")).join("../cli/src/local");
    let mut files = 0;
    for entry in fs::read_dir(local).unwrap() {
        let path = entry.unwrap().path();
        for line in code(&fs::read_to_string(&path).unwrap()) {
            for import in line.split("crate::").skip(1) {
                assert!(import.starts_with("local::"), "{}: {line}", path.display());
            }
        }
        files += 1;
    }
    assert!(files > 10, "the test no longer finds the local stack: it found {files} files");
}
