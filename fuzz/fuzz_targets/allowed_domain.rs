#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| invariants::allowed_domain(input));
