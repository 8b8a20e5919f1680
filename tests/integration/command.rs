//! The `widgets` command as its users run it.

use std::{
    fs,
    os::{fd::OwnedFd, unix::fs::PermissionsExt},
    path::Path,
    process::Stdio,
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, BufReader, Lines},
    net::{TcpListener, unix::pipe::Sender},
    process::{Child, ChildStdout, Command},
    time::timeout,
};

use crate::support::{
    app::{ASSISTANT_BODY, Item, PATHWAY_BODY, built, eventually},
    fault_proxy::FaultProxy,
};

/// How long anything here may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A `widgets serve` that listens.
pub struct Serve {
    process: Child,
    lines: Lines<BufReader<ChildStdout>>,
    pub url: String,
    key: String,
    pub store: String,
    curls: Vec<String>,
}

/// The command with these arguments, not started yet.
pub async fn widgets(arguments: &[&str]) -> Command {
    let mut command = Command::new(&built().await["widgets"]);
    command.args(arguments).stdin(Stdio::null()).kill_on_drop(true);
    command
}

impl Serve {
    pub async fn start(arguments: &[&str]) -> Self {
        Self::start_logging(arguments, Stdio::null()).await
    }

    /// The same with its log going somewhere.
    pub async fn start_logging(arguments: &[&str], log: impl Into<Stdio>) -> Self {
        let arguments = [&["serve", "--port", "0"], arguments].concat();
        let mut process =
            widgets(&arguments).await.stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let (mut url, mut key, mut store, mut curls) =
            (String::new(), String::new(), String::new(), Vec::new());
        loop {
            let line = lines.next_line().await.unwrap().expect("it ended before it listened");
            let word = |line: &str| line.split_whitespace().next().unwrap().to_owned();
            if let Some(rest) = line.strip_prefix("Listening on ") {
                url = word(rest);
            } else if let Some(rest) = line.strip_prefix("  API key ") {
                key = word(rest);
            } else if let Some(rest) = line.strip_prefix("  store ") {
                store = word(rest);
            } else if line.starts_with("curl ") {
                curls.push(line);
            } else if line.starts_with("Ctrl-C") {
                return Self { process, lines, url, key, store, curls };
            }
        }
    }

    async fn create(&self, key: &str) -> (u16, String) {
        let request = reqwest::Client::new()
            .post(format!("{}/v1/widget", self.url))
            .header("authorization", key);
        let response = request.body(PATHWAY_BODY).send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }

    /// Everything that is kept.
    pub async fn items(&self) -> Vec<Item> {
        let config = widgets::local::store_access::local_config(&self.store);
        let scan = aws_sdk_dynamodb::Client::new(&config)
            .scan()
            .table_name("Widgets")
            .into_paginator()
            .items()
            .send();
        scan.collect::<Result<_, _>>().await.unwrap()
    }

    /// The function processes that it started.
    fn children(&self) -> Vec<String> {
        children_of(self.process.id().unwrap())
    }

    pub async fn end(mut self, signal: &str) -> bool {
        let id = self.process.id().unwrap().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().await.unwrap().success());
        let success = self.process.wait().await.unwrap().success();
        while let Ok(Some(_)) = self.lines.next_line().await {}
        success
    }
}

fn children_of(parent: u32) -> Vec<String> {
    let entries = fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let is_child = |id: &String| {
        let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        // pid (name) state parent …; the name may hold anything.
        stat.rsplit(") ").next().and_then(|rest| rest.split(' ').nth(1))
            == Some(&parent.to_string())
    };
    entries.filter(is_child).collect()
}

fn is_running(process: &str) -> bool {
    Path::new(&format!("/proc/{process}/exe")).read_link().is_ok()
}

