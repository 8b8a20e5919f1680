//! What `widgets` is to a shell and a terminal: colours, completions, the manual.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{BufRead, BufReader, ErrorKind},
    os::fd::{AsFd, OwnedFd},
    process::Stdio,
};

use rustix::{
    fs::{Mode, OFlags, open},
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
};
use tokio::{process::Command, task::spawn_blocking};

use super::command::{Serve, run, widgets};

/// What starts a colour.
const ESCAPE: char = '\u{1b}';

/// Opens a terminal: what shows its lines, and what a program writes to.
fn terminal() -> (BufReader<File>, OwnedFd) {
    let screen = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&screen).unwrap();
    unlockpt(&screen).unwrap();
    let name = ptsname(&screen, Vec::new()).unwrap();
    let program = open(name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap();
    (BufReader::new(File::from(screen)), program)
}

/// Returns the first line on `screen` that contains `part`.
async fn shown(screen: BufReader<File>, part: &'static str) -> String {
    // The end of a terminal is an error.
    let find = move || screen.lines().map_while(Result::ok).find(|line| line.contains(part));
    let line = spawn_blocking(find).await.unwrap();
    line.unwrap_or_else(|| panic!("no line with {part}")).trim_end().to_owned()
}

/// Returns the first line that contains `part` of what the command writes on a terminal.
async fn on_terminal(mut command: Command, part: &'static str) -> String {
    let (screen, program) = terminal();
    let shown = tokio::spawn(shown(screen, part));
    let stdout = program.as_fd().try_clone_to_owned().unwrap();
    command.stdout(stdout).stderr(program).status().await.unwrap();
    // The command holds the terminal open, and its lines would never end.
    drop(command);
    shown.await.unwrap()
}

#[tokio::test]
async fn help_and_errors_have_colours_on_a_terminal_without_no_color_alone() {
    let folder = tempfile::tempdir().unwrap();
    let failing = ["keys", "list", "--data", folder.path().to_str().unwrap()];
    let cases =
        [(&["keys", "--help"][..], "Usage:"), (&failing, "widgets:"), (&["nothing"], "error:")];
    for (arguments, part) in cases {
        let line = on_terminal(widgets(arguments).await, part).await;
        assert!(line.starts_with(ESCAPE), "{line}");
        let mut plain = widgets(arguments).await;
        plain.env("NO_COLOR", "1");
        let line = on_terminal(plain, part).await;
        assert!(line.starts_with(part) && !line.contains(ESCAPE), "{line}");
        let piped = run(arguments).await;
        assert!(!piped.stdout.contains(ESCAPE) && !piped.stderr.contains(ESCAPE), "{piped:?}");
    }
}

#[tokio::test]
async fn log_line_of_the_gateway_has_status_method_and_path() {
    let (screen, program) = terminal();
    let (pipe, log) = std::io::pipe().unwrap();
    let on_terminal = Serve::start_logging(&["--ephemeral"], program).await;
    let in_pipe = Serve::start_logging(&["--ephemeral"], log).await;
    for serve in [&on_terminal, &in_pipe] {
        let url = format!("{}/nowhere?api_key=in-secret", serve.url);
        let answer = reqwest::Client::new().put(url).send().await.unwrap();
        assert_eq!(answer.status(), 404);
        let url = format!("{}/2015-03-31/functions/Nobody/invocations", serve.url);
        let answer = reqwest::Client::new().post(url).body("{}").send().await.unwrap();
        assert_eq!(answer.status(), 404);
    }
    let coloured = "Gateway   │ \u{1b}[33m404\u{1b}[0m PUT /nowhere: Not Found";
    assert_eq!(shown(screen, "nowhere").await, coloured);
    let pipe = BufReader::new(File::from(OwnedFd::from(pipe)));
    let lines = spawn_blocking(|| {
        let lines =
            pipe.lines().map(Result::unwrap).skip_while(|line| !line.starts_with("Gateway"));
        lines.take(2).collect::<Vec<_>>()
    });
    let invocation = "POST /2015-03-31/functions/Nobody/invocations: ResourceNotFoundException";
    let expected = ["404 PUT /nowhere: Not Found", &format!("404 {invocation}")];
    assert_eq!(lines.await.unwrap(), expected.map(|line| format!("Gateway   │ {line}")));
    assert!(on_terminal.end("-INT").await && in_pipe.end("-INT").await);
}

#[tokio::test]
async fn shells_complete_commands_and_options() {
    // The script is the first argument of each. Prints what the shell completes `keys is` to.
    let shells = [
        (
            "bash",
            r#"source "$1"; COMP_WORDS=(widgets keys is) COMP_CWORD=2
               "$(complete -p widgets | sed 's/.*-F \([^ ]*\).*/\1/')" widgets is keys
               echo "${COMPREPLY[@]}""#,
        ),
        ("fish", r#"source $argv[2]; complete --do-complete "widgets keys is""#),
        // Without a terminal it completes nothing: the script is read as it is at a start.
        (
            "zsh",
            r#"autoload -U compinit; compinit -D; source "$1"; (( $+_comps[widgets] )) && echo issue"#,
        ),
    ];
    for (shell, completed) in shells {
        let script = run(&["completions", shell]).await.stdout;
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(&file, script).unwrap();
        let mut command = Command::new(shell);
        command.args(["-c", completed, "-"]).arg(file.path()).stdin(Stdio::null());
        match command.output().await {
            Err(error) if error.kind() == ErrorKind::NotFound && shell != "bash" => {
                eprintln!("SKIPPED: no {shell} on the PATH");
            }
            output => {
                let output = output.unwrap();
                let stdout = String::from_utf8_lossy(&output.stdout);
                assert!(stdout.starts_with("issue"), "{shell}: {output:?}");
                assert!(output.stderr.is_empty(), "{shell}: {output:?}");
            }
        }
    }
}

#[tokio::test]
async fn manual_has_a_page_a_command() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("share/man1");
    let printed = run(&["man", folder.to_str().unwrap()]).await;
    assert!(printed.is_success && printed.stdout.is_empty(), "{printed:?}");
    let page = |name: &str| fs::read_to_string(folder.join(format!("{name}.1"))).unwrap();

    let mut pages = BTreeSet::from(["widgets".to_owned()]);
    let mut unread = Vec::from_iter(pages.clone());
    while let Some(name) = unread.pop() {
        let page = page(&name);
        assert!(page.contains(&format!(".TH {name} 1 ")), "{page}");
        assert!(page.contains("\n.SH EXAMPLES\n"), "{page}");
        // Its commands: widgets\-keys(1).
        let (_, commands) = page.split_once("\n.SH SUBCOMMANDS\n").unwrap_or_default();
        let lines = commands.lines().filter_map(|line| line.strip_suffix("(1)"));
        unread.extend(lines.map(|line| line.replace('\\', "")));
        pages.extend(unread.clone());
    }
    let files = fs::read_dir(&folder).unwrap();
    let files: BTreeSet<String> =
        files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(files, pages.iter().map(|page| format!("{page}.1")).collect());
    assert!(pages.contains("widgets-keys-issue"), "{pages:?}");

    let taken = run(&["man", "/dev/null"]).await;
    taken.expect_failure("the manual cannot be written to /dev/null: ");
}
