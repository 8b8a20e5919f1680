//! The cold path: from the start of a process to its first answer, over TLS, with no more CPU than
//! Lambda gives.

use std::path::{Path, PathBuf};
use std::{fmt, fs, thread, time::Duration};

use anyhow::{Context, Result};
use tokio::process::Command;
use uuid::Uuid;

use crate::programs::{Binaries, Program};
use crate::table::{Table, number};
use crate::{
    dialect::Operation, environment::Environment, figures::Comparison, figures::Samples,
    store_stub::StoreStub,
};

/// How often each program is started with each quota.
const STARTS: usize = 15;

/// The memory sizes, in MB.
const MEMORY_SIZES: [u64; 3] = [128, 256, 512];

/// The memory size that has one vCPU, in MB
/// (<https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html>).
const ONE_VCPU: u64 = 1_769;

/// The period of a quota, in µs. This is an assumption: AWS documents no period.
const PERIOD: u64 = 20_000;

/// Waits for a line, trusts a certificate, and becomes the program.
const SHELL: &str = r#"read -r _; export AWS_CA_BUNDLE="$1" SSL_CERT_FILE="$1"; exec "$0""#;

const CAPTION: &str = "\
Milliseconds from the start of a process to its first answer: of a create, or of the event by the
echo. Each figure is a median. The store is a stub that serves HTTPS on loopback. A cgroup limits
the CPU to what Lambda gives each memory size, during INIT, too, and nothing else. The kernel
enforces the limit at its ticks, such as every 4 ms, so a program that answers within a tick hardly
notices it.

Compare program with program. Do not compare these milliseconds with Lambda's: no bundle is
downloaded, no Firecracker VM starts, Lambda prepares no environment, and the network has no
latency. Published for Lambda, at 128 MB on arm64 with aws-sdk-dynamodb: the first request takes
912 ms, or 21 ms if INIT has opened the connection
(<https://shinyaz.com/en/til/2026/03/31/aws-sdk-rust-lazy-tls-connection>).
";

/// Medians by program and memory size, in ms. They print as a section in Markdown.
pub struct ColdStarts {
    pub medians: Comparison,
    /// Why there are no quotas.
    unlimited: Option<String>,
}

/// Measures all programs. They take turns.
pub async fn measure(binaries: &Binaries) -> Result<ColdStarts> {
    let (store, certificate) = StoreStub::start_tls().await?;
    let mut columns = vec![None];
    let unlimited = CpuQuota::of_memory(MEMORY_SIZES[0]).err().map(|error| format!("{error:#}"));
    if unlimited.is_none() {
        columns.extend(MEMORY_SIZES.map(Some));
    }
    let mut starts = Program::ALL.map(|program| (program, Samples::default()));
    for _ in 0..STARTS {
        for &memory in &columns {
            for (program, samples) in &mut starts {
                let mut command = Command::new("/bin/sh");
                command.args(["-c", SHELL]).arg(binaries.of(*program)).arg(certificate.path());
                let time = first_answer(*program, command, &store, memory).await;
                let time = time.with_context(|| program.title())?;
                let column = memory.map_or("no limit".to_owned(), |memory| format!("{memory} MB"));
                samples.add(column, time.as_secs_f64() * 1e3);
            }
        }
    }
    let medians =
        starts.iter().map(|(program, samples)| (program.title(), samples.percentiles(50)));
    Ok(ColdStarts { medians: medians.collect(), unlimited })
}

/// Returns the time from the start of a program to its first answer. `command` is the shell that
/// becomes the program.
async fn first_answer(
    program: Program,
    command: Command,
    store: &StoreStub,
    memory: Option<u64>,
) -> Result<Duration> {
    // A new one each time: a cgroup keeps the debt of a process that overran its quota.
    let quota = memory.map(CpuQuota::of_memory).transpose()?;
    let mut environment = Environment::with(command, &store.url).await?;
    environment.asleep().await?;
    if let Some(quota) = &quota {
        // The kernel may take 20 ms to move a process. This is no part of the start.
        quota.set("cgroup.procs", environment.process.pid().to_string())?;
    }
    environment.resume().await?;
    let (answer, _) = environment.invoke(program.event(Operation::Create, "")).await?;
    let time = environment.age();
    program.check(Operation::Create, "", &answer)?;
    environment.terminate().await?;
    Ok(time)
}

impl fmt::Display for ColdStarts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{CAPTION}")?;
        if let Some(reason) = &self.unlimited {
            writeln!(f, "The CPU cannot be limited on this machine: {reason}.\n")?;
        }
        let columns = self.medians.values().next().into_iter().flat_map(|figures| figures.keys());
        let mut table = Table::new([""].into_iter().chain(columns.map(String::as_str)));
        for (program, figures) in &self.medians {
            table.row([program.clone()].into_iter().chain(figures.values().copied().map(number)));
        }
        table.fmt(f)
    }
}

/// A cgroup whose processes share a part of a vCPU. Dropping it removes it, once its processes have
/// ended.
struct CpuQuota(PathBuf);

impl CpuQuota {
    /// Makes a cgroup with the CPU that a function of `memory` MB has. It is in the hierarchy that
    /// has the cpu controller: of cgroup v1 where that is mounted, or else of v2.
    fn of_memory(memory: u64) -> Result<Self> {
        let mounts = procfs::mounts()?;
        let has_cpu = |mount: &&procfs::MountEntry| {
            mount.fs_vfstype == "cgroup" && mount.fs_mntops.contains_key("cpu")
        };
        let v1 = mounts.iter().find(has_cpu);
        let v2 = mounts.iter().find(|mount| mount.fs_vfstype == "cgroup2");
        let mount = v1.or(v2).context("no cgroup file system is mounted")?;
        let folder = Path::new(&mount.fs_file).join(format!("bench-{}", Uuid::new_v4()));
        fs::create_dir(&folder)
            .with_context(|| format!("no cgroup can be made in {}", mount.fs_file))?;
        let quota = Self(folder);
        let microseconds = PERIOD * memory / ONE_VCPU;
        if v1.is_some() {
            quota.set("cpu.cfs_period_us", PERIOD.to_string())?;
            quota.set("cpu.cfs_quota_us", microseconds.to_string())?;
        } else {
            let limit = quota.set("cpu.max", format!("{microseconds} {PERIOD}"));
            limit.context("cgroup v2 has no cpu controller here")?;
        }
        Ok(quota)
    }

    /// Writes to a file of the cgroup, which has those of the cpu controller if that is enabled.
    fn set(&self, name: &str, value: String) -> Result<()> {
        fs::write(self.0.join(name), value)
            .with_context(|| format!("{name} of a cgroup cannot be written"))
    }
}

impl Drop for CpuQuota {
    fn drop(&mut self) {
        // A killed process stays for a moment.
        for _ in 0..100 {
            if fs::remove_dir(&self.0).is_ok() {
                return;
            }
            thread::sleep(Duration::from_millis(10));
        }
    }
}
