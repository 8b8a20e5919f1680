//! `widgets export`.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use axum::{
    http::{StatusCode, Uri},
    response::IntoResponse,
};
use bench::copy_widget;
use serde_json::value::RawValue;
use tempfile::TempDir;
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    process::Command,
};
use uuid::Uuid;

use super::service::{Service, cut, failure, ids, lines, list, numbered_page, ok, query, widget};
use crate::{
    command::{Printed, widgets},
    support::{
        app::{TestApp, eventually, raw, raw_data},
        dialect::{ASSISTANT, DIALECTS, Dialect, PATHWAY},
    },
    tls::TlsFront,
};

/// A key that a query has to escape.
const KEY: &str = "in-secret&key=1%+";

/// A folder for a file of widgets.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self) -> PathBuf {
        self.0.path().join("widgets.jsonl")
    }

    fn text(&self) -> String {
        fs::read_to_string(self.file()).unwrap()
    }
}

/// Returns the command for a service, without its output.
async fn export(url: &str, dialect: &Dialect) -> Command {
    let mut command = widgets(&["export", "--from", url, "--dialect", dialect.name]).await;
    command.env("WIDGETS_API_KEY", KEY);
    command
}

/// Exports to standard output.
async fn print(url: &str, dialect: &Dialect) -> Printed {
    Printed::new(export(url, dialect).await.output().await.unwrap())
}

/// Exports to a file with these options.
async fn write(url: &str, dialect: &Dialect, file: &Path, options: &[&str]) -> Printed {
    let mut command = export(url, dialect).await;
    Printed::new(command.arg("--output").arg(file).args(options).output().await.unwrap())
}

impl Printed {
    /// Asserts that the command did what it was to do and reported it in this line.
    #[track_caller]
    fn expect_report(&self, line: &str) {
        assert!(self.is_success && self.stderr == format!("{line}\n"), "{self:?}");
    }

    /// Takes out the lines about retries, and returns them.
    fn take_waits(&mut self) -> Vec<String> {
        let lines = self.stderr.lines().map(|line| line.to_owned() + "\n");
        let (waits, others): (Vec<_>, Vec<_>) =
            lines.partition(|line| line.contains(": trying again in "));
        self.stderr = others.concat();
        waits
    }
}

impl TestApp {
    /// Returns the text of every widget, from pages of another size than those of the command.
    async fn widget_texts(&self, dialect: &Dialect) -> Vec<String> {
        let texts = |items: String| {
            let items: Vec<&RawValue> = serde_json::from_str(&items).unwrap();
            items.iter().map(|item| item.get().to_owned()).collect::<Vec<_>>()
        };
        let mut found = Vec::new();
        let list = format!("/prod{}", dialect.list);
        if dialect.name != "assistant" {
            return texts(raw_data(&self.call("GET", &list, "").await.body));
        }
        for page in 1.. {
            let path = format!("{list}?size=30&page={page}");
            let items = texts(raw(&raw_data(&self.call("GET", &path, "").await.body), "items"));
            if items.is_empty() {
                break;
            }
            found.extend(items);
        }
        found
    }
}

