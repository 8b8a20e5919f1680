//! Links a deployed function at a fixed address.
//!
//! The loader relocates a position-independent executable at every start, before it does anything
//! (ARCHITECTURE.md, "Speed"). What this gives up is the random address of the program itself. Its
//! libraries, heap and stack still have theirs.

fn main() {
    println!("cargo::rerun-if-changed=../build.rs");
    if std::env::var("PROFILE").as_deref() == Ok("release") {
        println!("cargo::rustc-link-arg-bins=-no-pie");
    }
}
