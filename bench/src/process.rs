//! What the kernel says of a process.

use std::{process, time::Duration};

use anyhow::{Context, Result};
use procfs::process::{Process, all_processes};

/// The letter of a thread that sleeps
/// (<https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html>).
const SLEEPING: char = 'S';

/// Returns the most resident memory of a process since its start, in MiB.
pub fn peak_memory(process: &Process) -> Result<f64> {
    let kib = process.status()?.vmhwm.context("a process without memory")?;
    Ok(kib as f64 / 1024.0)
}

/// Returns the resident memory of the largest child of this process that runs `binary`, in MiB.
pub fn largest_child(binary: &str) -> Result<f64> {
    // Exact, which `status` is not on every kernel.
    let resident = |process: Process| {
        let stat = process.stat().ok()?;
        let is_child = stat.comm == binary && stat.ppid == i32::try_from(process::id()).ok()?;
        let maps = is_child.then(|| process.smaps_rollup().ok())??;
        maps.memory_map_rollup.0.first()?.extension.map.get("Rss").copied()
    };
    let largest = all_processes()?.flatten().filter_map(resident).max();
    Ok(largest.unwrap_or_default() as f64 / f64::from(1 << 20))
}

/// Returns the CPU time of all threads (<https://docs.kernel.org/scheduler/sched-stats.html>).
pub fn cpu(process: &Process) -> Result<Duration> {
    let time = |task: procfs::ProcResult<procfs::process::Task>| {
        Ok(Duration::from_nanos(task?.schedstat()?.sum_exec_runtime))
    };
    process.tasks()?.map(time).sum()
}

/// Returns whether all threads sleep.
pub fn is_asleep(process: &Process) -> Result<bool> {
    let states = process.tasks()?.map(|task| Ok(task?.stat()?.state));
    Ok(states.collect::<Result<Vec<char>>>()?.iter().all(|state| *state == SLEEPING))
}
