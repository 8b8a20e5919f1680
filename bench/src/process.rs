//! What the kernel tells of a function's processes.

use std::{
    fs,
    path::{Path, PathBuf},
    process,
    time::Duration,
};

/// The processes of a function that this one started, as folders of `/proc`.
pub fn of(function: &str) -> impl Iterator<Item = PathBuf> {
    let own = format!("PPid:\t{}", process::id());
    let name = format!("Name:\t{function}");
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten().map(|entry| entry.path());
    processes.filter(move |process| {
        let status = fs::read_to_string(process.join("status")).unwrap_or_default();
        [&own, &name].iter().all(|wanted| status.lines().any(|line| line == **wanted))
    })
}

/// The memory that a process has now, in MiB.
pub fn resident(process: &Path) -> Option<f64> {
    // Exact, which `status` is not on every kernel.
    mebibytes(&process.join("smaps_rollup"), "Rss:")
}

/// The most memory that it ever had, in MiB.
pub fn peak(process: &Path) -> Option<f64> {
    mebibytes(&process.join("status"), "VmHWM:")
}

fn mebibytes(file: &Path, name: &str) -> Option<f64> {
    let text = fs::read_to_string(file).ok()?;
    let kib = text.lines().find_map(|line| line.strip_prefix(name)?.trim().strip_suffix(" kB"))?;
    kib.parse::<f64>().ok().map(|kib| kib / 1024.0)
}

/// The CPU time that its threads have had (<https://docs.kernel.org/scheduler/sched-stats.html>).
pub fn cpu(process: &Path) -> Option<Duration> {
    let threads = fs::read_dir(process.join("task")).ok()?.flatten();
    let times = threads.map(|thread| {
        let schedstat = fs::read_to_string(thread.path().join("schedstat")).ok()?;
        schedstat.split(' ').next()?.parse().ok().map(Duration::from_nanos)
    });
    times.sum()
}

/// Whether all its threads wait for something.
pub fn is_asleep(process: &Path) -> Option<bool> {
    let mut threads = fs::read_dir(process.join("task")).ok()?.flatten();
    let is_asleep = |thread: fs::DirEntry| {
        let status = fs::read_to_string(thread.path().join("status")).unwrap_or_default();
        status.lines().any(|line| line.starts_with("State:\tS"))
    };
    Some(threads.all(is_asleep))
}
