# The same commands a person, CI and the demo use. `make demo` and `make test` work as the first command in a fresh clone.

SWIFT ?= swift
STATE ?= $(CURDIR)/.demo/state
RUN   ?= $(CURDIR)/.demo/run

PREFIX ?= /usr/local
CONFIGURATION ?= release
# Optimised programs carry Swift's runtime with them, as those of the package do: they start in half the time and memory,
# and one set of build products serves the demo, the package and the measurements.
OPTIMISED = $(SWIFT) build -c release --static-swift-stdlib
DESTDIR ?=

.PHONY: help graphs prune-graphs demo test mutants build release run lint format tsan deps test-deps clean package install deb
.PHONY: bench bench-quick bench-mirror bench-scale bench-programs engine-faults fuzz test-package test-vm quota-day kills measure-transfers

help:
	@echo "make demo     build, start layerd, pull three images, show what it did (nothing is left running)"
	@echo "make test     every test; says what it skipped and why"
	@echo "make mutants  shows that the fault tests can fail: takes away each protection, expects its test to (an hour)"
	@echo "make run      layerd in the foreground, for real use; Ctrl-C ends it"
	@echo "make build    debug build        make release  optimised build"
	@echo "make test-package, test-vm    the package in a fresh Debian root, and in a small machine with systemd"
	@echo "make deb      a Debian package in .build/deb    make install PREFIX=/usr/local DESTDIR="
	@echo "make lint     style and sizes    make format   put the style right    make tsan  the tests under ThreadSanitizer"
	@echo "make bench    layerd beside the bare limit and its peers (ratios)     make bench-quick  the same in two minutes"
	@echo "make bench-mirror    the mirror beside nginx and docker-registry     make bench-scale  from 1,000 to 100,000 images"
	@echo "make fuzz     mutated input for every parser, 10 minutes each (FUZZ_SECONDS=600)"

deps:
	@.ci/install build

test-deps:
	@.ci/install build test

build: deps
	$(SWIFT) build

release: deps
	$(OPTIMISED) --product layerd
	$(OPTIMISED) --product layerctl

demo: deps
	@.ci/install demo
	$(OPTIMISED) --product layerd
	$(OPTIMISED) --product layerctl
	$(OPTIMISED) --product hub-stand-in
	@.ci/demo

run: release
	@mkdir -p "$(STATE)" "$(RUN)"
	@echo "point docker at it:   docker -H unix://$(RUN)/layerd.sock pull alpine"
	"$$($(OPTIMISED) --show-bin-path)/layerd" --state-dir "$(STATE)" --socket "$(RUN)/layerd.sock"

test: test-deps
	@.ci/test

# The long forms of two proofs: 300 kills during pulls, and the figures that transfers are held to.
kills: test-deps
	LAYERD_SUITES=IntegrationTests $(SWIFT) build --build-tests
	LAYERD_SUITES=IntegrationTests LAYERD_KILLS=300 $(SWIFT) test --skip-build --filter 'killed again and again'

# All of what engines do beside a registry in trouble; `make test` leaves out the slowest.
engine-faults: test-deps
	LAYERD_SUITES=IntegrationTests $(SWIFT) build --build-tests
	LAYERD_SUITES=IntegrationTests LAYERD_ENGINE_FAULTS=all $(SWIFT) test --skip-build --filter 'registry in trouble'

measure-transfers: deps
	$(OPTIMISED) --product layerd
	$(OPTIMISED) --product layerctl
	$(OPTIMISED) --product measure-transfers
	"$$($(OPTIMISED) --show-bin-path)/measure-transfers"

# The ledger against 10,000 random graphs of images, 600 of them with real files; minutes, where `make test` takes seconds.
graphs: test-deps
	LAYERD_SUITES=CatalogueTests,PullingTests $(SWIFT) build --build-tests
	LAYERD_SUITES=CatalogueTests,PullingTests LAYERD_GRAPHS=9400 LAYERD_FILE_GRAPHS=600 $(SWIFT) test --skip-build \
		--filter 'The sharing ledger|The bytes of a removal'

# The same of the whole daemon: 10,000 random graphs loaded, what `prune --dry-run` says against what stat shows freed.
prune-graphs: release
	.ci/graphs "$$($(OPTIMISED) --show-bin-path)" 10000

