//! How a deployed function is linked: at a fixed address.
//!
//! A position-independent executable is relocated at every start, before it does anything (ARCHITECTURE.md, "Speed"). What is given up is the randomised
//! address of the program itself; its libraries, heap and stack still have theirs.

fn main() {
    println!("cargo::rerun-if-changed=../build.rs");
    if std::env::var("PROFILE").as_deref() == Ok("release") {
        println!("cargo::rustc-link-arg-bins=-no-pie");
    }
}
