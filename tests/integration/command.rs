//! The `widgets` command as its users run it.

use std::{
    fs::{self, Permissions},
    os::{fd::OwnedFd, unix::fs::PermissionsExt},
    path::Path,
    process::{Output, Stdio},
    time::Duration,
};

use aws_sdk_dynamodb::Client;
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    net::{TcpListener, unix::pipe::Sender},
    process::{Child, ChildStdout, Command},
    time::timeout,
};

use crate::support::{
    app::{Item, JSON, built, eventually},
    dialect::{ASSISTANT, Dialect, PATHWAY},
    fault_proxy::FaultProxy,
};

/// The time after which a test fails.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A `widgets serve` that listens.
pub struct Serve {
    process: Child,
    lines: Lines<BufReader<ChildStdout>>,
    pub url: String,
    pub page: String,
    pub key: String,
    pub store: String,
    pub curls: Vec<String>,
}

/// Returns the command with these arguments. It is not started yet. Colours are as a terminal that
/// has some decides, whatever this machine's environment says.
pub async fn widgets(arguments: &[&str]) -> Command {
    let mut command = Command::new(&built().await["widgets"]);
    command.args(arguments).stdin(Stdio::null()).kill_on_drop(true);
    command.env("TERM", "xterm");
    for name in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE"] {
        command.env_remove(name);
    }
    command
}

/// Runs the command with these arguments to its end.
pub async fn run(arguments: &[&str]) -> Printed {
    Printed::new(widgets(arguments).await.output().await.unwrap())
}

