//! The threads of an environment: one, or where Lambda hands it several events at once, one for each vCPU.
//!
//! On Managed Instances `AWS_LAMBDA_MAX_CONCURRENCY` says how many events those are, from 1 to 1,600
//! (<https://docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html#runtimes-custom-managed-instances>). There is no such
//! variable elsewhere: it is one, and so is the thread.
//!
//! The threads share nothing but standard output. Each has a runtime, connections and a cache of keys of its own, so that none
//! waits for another, and what a function is made of need not be [`Send`].

use std::{env, io, num::NonZeroUsize, thread};

use lambda_runtime::Error;
use tokio::runtime::{Builder, Runtime};

use crate::{
    error::Causes,
    log::{self, Level},
};

/// The most events that Lambda hands to an environment at once.
const MOST_AT_ONCE: usize = 1600;

/// In each thread, has `open` make what `serve` then serves with so many loops as are the thread's share.
///
/// # Errors
///
/// What `open` fails with in this thread, before there are others: what is wrong with the configuration is told once. Else
/// what `serve` fails with here, once it has failed everywhere.
pub fn run<T>(
    open: impl AsyncFn() -> Result<T, Error> + Copy + Send + 'static,
    serve: impl AsyncFn(T, usize) -> Result<(), Error> + Copy + Send + 'static,
) -> Result<(), Error> {
    let loops = max_concurrency();
    let mut shares = shares(loops, vcpus(loops));
    let own = shares.next().unwrap_or(1);
    let runtime = runtime()?;
    let opened = runtime.block_on(open())?;
    let others = shares.filter_map(|share| {
        let work = move || self::runtime()?.block_on(async { serve(open().await?, share).await });
        // What goes on elsewhere ends neither with it nor without it.
        let thread =
            thread::Builder::new().spawn(move || work().unwrap_or_else(|error| ended(&error)));
        thread
            .inspect_err(|error| {
                log::event(Level::Error, "a thread cannot be started", &error.to_string())
            })
            .ok()
    });
    let others: Vec<_> = others.collect();
    let outcome = runtime.block_on(serve(opened, own));
    if !others.is_empty()
        && let Err(error) = &outcome
    {
        ended(error);
    }
    for other in others {
        // One that panicked has said so.
        let _ = other.join();
    }
    outcome
}

fn ended(error: &Error) {
    log::event(Level::Error, "a thread ended", &Causes(&**error).to_string());
}

/// What `#[tokio::main(flavor = "current_thread")]` makes.
fn runtime() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}

/// How many events Lambda hands to this environment at once. What is none of its numbers is one.
fn max_concurrency() -> usize {
    let variable = env::var("AWS_LAMBDA_MAX_CONCURRENCY").ok();
    variable
        .and_then(|text| text.parse().ok())
        .filter(|number| (1..=MOST_AT_ONCE).contains(number))
        .unwrap_or(1)
}

/// How many vCPUs there are for `loops`. To find out reads files, which a cold start does not pay for where one is enough.
fn vcpus(loops: usize) -> usize {
    if loops == 1 { 1 } else { thread::available_parallelism().map_or(1, NonZeroUsize::get) }
}

/// How many of `loops` each thread has: as equal as can be, and no thread without any.
fn shares(loops: usize, vcpus: usize) -> impl Iterator<Item = usize> {
    let threads = loops.min(vcpus);
    (0..threads).map(move |thread| (loops - thread).div_ceil(threads))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_loop_is_one_thread_s_and_no_thread_has_many_more_than_another() {
        for (loops, vcpus, expected) in [
            (1, 1, &[1][..]),
            (1, 4, &[1]),
            (2, 4, &[1, 1]),
            (8, 1, &[8]),
            (8, 3, &[3, 3, 2]),
            (16, 4, &[4, 4, 4, 4]),
        ] {
            assert_eq!(
                shares(loops, vcpus).collect::<Vec<_>>(),
                expected,
                "{loops} loops, {vcpus} vCPUs"
            );
        }
    }
}