#[tokio::test]
async fn export_has_the_bytes_of_every_widget() {
    let app = TestApp::start_with(|options| options.prefix = "/prod".to_owned()).await;
    let url = format!("{}/prod", app.stack.url);
    let another = app.another_key().await;
    // Free-form JSON that no serializer would write so.
    let free_form = r#"{ "b":1.50e+00,"a":"\u00e9 \/ é\n 😀", "b" : [ ] , "timeoutSeconds": 10000000000000000000000.0  }"#;
    for dialect in DIALECTS {
        let path = format!("/prod{}", dialect.root);
        let others: String = dialect.body.replace(r#","config":{}"#, "");
        let body = others.replacen('{', &format!(r#"{{"{}":{free_form},"#, dialect.free_form), 1);
        let created = app.call("POST", &path, body).await;
        assert_eq!(created.status, 200, "{created:?}");
        copy_widget(&app.store, dialect.name, &created.id(), 248).await.unwrap();
        let body = dialect.marked(Uuid::from_u128(1));
        assert_eq!(app.call("POST", &path, body).await.status, 200);
        let expected = app.widget_texts(&dialect).await;
        assert_eq!(expected.len(), 250);
        assert_eq!(expected.iter().filter(|text| text.contains(free_form)).count(), 249);

        let mut command = export(&url, &dialect).await;
        let printed =
            Printed::new(command.env("WIDGETS_API_KEY", &app.key).output().await.unwrap());
        printed.expect_report("250 widgets.");
        assert!(printed.stdout == expected.join("\n") + "\n", "{}", dialect.name);

        let none = Printed::new(command.env("WIDGETS_API_KEY", &another).output().await.unwrap());
        none.expect_report("0 widgets.");
        assert_eq!(none.stdout, "");
    }
}

#[tokio::test]
async fn whole_list_is_one_request_with_the_key_in_the_header() {
    let all = ids(250);
    let body = list(&all);
    let service = Service::start(move |_, _| ok(body.clone())).await;
    let printed = print(&format!("{}/a/b/", service.url), &PATHWAY).await;
    printed.expect_report("250 widgets.");
    assert_eq!(printed.stdout, lines(&all));
    assert_eq!(service.requests(), ["/a/b/v1/widgets?limit=100"]);
    assert_eq!(service.authorizations(), [Some(KEY.to_owned())]);
}

#[tokio::test]
async fn numbered_pages_are_read_twice_with_the_key_in_the_query() {
    let all = ids(250);
    let service = Service::start({
        let all = all.clone();
        move |_, uri| {
            assert_eq!(query(uri, "api_key").as_deref(), Some(KEY));
            ok(numbered_page(&all, uri))
        }
    });
    let service = service.await;
    let printed = print(&service.url, &ASSISTANT).await;
    printed.expect_report("250 widgets.");
    assert_eq!(printed.stdout, lines(&all));
    let pages = service.requests();
    let path = |request: &String| request.split("&api_key=").next().unwrap().to_owned();
    let pages: Vec<String> = pages.iter().map(path).collect();
    let pass = [1, 2, 3].map(|page| format!("/api/v1/widget?page={page}&size=100"));
    assert_eq!(pages, [pass.clone(), pass].concat());
    assert_eq!(service.authorizations(), [const { None }; 6]);
}

#[tokio::test]
async fn pretty_printed_widgets_lose_their_line_breaks_and_nothing_else() {
    let pretty =
        "{\n  \"data\": [\r\n    {\n      \"id\" : \"1\",\n\t\"text\": \"a\\n  b\"\n    }\n  ]\n}";
    let service = Service::start(move |_, _| ok(pretty.to_owned())).await;
    let printed = print(&service.url, &PATHWAY).await;
    assert_eq!(printed.stdout, "{      \"id\" : \"1\",\t\"text\": \"a\\n  b\"    }\n");
}

#[tokio::test]
async fn failures_that_pass_are_retried() {
    let all = ids(3);
    for (dialect, body) in [(ASSISTANT, None), (PATHWAY, Some(list(&all)))] {
        let service = Service::start({
            let all = all.clone();
            move |number, uri: &Uri| {
                let body = body.clone().unwrap_or_else(|| numbered_page(&all, uri));
                match number {
                    1 => cut(body),
                    2 => ok(body[..body.len() / 2].to_owned()),
                    3 => failure(429, "0"),
                    4 => failure(500, "Sun, 06 Nov 1994 08:49:37 GMT"),
                    5 => failure(503, "0"),
                    _ => ok(body),
                }
            }
        });
        let service = service.await;
        let mut printed = print(&hangs_up_once_before(&service).await, &dialect).await;
        let waits = printed.take_waits();
        printed.expect_report("3 widgets.");
        assert_eq!(printed.stdout, lines(&all));
        assert_eq!(waits.len(), 6, "{waits:?}");
        assert_eq!(waits[3], "429 Too Many Requests: trying again in 0.0 s (5 of 8)\n");
    }
}

/// Starts a front before a service that closes its first connection. Returns its URL.
async fn hangs_up_once_before(service: &Service) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = service.url.trim_start_matches("http://").to_owned();
    tokio::spawn(async move {
        drop(listener.accept().await.unwrap());
        while let Ok((mut client, _)) = listener.accept().await {
            let mut server = TcpStream::connect(&server).await.unwrap();
            tokio::spawn(async move { copy_bidirectional(&mut client, &mut server).await });
        }
    });
    url
}

#[tokio::test]
async fn failures_that_do_not_pass_end_the_export() {
    for (status, retry_after, attempts, reason) in [
        (500, "0", 8, "failed 8 times, the last time with: 500 Internal Server Error"),
        (429, "3600", 1, "asks to be left alone for 3600 seconds: 429 Too Many Requests"),
        (400, "0", 1, "refuses the request (400 Bad Request): check --from and --dialect"),
        (404, "0", 1, "(404 Not Found): check --from and --dialect"),
        (403, "0", 1, "does not let this API key list widgets (403 Forbidden)"),
        (308, "0", 1, "(308 Permanent Redirect): name the service with --from"),
    ] {
        let service = Service::start(move |_, _| failure(status, retry_after)).await;
        let mut printed = print(&service.url, &ASSISTANT).await;
        assert_eq!(printed.take_waits().len(), attempts - 1, "{printed:?}");
        printed.expect_failure(reason);
        assert_eq!(service.requests().len(), attempts, "{status}");
    }
}

/// The page shifts by one between two of its requests, and the count stays the same.
#[tokio::test]
async fn widget_that_shifts_to_a_page_that_was_read_is_found() {
    let all = Arc::new(Mutex::new(ids(250)));
    let service = Service::start({
        let all = Arc::clone(&all);
        move |number, uri| {
            let mut all = all.lock().unwrap();
            if number == 2 {
                all.remove(7);
                all.push("new".to_owned());
            }
            ok(numbered_page(&all, uri))
        }
    });
    let service = service.await;
    let folder = Folder::new();
    let printed = write(&service.url, &ASSISTANT, &folder.file(), &[]).await;
    let file = folder.file();
    printed.expect_report(&format!(
        "251 widgets in {}, 1 of which the service no longer has.",
        file.display()
    ));
    let mut found: Vec<String> = folder.text().lines().map(str::to_owned).collect();
    let mut expected: Vec<String> =
        ids(250).iter().map(String::as_str).chain(["new"]).map(widget).collect();
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
}

#[tokio::test]
async fn list_without_a_clean_pass_is_an_error() {
    let growing = Arc::new(Mutex::new(ids(150)));
    let service = Service::start(move |number, uri| {
        let mut all = growing.lock().unwrap();
        all.insert(0, format!("new {number}"));
        ok(numbered_page(&all, uri))
    });
    let service = service.await;
    let folder = Folder::new();
    let printed = write(&service.url, &ASSISTANT, &folder.file(), &[]).await;
    printed
        .expect_failure("changed in each of 5 passes, of which the last met 159 of 160, so some");
    printed.expect_failure("(--resume continues ");
    let mut found: Vec<String> = folder.text().lines().map(str::to_owned).collect();
    let count = found.len();
    found.sort();
    found.dedup();
    assert_eq!((found.len(), count > 150), (count, true));

    // The service counts a widget that it never shows, or shows one page for ever.
    let service = Service::start(|_, uri| {
        ok(numbered_page(&ids(4), uri).replace(r#""total":4"#, r#""total":5"#))
    });
    let printed = write(&service.await.url, &ASSISTANT, &Folder::new().file(), &[]).await;
    printed.expect_failure("of which the last met 4 of 5, so some may be missing");
    for (dialect, body) in [
        (ASSISTANT, r#"{"data":{"items":[{"id":"1"}],"total":1,"page":1,"size":1,"pages":2}}"#),
        (PATHWAY, r#"{"data":[{"id":"1"}]}"#),
    ] {
        let service = Service::start(move |_, _| {
            Some(([("link", r#"</v1/widgets>; rel="next""#)], body).into_response())
        });
        let printed = write(&service.await.url, &dialect, &Folder::new().file(), &[]).await;
        printed.expect_failure("of which the last met 1");
    }
}

#[tokio::test]
async fn page_that_is_too_large_is_halved() {
    let service = Service::start(|_, uri| {
        let size: usize = query(uri, "size").unwrap().parse().unwrap();
        if size > 25 { failure(413, "0") } else { ok(numbered_page(&ids(60), uri)) }
    });
    let printed = print(&service.await.url, &ASSISTANT).await;
    printed.expect_report("60 widgets.");
    assert_eq!(printed.stdout, lines(&ids(60)));

    let service = Service::start(|_, _| failure(413, "0")).await;
    print(&service.url, &ASSISTANT).await.expect_failure("cannot answer with a single widget");
}

#[tokio::test]
async fn interrupted_export_leaves_whole_lines_and_can_be_resumed() {
    for signal in ["-INT", "-TERM", "-KILL"] {
        let all = ids(250);
        let is_held = Arc::new(Mutex::new(true));
        let service = Service::start({
            let (all, is_held) = (all.clone(), Arc::clone(&is_held));
            move |number, uri| {
                if number == 3 && *is_held.lock().unwrap() {
                    return None;
                }
                ok(numbered_page(&all, uri))
            }
        });
        let service = service.await;
        let folder = Folder::new();
        let file = folder.file();
        let mut command = export(&service.url, &ASSISTANT).await;
        command.arg("--output").arg(&file).stderr(std::process::Stdio::piped());
        let process = command.spawn().unwrap();
        let is_waiting = || (service.requests().len() == 3).then_some(());
        eventually("the third page", is_waiting).await;

        // Two processes would write a widget twice.
        let second = write(&service.url, &ASSISTANT, &file, &["--resume"]).await;
        second.expect_failure(&format!("another export writes to {}", file.display()));
        let id = process.id().unwrap().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().await.unwrap().success());
        let output = process.wait_with_output().await.unwrap();
        assert!(!output.status.success());
        if signal != "-KILL" {
            Printed::new(output).expect_failure(&format!(
                "the export was interrupted (--resume continues {})",
                file.display()
            ));
        }
        assert_eq!(folder.text(), lines(&all[..200]));
        *is_held.lock().unwrap() = false;

        let again = write(&service.url, &ASSISTANT, &file, &[]).await;
        again.expect_failure("is there already: --resume continues it, or take another name");
        assert_eq!(folder.text(), lines(&all[..200]));

        // What a machine leaves that fails while it writes.
        let half = &lines(&all)[..lines(&all[..200]).len() + 20];
        fs::write(&file, half).unwrap();
        let resumed = write(&service.url, &ASSISTANT, &file, &["--resume"]).await;
        resumed.expect_report(&format!("250 widgets in {}, 50 of them new.", file.display()));
        assert_eq!(folder.text(), lines(&all));
        let complete = write(&service.url, &ASSISTANT, &file, &["--resume"]).await;
        complete.expect_report(&format!("250 widgets in {}, 0 of them new.", file.display()));
        assert_eq!(folder.text(), lines(&all));
    }
}

#[tokio::test]
async fn file_that_is_no_export_is_left_alone() {
    let service = Service::start(|_, _| ok(list(&ids(3)))).await;
    let folder = Folder::new();
    let text = lines(&ids(1)) + "{\"name\":\"no widget\"}\n{\"id\":";
    fs::write(folder.file(), &text).unwrap();
    let printed = write(&service.url, &PATHWAY, &folder.file(), &["--resume"]).await;
    printed.expect_failure("widgets.jsonl cannot be continued: line 2 is no widget");
    let printed = write(&service.url, &PATHWAY, &folder.file(), &[]).await;
    printed.expect_failure("is there already");
    assert_eq!((folder.text(), service.requests().len()), (text, 0));
    let nowhere = folder.file().join("no folder");
    let printed = write(&service.url, &PATHWAY, &nowhere, &[]).await;
    printed.expect_failure("cannot be written: Not a directory");
}

#[tokio::test]
async fn file_of_the_other_dialect_is_not_resumed() {
    let service = Service::start(|_, _| ok(list(&ids(3)))).await;
    for (dialect, other) in [(ASSISTANT, PATHWAY), (PATHWAY, ASSISTANT)] {
        let folder = Folder::new();
        let text = other.body.replacen('{', r#"{"id":"1","#, 1) + "\n";
        fs::write(folder.file(), &text).unwrap();
        let printed = write(&service.url, &dialect, &folder.file(), &["--resume"]).await;
        printed.expect_failure(&format!(
            "{} holds widgets of the {} dialect: name another file, or --dialect {}",
            folder.file().display(),
            other.name,
            other.name
        ));
        assert_eq!((folder.text(), service.requests().len()), (text, 0));
    }
}

#[tokio::test]
async fn full_disk_and_closed_pipe_end_the_export() {
    let service = Service::start(|_, _| ok(list(&ids(3)))).await;
    let printed = write(&service.url, &PATHWAY, Path::new("/dev/full"), &[]).await;
    printed.expect_failure("/dev/full cannot be written: No space left on device");
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = export(&service.url, &PATHWAY).await;
    let printed = command.stdout(writer).stderr(std::process::Stdio::piped()).spawn().unwrap();
    Printed::new(printed.wait_with_output().await.unwrap())
        .expect_failure("nobody reads standard output any more");
}

#[tokio::test]
async fn key_that_does_not_work_leaves_nothing_in_the_way() {
    let app = TestApp::start().await;
    for dialect in DIALECTS {
        app.create(&dialect).await;
        let folder = Folder::new();
        let file = folder.file();
        let unknown = write(&app.stack.url, &dialect, &file, &[]).await;
        unknown.expect_failure(&format!(
            "{}{} does not take the API key (401 Unauthorized): check WIDGETS_API_KEY or --key-file",
            app.stack.url, dialect.list
        ));
        let nowhere = write(&format!("{}/v2", app.stack.url), &dialect, &file, &[]).await;
        nowhere.expect_failure("(404 Not Found): check --from and --dialect");

        // A key that may only read is enough. The file has precedence over the environment.
        let key_file = folder.0.path().join("key");
        fs::write(&key_file, app.reading_key().await + "\n").unwrap();
        let options = ["--key-file", key_file.to_str().unwrap()];
        let printed = write(&app.stack.url, &dialect, &file, &options).await;
        printed.expect_report(&format!("1 widget in {}.", file.display()));
    }
}

#[tokio::test]
async fn missing_or_unusable_key_is_one_line() {
    let folder = Folder::new();
    let run = async |key: Option<&str>, options: &[&str]| {
        let mut command = export("http://127.0.0.1:1", &PATHWAY).await;
        command.env_remove("WIDGETS_API_KEY").envs(key.map(|key| ("WIDGETS_API_KEY", key)));
        Printed::new(command.args(options).output().await.unwrap())
    };
    run(None, &[]).await.expect_failure("no API key: set WIDGETS_API_KEY, or name a file");
    for key in ["", "  ", "a b", "ü", "a\u{7}b"] {
        let printed = run(Some(key), &[]).await;
        printed.expect_failure("the API key is not printable ASCII without spaces");
    }
    let file = folder.file();
    let options = ["--key-file", file.to_str().unwrap()];
    let absent = run(Some(KEY), &options).await;
    absent.expect_failure("the key file ");
    fs::write(&file, "in-1\nin-2\n").unwrap();
    run(Some(KEY), &options).await.expect_failure("the API key is not printable ASCII");
}

#[tokio::test]
async fn key_is_in_no_output_and_goes_to_no_other_service() {
    let stranger = Service::start(|_, _| ok(list(&ids(3)))).await;
    let escaped: String = url::form_urlencoded::byte_serialize(KEY.as_bytes()).collect();
    let elsewhere = format!("{}/v1/widgets?api_key={escaped}", stranger.url);
    let link = format!(r#"<{elsewhere}>; rel="next""#);
    let echo = format!(r#"{{"id":"{KEY}","detail":"no such key: {KEY}","data":"{escaped}"}}"#);
    let mut outputs = Vec::new();
    for dialect in DIALECTS {
        for status in [400, 401, 403, 404, 422, 204, 200] {
            let (status, body) = (StatusCode::from_u16(status).unwrap(), echo.clone());
            let service =
                Service::start(move |_, _| Some((status, body.clone()).into_response())).await;
            outputs.push(print(&service.url, &dialect).await);
        }
        for (status, header, value) in [(302, "location", &elsewhere), (200, "link", &link)] {
            let (status, value) = (StatusCode::from_u16(status).unwrap(), value.clone());
            let service = Service::start(move |_, _| {
                Some(
                    (status, [(header, value.clone())], r#"{"data":[{"id":"1"}]}"#).into_response(),
                )
            });
            outputs.push(print(&service.await.url, &dialect).await);
        }
        let service = Service::start(|_, _| failure(500, "0")).await;
        outputs.push(print(&service.url, &dialect).await);
        for base in ["https://a/?api_key=", "https://a/#", "https://", "a:"] {
            outputs.push(print(&format!("{base}{escaped}"), &dialect).await);
        }
    }
    assert_eq!(outputs.len(), 14 * DIALECTS.len());
    for printed in &mut outputs {
        let text = format!("{printed:?}");
        assert!(!text.contains("secret"), "{text}");
        printed.take_waits();
        assert!(!printed.is_success && printed.stderr.lines().count() == 1, "{text}");
    }
    let redirects = outputs.iter().filter(|printed| printed.stderr.contains(&stranger.url));
    assert_eq!((redirects.count(), stranger.requests().len()), (3, 0));
}

#[tokio::test]
async fn certificates_are_checked() {
    let service = Service::start(|_, _| ok(list(&ids(3)))).await;
    let front = TlsFront::before(&service.url.parse().unwrap()).await;
    let url = format!("https://localhost:{}", front.port);
    let mut command = export(&url, &PATHWAY).await;
    command.env("SSL_CERT_FILE", front.certificate.path());
    let trusted = Printed::new(command.output().await.unwrap());
    trusted.expect_report("3 widgets.");
    assert_eq!(trusted.stdout, lines(&ids(3)));
    let another = TlsFront::before(&service.url.parse().unwrap()).await;
    command.env("SSL_CERT_FILE", another.certificate.path());
    let untrusted = Printed::new(command.output().await.unwrap());
    untrusted.expect_failure("/v1/widgets cannot be reached: invalid peer certificate");
    untrusted.expect_failure("SSL_CERT_FILE names");
    assert_eq!(service.requests().len(), 1);
}
