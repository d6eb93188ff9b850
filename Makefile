# Commands to build, try, test and pack bpflame. The longer recipes are scripts in tests/rig/.
PID ?=
LEVEL ?= test
SECONDS_PER_TARGET ?= 20
UNWIND_FILES ?= /usr/bin /usr/lib

.PHONY: help flamegraph test test-all test-vm test-backends test-runtimes lint deny msrv bpf-arm64 fuzz bench compare unwind-differential unwind-bench unwound dist

help:
	@echo 'make flamegraph [PID=1234]  install missing packages, build, record a sample program or process 1234, write flame.svg'
	@echo 'make test [LEVEL=all]       install missing packages, run the tests; with LEVEL=all, as test-all does'
	@echo 'make test-all               first install more programs, so that fewer tests are skipped; run test-vm at the end'
	@echo 'make test-vm                test one static binary in virtual machines with the kernels of four Debian releases'
	@echo 'make test-runtimes          test the names of functions on other versions of Python, Java and Node.js; needs root'
	@echo 'make test-backends          upload to receivers and read back what arrived; PYROSCOPE=, PARCA= add real servers (binary or URL)'
	@echo 'make lint                   check formatting, warnings and docs'
	@echo 'make deny                   check licences and duplicate crates'
	@echo 'make msrv                   check the lowest Rust version'
	@echo 'make dist                   pack one static binary with man pages and completions'
	@echo 'make bench [PEERS=DIR]      measure bpflame beside other profilers'
	@echo 'make compare                compare stacks of real programs with those of perf; OTEL_PROFILER= adds the OpenTelemetry profiler'
	@echo 'make unwind-differential    compare the unwind rules of all files in UNWIND_FILES with those of gimli'
	@echo 'make unwind-bench           measure the cost of making unwind rules'
	@echo 'make unwound                record the stacks in testdata/unwind again'
	@echo 'make fuzz                   run every fuzz target for 20 seconds (SECONDS_PER_TARGET=)'
	@echo 'make bpf-arm64              compile the BPF programs for arm64'

flamegraph:
	@tests/rig/flamegraph $(PID)

test:
	@tests/rig/test $(LEVEL)

test-all:
	@tests/rig/test all

test-vm:
	@tests/vm/run

test-backends:
	@tests/backends/run

test-runtimes:
	cargo build --release -p profiler
	tests/rig/runtimes target/runtimes python:3.9:bullseye python:3.13:trixie python:3.14:sid java:8:sid java:11:bullseye \
		java:21:trixie java:25:sid node:18 node:20 node:22 node:24 node:25 node:26
	set -e; export RUNTIMES=$$(realpath target/runtimes) BPFLAME=$$(realpath target/release/bpflame); \
		for language in python java node javascript; do cargo test -p tests -- live::$$language; done

lint:
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	cargo clippy -p profiler --no-default-features --all-targets -- -D warnings
	RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps
	@tests/rig/lint

deny:
	@tests/rig/deny

msrv:
	@tests/rig/msrv

bpf-arm64:
	BPFLAME_BPF_ARCH=arm64 cargo check -p bpf

fuzz:
	@FUZZ_SEED=$(FUZZ_SEED) FUZZ_LIGHT=$(FUZZ_LIGHT) tests/rig/fuzz $(SECONDS_PER_TARGET)

bench:
	@tests/bench/run

compare:
	@tests/compare/run; status=$$?; tests/compare/run node && exit $$status

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