/// The outcome of a command.
#[derive(Debug)]
pub struct Printed {
    pub is_success: bool,
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Printed {
    pub fn new(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let (stdout, stderr) = (text(output.stdout), text(output.stderr));
        let (is_success, code) = (output.status.success(), output.status.code());
        Self { is_success, code, stdout, stderr }
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Returns the key that the command printed.
    pub fn key(&self) -> &str {
        assert!(self.is_success, "{self:?}");
        self.stdout.trim()
    }

    /// Asserts that the command failed with one line that contains `part`, and printed no more.
    #[track_caller]
    pub fn expect_failure(&self, part: &str) {
        self.expect_error(1, part);
    }

    /// Asserts that the command refused an option with one line that contains `part`.
    #[track_caller]
    pub fn expect_usage_error(&self, part: &str) {
        self.expect_error(2, part);
    }

    #[track_caller]
    fn expect_error(&self, code: i32, part: &str) {
        assert!(self.code == Some(code) && self.stdout.is_empty(), "{self:?}");
        assert!(self.stderr.starts_with("widgets: ") && self.stderr.contains(part), "{self:?}");
        assert_eq!(self.stderr.lines().count(), 1, "{self:?}");
    }
}

impl Serve {
    pub async fn start(arguments: &[&str]) -> Self {
        Self::start_logging(arguments, Stdio::null()).await
    }

    /// Starts one whose log goes to `log`.
    pub async fn start_logging(arguments: &[&str], log: impl Into<Stdio>) -> Self {
        let arguments = [&["serve", "--port", "0"], arguments].concat();
        let mut process =
            widgets(&arguments).await.stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut printed = Vec::new();
        while !printed.last().is_some_and(|line: &String| line.starts_with("Ctrl-C")) {
            printed.push(lines.next_line().await.unwrap().expect("it ended before it listened"));
        }
        let word_after = |label: &str| {
            let rest = printed.iter().find_map(|line| line.strip_prefix(label)).unwrap_or_default();
            rest.split_whitespace().next().unwrap_or_default().to_owned()
        };
        let (url, key) = (word_after("Listening on "), word_after("  API key "));
        let (page, store) = (word_after("  page "), word_after("  store "));
        printed.retain(|line| line.starts_with("curl "));
        Self { process, lines, url, page, key, store, curls: printed }
    }

    /// Creates a widget. Returns the status and the body.
    async fn create(&self, dialect: Dialect, key: &str) -> (u16, String) {
        let request = reqwest::Client::new().post(format!("{}{}", self.url, dialect.root));
        let request = request.header("authorization", key).header(JSON.0, JSON.1);
        let response = request.body(dialect.body).send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }

    /// Returns a client of its store.
    pub fn client(&self) -> Client {
        Client::new(&widgets::local::store_access::local_config(&self.store))
    }

    /// Returns everything in the table of widgets.
    pub async fn items(&self) -> Vec<Item> {
        let scan = self.client().scan().table_name("Widgets").into_paginator().items();
        scan.send().collect::<Result<_, _>>().await.unwrap()
    }

    /// Returns the function processes that it started.
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

async fn wait_for_end(processes: &[String]) {
    let is_running = |id: &String| Path::new(&format!("/proc/{id}/exe")).read_link().is_ok();
    let is_over = || (!processes.iter().any(is_running)).then_some(());
    eventually("the end of the functions", is_over).await;
}

#[tokio::test]
async fn printed_curl_lines_work_when_pasted() {
    let key = "it's-$mine&<you>+%";
    let serve = Serve::start(&["--ephemeral", "--api-key", key]).await;
    assert_eq!((serve.key.as_str(), serve.curls.len()), (key, 2));
    if Command::new("curl").arg("--version").output().await.is_err() {
        eprintln!("no curl on this machine: the lines are not pasted");
    } else {
        let successes = [r#"{"message":"Data created successfully""#, r#"{"status":200"#];
        for (line, success) in serve.curls.iter().zip(successes) {
            let output = Command::new("sh").args(["-c", line]).output().await.unwrap();
            let body = String::from_utf8(output.stdout).unwrap();
            assert!(body.starts_with(success), "{line}: {body}");
        }
    }
    assert_eq!(serve.create(PATHWAY, key).await.0, 200);
}

#[tokio::test]
async fn widgets_and_keys_survive_kill_9_and_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("new/data");
    let arguments = ["--data", data.to_str().unwrap()];
    let first = Serve::start(&arguments).await;
    assert!(first.key.starts_with("in-") && first.key.len() == 46);
    let key = first.key.clone();
    assert_eq!(first.create(PATHWAY, &key).await.0, 200);
    let children = first.children();
    assert!(!children.is_empty());
    first.end("-9").await;
    wait_for_end(&children).await;

    let second = Serve::start(&arguments).await;
    assert_eq!(second.key, key);
    assert_eq!(second.items().await.len(), 1);
    assert_eq!(second.create(PATHWAY, &key).await.0, 200);
}

#[tokio::test]
async fn data_folder_keeps_one_key_and_replaces_one_that_no_longer_works() {
    let folder = tempfile::tempdir().unwrap();
    let data = ["--data", folder.path().to_str().unwrap()];
    let file = folder.path().join("api-key");
    let keys = async |arguments: &[&str]| run(&[&["keys"], arguments, &data].concat()).await;
    let ids = async || {
        let list = keys(&["list", "--json"]).await.json();
        let ids = list.as_array().unwrap().iter().map(|key| key["id"].as_str().unwrap().to_owned());
        ids.collect::<Vec<_>>()
    };

    let serve = Serve::start(&data).await;
    let kept = serve.key.clone();
    assert!(serve.end("-INT").await);
    assert_eq!(fs::read_to_string(&file).unwrap(), format!("{kept}\n"));
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let only = ids().await;
    assert_eq!(only.len(), 1);

    // A key of the caller's choice works and is not kept.
    let serve = Serve::start(&[&data[..], &["--api-key", "mine"]].concat()).await;
    assert_eq!((serve.key.as_str(), serve.create(PATHWAY, "mine").await.0), ("mine", 200));
    assert!(serve.end("-INT").await);
    assert_eq!(fs::read_to_string(&file).unwrap(), format!("{kept}\n"));
    assert_eq!(ids().await.len(), 2);

    assert!(keys(&["revoke", &only[0]]).await.is_success);
    let serve = Serve::start(&data).await;
    let replaced = serve.key.clone();
    assert_ne!(replaced, kept);
    assert_eq!(serve.create(PATHWAY, &replaced).await.0, 200);
    assert_eq!(serve.create(PATHWAY, &kept).await.0, 401);
    assert!(serve.end("-INT").await);

    // A file without a key is replaced, too. One that cannot be read is an error.
    fs::write(&file, "").unwrap();
    fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
    let serve = Serve::start(&data).await;
    assert_ne!(serve.key, replaced);
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(serve.create(PATHWAY, &serve.key).await.0, 200);
    assert!(serve.end("-INT").await);
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    let printed = run(&[&["serve", "--port", "0"], &data[..]].concat()).await;
    printed.expect_failure("delete it to get a new key");
    assert!(printed.stderr.starts_with("widgets: the key file "), "{printed:?}");
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
    let creates = (0..8).map(|_| serve.create(PATHWAY, &serve.key));
    let answers =
        timeout(PATIENCE, futures_util::future::join_all(creates)).await.expect("answers");
    assert_eq!(answers.iter().map(|(status, _)| *status).collect::<Vec<_>>(), [200; 8]);
    assert!(timeout(PATIENCE, serve.end("-INT")).await.expect("its end"));
}

/// A container reaches no loopback address of its host.
#[tokio::test]
async fn store_listens_where_containers_reach_it_if_told_to() {
    let serve = Serve::start(&["--ephemeral", "--store-address", "127.0.0.2:0"]).await;
    assert!(serve.store.starts_with("http://127.0.0.2:"), "{}", serve.store);
    assert_eq!(serve.create(PATHWAY, &serve.key).await.0, 200);
    assert_eq!(serve.items().await.len(), 1);
}

#[tokio::test]
async fn signal_stops_every_started_process() {
    for signal in ["-INT", "-TERM"] {
        let serve = Serve::start(&["--ephemeral"]).await;
        assert_eq!(serve.create(PATHWAY, &serve.key).await.0, 200);
        let children = serve.children();
        assert_eq!(children.len(), 1);
        assert!(serve.end(signal).await, "{signal} is a clean end");
        wait_for_end(&children).await;
    }
}

#[tokio::test]
async fn unusable_options_print_one_error_line_and_fail() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let file = tempfile::NamedTempFile::new().unwrap();
    let in_file = file.path().join("data");
    let (file, in_file) = (file.path().to_str().unwrap(), in_file.to_str().unwrap());
    let garbage = tempfile::tempdir().unwrap();
    fs::write(garbage.path().join("store.sqlite"), "x".repeat(9000)).unwrap();
    let garbage = garbage.path().to_str().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let _using = Serve::start(&["--data", data]).await;
    let nowhere = "http://127.0.0.1:1";
    let unreached = "DynamoDB at http://127.0.0.1:1 cannot be reached: connection refused";
    for (options, reason) in [
        (
            &["--ephemeral", "--port", &port][..],
            "is in use by another program (--port takes another)",
        ),
        (&["--ephemeral", "--api-key", "secret key"], "--api-key must be 1 to 255 printable"),
        (
            &["--ephemeral", "--host", "192.0.2.1"],
            "192.0.2.1 is no address of this machine (--host takes one, such as 127.0.0.1)",
        ),
        (
            &["--ephemeral", "--host", "nobody.invalid"],
            "nobody.invalid is no address of this machine (--host takes one",
        ),
        (
            &["--ephemeral", "--store-address", "192.0.2.1:0"],
            "the store cannot listen on 192.0.2.1:0 (--store-address takes another)",
        ),
        (&["--data", in_file], "cannot be used (--data takes another): Not a directory"),
        (&["--data", file], "is a file: --data takes a folder"),
        (
            &["--data", garbage],
            "store.sqlite cannot be read: move it away to begin with an empty one: it is not an SQLite",
        ),
        (
            &["--data", data, "--port", &port],
            "is in use by another stack: stop that one, or give this one another folder and port",
        ),
        (&["--endpoint-url", nowhere], unreached),
    ] {
        let port: &[&str] = if options.contains(&"--port") { &[] } else { &["--port", "0"] };
        let printed = run(&[&["serve"], port, options].concat()).await;
        printed.expect_failure(reason);
        assert!(!printed.stderr.contains("secret key"), "{printed:?}");
    }
    for (data, reason) in [
        (file, "is a file: --data takes a folder"),
        (in_file, "is not there: `widgets serve --data` makes one"),
    ] {
        run(&["keys", "issue", "--data", data]).await.expect_failure(reason);
    }
    for (command, failure) in [
        ("issue", "the key cannot be written to the table ApiKeys"),
        ("list", "the keys cannot be read"),
    ] {
        let printed = run(&["keys", command, "--endpoint-url", nowhere]).await;
        printed.expect_failure(&format!("{failure}: {unreached}"));
    }
    for (arguments, reason) in [
        (&["serve", "--port", "65536"][..], "'65536' for '--port <PORT>': "),
        (&["serve", "--concurrency", "0"], "'0' for '--concurrency <N>': 0 is not in 1..=1000"),
        (&["keys", "issue", "--role", "admin"], "'admin' for '--role <ROLE>': neither full nor"),
    ] {
        run(arguments).await.expect_usage_error(reason);
    }
}

#[tokio::test]
async fn issued_key_works_at_once_wherever_it_was_issued() {
    let issue = async |options: &[&str]| run(&[&["keys", "issue"], options].concat()).await;
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let account = "3c90c3cc-0d44-4b50-8888-8dd25736052a";

    let options = ["--data", data, "--account", account, "--name", "before it runs"];
    let before = issue(&options).await;
    assert!(before.key().starts_with("in-") && before.key().len() == 46, "{before:?}");
    assert!(before.stderr.contains(account), "{before:?}");
    let serve = Serve::start(&["--data", data]).await;
    let of_new_account = issue(&["--data", data]).await;
    assert!(!of_new_account.stderr.contains(account), "{of_new_account:?}");
    let options = ["--endpoint-url", &serve.store, "--table", "ApiKeys", "--account", account];
    let over_http = issue(&options).await;
    for (printed, is_of_account) in [(before, true), (of_new_account, false), (over_http, true)] {
        let (status, body) = serve.create(ASSISTANT, printed.key()).await;
        assert_eq!(status, 200, "{body}");
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(body["data"]["org_id"] == account, is_of_account, "{body}");
    }

    let options = ["--data", data, "--role", "read", "--expires", "2999-01-01T00:00:00Z"];
    assert_eq!(serve.create(PATHWAY, issue(&options).await.key()).await.0, 403);
    for invalid in
        [["--role", "admin"], ["--expires", "tomorrow"], ["--expires", "2020-01-01T00:00:00Z"]]
    {
        let printed = issue(&[&["--data", data], &invalid[..]].concat()).await;
        assert!(!printed.is_success && printed.stdout.is_empty(), "{invalid:?}");
    }
}

#[tokio::test]
async fn profile_signs_for_a_remote_store_and_a_local_store_needs_none() {
    let proxy = FaultProxy::start().await;
    let folder = tempfile::tempdir().unwrap();
    let profiles = folder.path().join("credentials");
    let keys = "aws_access_key_id = AKOPERATOR\naws_secret_access_key = secret";
    fs::write(&profiles, format!("[operator]\n{keys}\nregion = eu-west-1\n")).unwrap();
    let keys_with = async |profile: Option<&str>, arguments: &[&str]| {
        let mut command = widgets(&[&["keys"], arguments].concat()).await;
        for name in ["ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN", "REGION", "PROFILE"] {
            command.env_remove(format!("AWS_{name}"));
        }
        command
            .env("AWS_SHARED_CREDENTIALS_FILE", &profiles)
            .env("AWS_CONFIG_FILE", folder.path().join("none"))
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .envs(profile.map(|profile| ("AWS_PROFILE", profile)));
        Printed::new(command.output().await.unwrap())
    };

    let remote = ["issue", "--endpoint-url", proxy.url.as_str()];
    for (profile, key, region) in
        [(Some("operator"), "AKOPERATOR", "eu-west-1"), (None, "local", "us-east-1")]
    {
        assert!(keys_with(profile, &remote).await.is_success);
        let signature = proxy.signature();
        assert!(signature.contains(&format!("Credential={key}/")), "{signature}");
        assert!(signature.contains(&format!("/{region}/dynamodb/")), "{signature}");
    }
    let deployed = ["list", "--table", "ApiKeys"];
    for arguments in [remote, deployed] {
        let printed = keys_with(Some("nobody"), &arguments).await;
        printed.expect_failure("there is no AWS profile \"nobody\", which AWS_PROFILE names: ");
    }
    let printed = keys_with(None, &deployed).await;
    printed.expect_failure("widgets: no AWS credentials found: set AWS_ACCESS_KEY_ID");

    let local = ["issue", "--data", folder.path().to_str().unwrap()];
    assert!(keys_with(Some("nobody"), &local).await.is_success);
}

#[tokio::test]
async fn help_lists_every_option() {
    let help = run(&["serve", "--help"]).await.stdout;
    let options = "host port prefix data ephemeral api-key endpoint-url store-address concurrency";
    for option in options.split(' ') {
        assert!(help.contains(&format!("--{option}")), "{option}: {help}");
    }
}
