//! `widgets export` at a terminal: the prompt for the key, and the progress bar.

use std::{
    fs::{File, OpenOptions},
    io::{Read, Write},
    process::Stdio,
};

use rustix::{
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{LocalModes, tcgetattr},
};
use tokio::task::spawn_blocking;

use super::service::{Service, ids, lines, numbered_page, ok, query};
use crate::{command::widgets, support::app::eventually};

/// A terminal: its keyboard and screen, and the device that a process has it by.
pub fn terminal() -> (File, File) {
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY;
    let screen = openpt(flags).unwrap();
    grantpt(&screen).unwrap();
    unlockpt(&screen).unwrap();
    let name = ptsname(&screen, Vec::new()).unwrap();
    let device = OpenOptions::new().read(true).write(true).open(name.to_str().unwrap()).unwrap();
    (screen.into(), device)
}

#[tokio::test]
async fn key_is_asked_for_without_echo_and_a_bar_shows_the_progress() {
    let service = Service::start(|_, uri| {
        assert_eq!(query(uri, "api_key").as_deref(), Some("in-typed"));
        ok(numbered_page(&ids(250), uri))
    });
    let service = service.await;
    let (mut screen, device) = terminal();
    let mut command = widgets(&["export", "--dialect", "assistant", "--from", &service.url]).await;
    let stream = || Stdio::from(device.try_clone().unwrap());
    command.env_remove("WIDGETS_API_KEY").stdin(stream()).stderr(stream());
    let process = command.stdout(Stdio::piped()).spawn().unwrap();
    // The command's copies go, so that its end is the end of what is shown.
    drop(command);
    let echoes = || tcgetattr(&device).unwrap().local_modes.contains(LocalModes::ECHO);
    eventually("a prompt without echo", || (!echoes()).then_some(())).await;
    screen.write_all(b"in-typed\n").unwrap();
    let output = process.wait_with_output().await.unwrap();
    assert!(output.status.success() && echoes(), "{output:?}");
    assert_eq!(String::from_utf8(output.stdout).unwrap(), lines(&ids(250)));

    drop(device);
    let shown = spawn_blocking(move || {
        let mut shown = Vec::new();
        // A terminal that no process has any more ends with an error.
        let _ = screen.read_to_end(&mut shown);
        String::from_utf8(shown).unwrap()
    });
    let shown = shown.await.unwrap();
    assert!(shown.starts_with("API key: ") && shown.ends_with("250 widgets.\r\n"), "{shown:?}");
    assert!(shown.contains("250/250 widgets"), "{shown:?}");
    assert!(!shown.contains("typed"), "{shown:?}");
}
