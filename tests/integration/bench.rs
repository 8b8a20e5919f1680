//! The `bench` command: the parts of it that need no release build.

use std::process::Stdio;

use tokio::process::Command;

use crate::support::app::{built, rounds};

/// Returns the command with these arguments, not started yet.
async fn bench(arguments: &[&str]) -> Command {
    let mut command = Command::new(&built().await["bench"]);
    command.args(arguments).stdin(Stdio::null()).kill_on_drop(true);
    command
}

#[tokio::test]
async fn growth_prints_store_calls_of_lists_and_updates() {
    let output = bench(&["growth", "--widgets", "1,120"]).await.output().await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let printed = String::from_utf8(output.stdout).unwrap();
    let cells = |line: &str| line.split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>();
    let rows: Vec<Vec<String>> = printed.lines().skip(2).map(cells).collect();
    let calls = |widgets: &str, list: &str| {
        let row = rows
            .iter()
            .find(|row| row[1] == widgets && row[2] == list)
            .unwrap_or_else(|| panic!("{printed}"));
        assert_eq!(row[3], "200", "{printed}");
        row[4].parse::<u32>().unwrap()
    };
    assert_eq!((calls("1", "assistant, page 1"), calls("120", "assistant, page 1")), (1, 2));
    assert_eq!(
        (calls("120", "assistant, the last page"), calls("120", "pathway, `limit=100`")),
        (2, 1)
    );
    assert_eq!((calls("120", "assistant, update"), calls("120", "pathway, update")), (1, 1));
    for deletes in ["1", "120"] {
        assert_eq!(calls(deletes, "assistant, 50 after as many deletes"), 1);
        assert_eq!(calls(deletes, "pathway, 50 after as many deletes"), 1);
    }
    assert_eq!(rows.len(), 2 * 12, "{printed}");
}

#[tokio::test]
async fn load_gets_only_expected_answers() {
    let load = ["load", "--seconds", &rounds(2).to_string(), "--concurrency", "4"];
    let output = bench(&load).await.output().await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let printed = String::from_utf8(output.stdout).unwrap();
    let (course, steps) = printed.split_once("\n\n").unwrap();
    let rows = |table: &str| -> Vec<Vec<String>> {
        let cells = |line: &str| line.split('|').map(|cell| cell.trim().to_owned()).collect();
        table.lines().skip(2).map(cells).collect()
    };
    let course = rows(course);
    assert_eq!(course.len(), 10, "{printed}");
    let last = &course[9];
    assert!(
        last[3].parse::<f64>().unwrap() > 1.0 && last[4].parse::<f64>().unwrap() > 1.0,
        "{printed}"
    );
    let steps = rows(steps);
    for step in [
        "create",
        "create, again",
        "read, nothing new",
        "update, of an old version",
        "delete",
        "all",
    ] {
        assert!(steps.iter().any(|row| row[1] == step && row[2] != "0"), "{step}: {printed}");
    }
    assert!(steps.iter().all(|row| row[8] == "0"), "{printed}");
}
