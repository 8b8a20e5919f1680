# Builds a function and puts its bootstrap where `sam build` looks for it. The Makefile that includes
# this says for which TARGET and CPU. cargo-lambda adds a missing target to the Rust toolchain.

build-Assistant: BINARY := assistant
build-Pathway: BINARY := pathway
# A program of the benchmark's: a create without Lambda and store (bench/programs).
build-InProcess: BINARY := in_process

# A program at a fixed address has nothing to relocate when it starts. Panics name the files of
# crates without the folder of this machine that the crates are in.
CARGO_HOME ?= $(HOME)/.cargo
REGISTRY := $(CARGO_HOME)/registry/src/index.crates.io-1949cf8c6b5b557f/
export RUSTFLAGS := $(CPU) -C relocation-model=static --remap-path-prefix=$(REGISTRY)=

build-Assistant build-Pathway build-InProcess:
	cargo lambda build --release --target $(TARGET) --package $(BINARY) --bin $(BINARY) --flatten $(BINARY) --lambda-dir $(ARTIFACTS_DIR)
