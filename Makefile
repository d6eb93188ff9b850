# What a clone is built, tried, tested and packed with. The longer recipes are scripts in tests/rig/.
PID ?=
SECONDS_PER_TARGET ?= 20
UNWIND_FILES ?= /usr/bin /usr/lib

.PHONY: help flamegraph test test-all test-vm test-backends lint deny msrv bpf-arm64 fuzz bench compare unwind-differential unwind-bench unwound dist

help:
	@echo 'make flamegraph [PID=1234]  install what is needed, record a sample program or the process, write flame.svg'
	@echo 'make test                   install what is needed and run the tests; test-all: with all that can be installed'
	@echo 'make test-vm                the same binary in virtual machines with the kernels of four Debian releases'
	@echo 'make test-backends          uploads, read back; PYROSCOPE=, PARCA=: from real servers, a binary or a URL each'
	@echo 'make lint                   formatting, warnings, docs; deny: licences and duplicates; msrv: the lowest Rust'
	@echo 'make dist                   one static binary with man page and completions'
	@echo 'make bench [PEERS=DIR]      figures beside other profilers'
	@echo 'make compare                stacks of real programs beside those of perf; OTEL_PROFILER=: of the OpenTelemetry profiler'
	@echo 'make unwind-differential       the unwind rules of all files in UNWIND_FILES beside those of gimli; unwind-bench: what they cost'
	@echo 'make unwound                records the stacks in testdata/unwind anew'
	@echo 'make fuzz                   every fuzz target for a few seconds; bpf-arm64: the BPF programs for arm64'

flamegraph:
	@tests/rig/flamegraph $(PID)

test:
	@tests/rig/test test

test-all:
	@tests/rig/test all

test-vm:
	@tests/vm/run

test-backends:
	@tests/backends/run

lint:
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps
	@tests/rig/lint

deny:
	@tests/rig/deny

msrv:
	@tests/rig/msrv

bpf-arm64:
	BPFLAME_BPF_ARCH=arm64 cargo check -p bpf

fuzz:
	@FUZZ_SEED=$(FUZZ_SEED) tests/rig/fuzz $(SECONDS_PER_TARGET)

bench:
	@tests/bench/run

compare:
	@tests/compare/run

unwind-differential:
	cargo build --release -p profiler
	cargo run --release -p unwind --example differential -- $(UNWIND_FILES) $(or $(CARGO_TARGET_DIR),target)/release/bpflame

unwind-bench:
	cargo run --release -p unwind --example benchmark -- /usr/bin/node /usr/lib/gcc/x86_64-linux-gnu/*/cc1plus \
		$(wildcard $(shell rustc --print sysroot)/lib/librustc_driver-*.so) /usr/lib/x86_64-linux-gnu/libc.so.6

unwound:
	$(MAKE) -s -C testdata/programs OUT="$(abspath $(or $(CARGO_TARGET_DIR),target)/programs)" unwound
	cargo run -p bpf --features native-walk --example record_unwound -- $(or $(CARGO_TARGET_DIR),target)/programs/unwound testdata/unwind

dist:
	@tests/rig/dist