#[tokio::test]
async fn printed_curl_lines_work_when_pasted() {
    let serve = Serve::start(&["--ephemeral", "--api-key", "it's-$mine&<you>+%"]).await;
    assert_eq!((serve.key.as_str(), serve.curls.len()), ("it's-$mine&<you>+%", 2));
    if Command::new("curl").arg("--version").output().await.is_err() {
        eprintln!("no curl on this machine: the lines are not pasted");
    } else {
        for (line, success) in serve
            .curls
            .iter()
            .zip([r#"{"message":"Data created successfully""#, r#"{"status":200"#])
        {
            let output = Command::new("sh").args(["-c", line]).output().await.unwrap();
            let body = String::from_utf8(output.stdout).unwrap();
            assert!(body.starts_with(success), "{line}: {body}");
        }
    }
    assert_eq!(serve.create("it's-$mine&<you>+%").await.0, 200);
}

#[tokio::test]
async fn widgets_and_keys_survive_kill_9_and_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("new/data");
    let arguments = ["--data", data.to_str().unwrap()];
    let first = Serve::start(&arguments).await;
    assert!(first.key.starts_with("in-") && first.key.len() == 46);
    let (key, (status, body)) = (first.key.clone(), first.create(&first.key).await);
    assert_eq!(status, 200, "{body}");
    let children = first.children();
    assert!(!children.is_empty());
    first.end("-9").await;
    eventually("the end of the functions", || {
        (!children.iter().any(|id| is_running(id))).then_some(())
    })
    .await;

    let second = Serve::start(&arguments).await;
    assert_eq!(second.key, key);
    assert_eq!(second.items().await.len(), 1);
    assert_eq!(second.create(&key).await.0, 200);
}

#[tokio::test]
async fn data_folder_keeps_one_key_and_replaces_one_that_no_longer_works() {
    let folder = tempfile::tempdir().unwrap();
    let data = ["--data", folder.path().to_str().unwrap()];
    let file = folder.path().join("api-key");
    let ids = async || {
        let list = [&["keys", "list", "--json"], &data[..]].concat();
        let output = widgets(&list).await.output().await.unwrap();
        let keys: Vec<serde_json::Value> = serde_json::from_slice(&output.stdout).unwrap();
        keys.iter().map(|key| key["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };

    let start = Serve::start(&data).await;
    let kept = start.key.clone();
    assert!(start.end("-INT").await);
    assert_eq!(fs::read_to_string(&file).unwrap(), format!("{kept}\n"));
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let only = ids().await;
    assert_eq!(only.len(), 1);

    // One that was given is used, and kept nowhere.
    let start = Serve::start(&[&data[..], &["--api-key", "mine"]].concat()).await;
    assert_eq!((start.key.as_str(), start.create("mine").await.0), ("mine", 200));
    assert!(start.end("-INT").await);
    assert_eq!(fs::read_to_string(&file).unwrap(), format!("{kept}\n"));
    assert_eq!(ids().await.len(), 2);

    let revoke = [&["keys", "revoke", &only[0]], &data[..]].concat();
    assert!(widgets(&revoke).await.output().await.unwrap().status.success());
    let start = Serve::start(&data).await;
    assert_ne!(start.key, kept);
    assert_eq!((start.create(&start.key).await.0, start.create(&kept).await.0), (200, 401));
    let replaced = start.key.clone();
    assert!(start.end("-INT").await);

    // What is no key is replaced, too, and what cannot be read is told.
    fs::write(&file, "").unwrap();
    let start = Serve::start(&data).await;
    assert!(start.key != replaced && start.create(&start.key).await.0 == 200);
    assert!(start.end("-INT").await);
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    let serve = [&["serve", "--port", "0"], &data[..]].concat();
    let output = widgets(&serve).await.output().await.unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(
        told.starts_with("widgets: the key file ")
            && told.contains("delete it to get a new key")
            && told.lines().count() == 1,
        "{told}"
    );
}

/// Fills a pipe, so that whoever writes to it is blocked.
pub async fn fill(pipe: OwnedFd) -> OwnedFd {
    let pipe = Sender::from_owned_fd(pipe).unwrap();
    pipe.writable().await.unwrap();
    let mut pages = 0;
    // A page each, so that no page has room left.
    while pipe.try_write(&[b'\n'; 4096]).is_ok() {
        pages += 1;
    }
    assert!(pages > 0, "it was full before");
    pipe.into_blocking_fd().unwrap()
}

#[tokio::test]
async fn serve_answers_and_stops_while_nobody_reads_its_log() {
    let (_unread, log) = std::io::pipe().unwrap();
    let serve = Serve::start_logging(&["--ephemeral"], log.try_clone().unwrap()).await;
    fill(log.into()).await;
    let creates = (0..8).map(|_| serve.create(&serve.key));
    let answers =
        timeout(PATIENCE, futures_util::future::join_all(creates)).await.expect("answers");
    assert_eq!(answers.iter().map(|(status, _)| *status).collect::<Vec<_>>(), [200; 8]);
    assert!(timeout(PATIENCE, serve.end("-INT")).await.expect("its end"));
}

#[tokio::test]
async fn signal_stops_every_started_process() {
    for signal in ["-INT", "-TERM"] {
        let serve = Serve::start(&["--ephemeral"]).await;
        assert_eq!(serve.create(&serve.key).await.0, 200);
        let children = serve.children();
        assert_eq!(children.len(), 1);
        assert!(serve.end(signal).await, "{signal} is a clean end");
        eventually("the end of the functions", || {
            (!children.iter().any(|id| is_running(id))).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn unusable_options_print_one_error_line_and_fail() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let file = tempfile::NamedTempFile::new().unwrap();
    let in_file = file.path().join("data");
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let _using = Serve::start(&["--data", data]).await;
    let garbage = tempfile::tempdir().unwrap();
    fs::write(garbage.path().join("store.sqlite"), "x".repeat(9000)).unwrap();
    let garbage = garbage.path().to_str().unwrap();
    let nobody = "nobody.invalid";
    for (arguments, says) in [
        (
            &["serve", "--ephemeral", "--port", &port][..],
            "is in use by another program (--port takes another)",
        ),
        (&["serve", "--ephemeral", "--port", "65536"], "'65536' for '--port <PORT>': "),
        (&["serve", "--concurrency", "0"], "'0' for '--concurrency <N>': 0 is not in 1..=1000"),
        (
            &["keys", "issue", "--role", "admin"],
            "'admin' for '--role <ROLE>': neither full nor read",
        ),
        (
            &["serve", "--ephemeral", "--port", "0", "--api-key", "secret key"],
            "--api-key must be 1 to 255 printable",
        ),
        (
            &["serve", "--ephemeral", "--port", "0", "--host", "192.0.2.1"],
            "192.0.2.1 is no address of this machine (--host takes one, such as 127.0.0.1)",
        ),
        (
            &["serve", "--ephemeral", "--port", "0", "--host", nobody],
            "nobody.invalid is no address of this machine (--host takes one",
        ),
        (
            &["serve", "--port", "0", "--data", in_file.to_str().unwrap()],
            "cannot be used (--data takes another): Not a directory",
        ),
        (
            &["serve", "--port", "0", "--data", file.path().to_str().unwrap()],
            "is a file: --data takes a folder",
        ),
        (
            &["keys", "issue", "--data", file.path().to_str().unwrap()],
            "is not there: `widgets serve --data` makes one",
        ),
        (
            &["serve", "--port", "0", "--data", garbage],
            "store.sqlite cannot be read: move it away to begin with an empty one: it is not an SQLite",
        ),
        (
            &["serve", "--port", &port, "--data", data],
            "is in use by another stack: stop that one, or give this one another folder and port",
        ),
        (
            &["serve", "--port", "0", "--endpoint-url", "http://127.0.0.1:1"],
            "DynamoDB at http://127.0.0.1:1 cannot be reached: connection refused",
        ),
        (
            &["keys", "issue", "--endpoint-url", "http://127.0.0.1:1"],
            "the key cannot be written to the table ApiKeys: DynamoDB at http://127.0.0.1:1 cannot be reached: \
             connection refused",
        ),
        (
            &["keys", "list", "--endpoint-url", "http://127.0.0.1:1"],
            "the keys cannot be read: DynamoDB at http://127.0.0.1:1 cannot be reached: connection refused",
        ),
    ] {
        let output = widgets(arguments).await.output().await.unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success(), "{arguments:?}");
        assert!(told.starts_with("widgets: ") && told.contains(says), "{arguments:?}: {told}");
        assert_eq!(told.trim_end().lines().count(), 1, "{told}");
        assert!(output.stdout.is_empty() && !told.contains("secret key"), "{told}");
    }
}

#[tokio::test]
async fn issued_key_works_at_once_wherever_it_was_issued() {
    async fn issue(arguments: &[&str]) -> (String, String) {
        let output =
            widgets(&[&["keys", "issue"], arguments].concat()).await.output().await.unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let key = String::from_utf8(output.stdout).unwrap();
        (key.trim().to_owned(), String::from_utf8(output.stderr).unwrap())
    }
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let account = "3c90c3cc-0d44-4b50-8888-8dd25736052a";

    let (before, told) =
        issue(&["--data", data, "--account", account, "--name", "before it runs"]).await;
    assert!(
        before.starts_with("in-") && before.len() == 46 && told.contains(account),
        "{before} {told}"
    );
    let serve = Serve::start(&["--data", data]).await;
    let (beside, told) = issue(&["--data", data]).await;
    assert!(!told.contains(account), "a new account: {told}");
    let (elsewhere, _) =
        issue(&["--endpoint-url", &serve.store, "--table", "ApiKeys", "--account", account]).await;

    for (key, org_id) in [(&before, Some(account)), (&beside, None), (&elsewhere, Some(account))] {
        let url = format!("{}/api/v1/widget?api_key={key}", serve.url);
        let request = reqwest::Client::new().post(url).header("content-type", "application/json");
        let response = request.body(ASSISTANT_BODY).send().await.unwrap();
        assert_eq!(response.status(), 200);
        let body: serde_json::Value =
            serde_json::from_str(&response.text().await.unwrap()).unwrap();
        assert!(org_id.is_none_or(|account| body["data"]["org_id"] == account), "{body}");
    }

    let (reader, _) =
        issue(&["--data", data, "--role", "read", "--expires", "2999-01-01T00:00:00Z"]).await;
    assert_eq!(serve.create(&reader).await.0, 403);
    for refused in
        [["--role", "admin"], ["--expires", "tomorrow"], ["--expires", "2020-01-01T00:00:00Z"]]
    {
        let output = widgets(&[&["keys", "issue", "--data", data], &refused[..]].concat())
            .await
            .output()
            .await
            .unwrap();
        assert!(!output.status.success() && output.stdout.is_empty(), "{refused:?}");
    }
}

#[tokio::test]
async fn profile_signs_for_a_remote_store_and_a_local_store_needs_none() {
    let proxy = FaultProxy::start().await;
    let folder = tempfile::tempdir().unwrap();
    let profiles = folder.path().join("credentials");
    fs::write(
        &profiles,
        "[operator]\naws_access_key_id = AKOPERATOR\naws_secret_access_key = secret\nregion = eu-west-1\n",
    )
    .unwrap();
    let with_profile = async |arguments: &[&str], profile: Option<&str>| {
        let mut command = widgets(arguments).await;
        for name in [
            "AWS_ACCESS_KEY_ID",
            "AWS_SECRET_ACCESS_KEY",
            "AWS_SESSION_TOKEN",
            "AWS_REGION",
            "AWS_PROFILE",
        ] {
            command.env_remove(name);
        }
        command
            .env("AWS_SHARED_CREDENTIALS_FILE", &profiles)
            .env("AWS_CONFIG_FILE", folder.path().join("none"))
            .env("AWS_EC2_METADATA_DISABLED", "true");
        command.envs(profile.map(|profile| ("AWS_PROFILE", profile))).output().await.unwrap()
    };

    let elsewhere = ["keys", "issue", "--endpoint-url", proxy.url.as_str()];
    assert!(with_profile(&elsewhere, Some("operator")).await.status.success());
    assert!(
        proxy.signature().contains("Credential=AKOPERATOR/")
            && proxy.signature().contains("/eu-west-1/dynamodb/")
    );
    assert!(with_profile(&elsewhere, None).await.status.success());
    assert!(
        proxy.signature().contains("Credential=local/")
            && proxy.signature().contains("/us-east-1/dynamodb/")
    );
    for at in [&elsewhere[..], &["keys", "list", "--table", "ApiKeys"]] {
        let output = with_profile(at, Some("nobody")).await;
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(
            !output.status.success()
                && told.starts_with(
                    "widgets: there is no AWS profile \"nobody\", which AWS_PROFILE names: "
                ),
            "{told}"
        );
    }
    let output = with_profile(&["keys", "list", "--table", "ApiKeys"], None).await;
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(
        !output.status.success()
            && told.starts_with("widgets: no AWS credentials found: set AWS_ACCESS_KEY_ID"),
        "{told}"
    );

    let local = ["keys", "issue", "--data", folder.path().to_str().unwrap()];
    assert!(with_profile(&local, Some("nobody")).await.status.success());
}

#[tokio::test]
async fn help_lists_every_option() {
    let mut process = widgets(&["serve", "--help"]).await.stdout(Stdio::piped()).spawn().unwrap();
    let mut help = String::new();
    process.stdout.take().unwrap().read_to_string(&mut help).await.unwrap();
    for option in [
        "--host",
        "--port",
        "--data",
        "--ephemeral",
        "--api-key",
        "--endpoint-url",
        "--concurrency",
    ] {
        assert!(help.contains(option), "{option}: {help}");
    }
}