# 24 simulated hours of pulls, mirror reads, loads, pins and prunes on a real disk against a quota of 2 GB, all of it measured
# with stat every minute and in the middle of every transfer; some minutes of the machine's time, and 2 GB of TMPDIR.
quota-day: test-deps
	LAYERD_SUITES=ArchivesTests $(SWIFT) build --build-tests
	LAYERD_SUITES=ArchivesTests LAYERD_QUOTA_DAY=2000000000 $(SWIFT) test --skip-build --filter 'A day on a disk'

# The rooms' suites. Those that start the daemon hold it to bounds of memory and time, which no program keeps under the
# sanitizer.
tsan: test-deps
	$(SWIFT) test --sanitize=thread -Xswiftc -DTSAN --scratch-path .build/tsan --skip '^(IntegrationTests|FaultTests)[.]'

mutants: test-deps
	@.ci/mutate Tests/Faults/*.toml

bench-programs: deps
	@.ci/install bench
	$(OPTIMISED) --product layerd
	$(OPTIMISED) --product layerctl

# The mirror: hot blobs beside nginx, herds at a cold blob, a dead registry, docker-registry as a proxy; ten minutes.
bench-mirror: bench-programs
	@.ci/install bench-mirror
	python3 Tests/Benchmarks/serving.py "$$($(SWIFT) build -c release --show-bin-path)/layerd"

bench: bench-programs
	python3 Tests/Benchmarks/bench.py --bin "$$($(OPTIMISED) --show-bin-path)"

bench-quick: bench-programs
	python3 Tests/Benchmarks/bench.py --quick --bin "$$($(OPTIMISED) --show-bin-path)"

# What a catalogue of 1,000, 10,000 and 100,000 images costs, and how each figure grows; ten minutes.
bench-scale: bench-programs
	python3 .ci/bench-ledger "$$($(OPTIMISED) --show-bin-path)/layerd" --scale

# Every parser of what comes from outside, FUZZ_SECONDS each; the input at hand is kept in .build/fuzz, for a trap ends the run.
FUZZ_SECONDS ?= 600
fuzz: test-deps
	@mkdir -p .build/fuzz
	LAYERD_SUITES=FuzzTests $(SWIFT) build --build-tests
	LAYERD_SUITES=FuzzTests LAYERD_FUZZ_SECONDS=$(FUZZ_SECONDS) LAYERD_FUZZ_INPUTS=$(CURDIR)/.build/fuzz \
	    $(SWIFT) test --skip-build --filter FuzzTests

package: deps
	$(SWIFT) build -c $(CONFIGURATION) --static-swift-stdlib --product layerd
	$(SWIFT) build -c $(CONFIGURATION) --static-swift-stdlib --product layerctl

install: package
	@CONFIGURATION=$(CONFIGURATION) .ci/package install "$(DESTDIR)" "$(PREFIX)"

deb: package
	@CONFIGURATION=$(CONFIGURATION) .ci/package deb .build/deb

# Installs the package in a fresh Debian root, pulls there, upgrades, removes and purges it. Needs root and a Debian mirror.
test-package: deb
	$(SWIFT) build -c $(CONFIGURATION) --static-swift-stdlib --product hub-stand-in
	.ci/test-package "$$(ls -t .build/deb/*.deb | head -1)" .build/deb/root \
	    "$$($(SWIFT) build -c $(CONFIGURATION) --static-swift-stdlib --show-bin-path)/hub-stand-in"

# The package in a small machine with a living systemd: restarts during pulls, kills, a hang, an upgrade, a reboot, a purge. Skipped
# without qemu; needs root and a Debian mirror, and without /dev/kvm much patience.
test-vm: deb
	$(SWIFT) build -c $(CONFIGURATION) --static-swift-stdlib --product hub-stand-in
	.ci/test-vm "$$(ls -t .build/deb/*.deb | head -1)" \
	    "$$($(SWIFT) build -c $(CONFIGURATION) --static-swift-stdlib --show-bin-path)/hub-stand-in" .build/vm

lint:
	$(SWIFT) format lint --strict --parallel -r Package.swift Sources Tests
	@.ci/measure Sources Tests
	@.ci/fault-matrix --check

format:
	$(SWIFT) format -i --parallel -r Package.swift Sources Tests

clean:
	rm -rf .build .demo
