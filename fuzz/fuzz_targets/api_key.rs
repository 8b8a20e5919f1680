#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| invariants::api_key(input));
