# Builds a function for TARGET and puts its bootstrap where `sam build` expects it. cargo-lambda adds
# the target to the Rust toolchain if it is missing.
build-Assistant: BINARY := assistant
build-Pathway: BINARY := pathway

build-Assistant build-Pathway:
	cargo lambda build --release --target $(TARGET) --bin $(BINARY) --flatten $(BINARY) --lambda-dir $(ARTIFACTS_DIR)
