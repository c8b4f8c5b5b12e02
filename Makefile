# The two commands a person needs are `make run` and `make test`. Each installs
# what the machine lacks (scripts/setup) and says so.

GO := scripts/go
export CGO_ENABLED := 0

# Packages whose tests want a real KVM; they run here and in lanes of the rig: all of
# them, as far as the machine, or the library alone.
LANE_PACKAGES := ./internal/sys ./memory ./kvm ./machine ./confine ./linux ./cmd/microvm
MACHINE_LANE_PACKAGES := ./internal/sys ./memory ./kvm ./machine
LIBRARY_LANE_PACKAGES := ./internal/sys ./memory ./kvm
# One lane of each architecture that the machine has has everything.
FULL_LANES := amd64-6.1,arm64-6.1,riscv64-6.12
MACHINE_LANES := amd64-newest
LIBRARY_LANES := amd64-6.12,arm64-newest,riscv64-aia,ppc64le-powernv
# Its guests are nested ones, with what docs/rig.md says of QEMU there: only recorded.
NESTED_LANES := ppc64le-6.1
# Packages with enough concurrency to be worth the race detector.
RACE_PACKAGES := ./internal/sys ./memory ./kvm ./device ./virtio/... ./machine

# The library is for every architecture with KVM; the machine, and with it all the
# rest, for three.
ARCHS := amd64 arm64 riscv64 s390x ppc64le mips64le loong64
MACHINE_ARCHS := amd64 arm64 riscv64
LIBRARY_PACKAGES := ./uapi ./memory ./kvm ./internal/sys

.PHONY: run test test-here test-race test-lanes test-exec coverage bench lint check generate fuzz build clean help

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 14

run: ## boot Linux in our microVM and print what it says
	@scripts/setup rig
	@$(GO) run ./internal/cmd/demo

test: ## all tests: here, under the race detector, and in the rig's lanes
	@scripts/setup rig race check
	@$(MAKE) --no-print-directory vet test-here test-race test-lanes test-exec

.PHONY: vet
vet: ## vet the module where the machine runs, and the library on every architecture
	@echo "==> vet"
	@for arch in $(MACHINE_ARCHS); do GOARCH=$$arch $(GO) vet ./... || exit 1; done
	@for arch in $(ARCHS); do GOARCH=$$arch $(GO) vet $(LIBRARY_PACKAGES) || exit 1; done

test-here: ## tests that need no rig: pure ones and this machine's /dev/kvm
	@echo "==> tests on this machine"
	@$(GO) test ./...

test-race: ## the same for concurrent packages, under the race detector
	@echo "==> tests under the race detector"
	@CGO_ENABLED=1 $(GO) test -race $(RACE_PACKAGES)

# What failed in any lane, which is printed last.
FAILURES := .cache/failures
RIG_TEST = $(GO) run ./internal/cmd/rig test -timeout 25m -retries 2 -failures $(FAILURES)

test-lanes: ## tests on real KVM in the rig, one boot a lane
	@echo "==> tests in the rig"
	@mkdir -p $(dir $(FAILURES)); rm -f $(FAILURES); status=0; \
	$(RIG_TEST) -lane $(FULL_LANES) -guest-kernels $(LANE_PACKAGES) || status=1; \
	$(RIG_TEST) -lane $(MACHINE_LANES) -guest-kernels $(MACHINE_LANE_PACKAGES) || status=1; \
	$(RIG_TEST) -lane $(LIBRARY_LANES) $(LIBRARY_LANE_PACKAGES) || status=1; \
	test ! -e $(FAILURES) || { echo "==> what failed in the rig"; cat $(FAILURES); }; \
	exit $$status

# A package whose tests the go command runs in a guest, and what they have covered.
EXEC_PACKAGE := ./cmd/microvm/internal/size
EXEC_PROFILE := .cache/exec.out
GO_TEST_EXEC = CGO_ENABLED=1 $(GO) test -count=1 -race -coverprofile $(EXEC_PROFILE) -exec $(CURDIR)/scripts/lane-test-exec $(EXEC_PACKAGE)

test-exec: ## go test -exec in the rig: a guest runs a test with the race detector and coverage
	@echo "==> go test -exec in the rig"
	@mkdir -p $(dir $(EXEC_PROFILE)); rm -f $(EXEC_PROFILE)
	@$(GO_TEST_EXEC) || { echo "==> TRIED AGAIN, for the case that the lane was lost"; $(GO_TEST_EXEC); }
	@grep -q '/size.go:.* [1-9][0-9]*$$' $(EXEC_PROFILE) || { echo "no line of $(EXEC_PACKAGE) is counted in $(EXEC_PROFILE)" >&2; exit 1; }

# What the tests do with KVM, by lane; internal/cmd/coverage reads it.
TRACE := .cache/trace

coverage: ## record which test does which ioctl, here and in all lanes, and write docs/coverage.md
	@scripts/setup rig
	@rm -rf $(TRACE)
	@echo "==> recording on this machine"
	@KVM_TEST_TRACE=$(CURDIR)/$(TRACE)/host $(GO) test -count=1 -tags kvmtrace $(MACHINE_LANE_PACKAGES)
	@echo "==> recording in the rig"
	@$(GO) run ./internal/cmd/rig test -lane $(FULL_LANES),$(MACHINE_LANES) -timeout 25m -guest-kernels -trace $(TRACE) $(MACHINE_LANE_PACKAGES)
	@$(GO) run ./internal/cmd/rig test -lane $(LIBRARY_LANES),$(NESTED_LANES) -timeout 25m -trace $(TRACE) $(LIBRARY_LANE_PACKAGES)
	@$(GO) run ./internal/cmd/coverage -record $(TRACE)

bench: ## measure against the peers: C, kvm-ioctls in Rust, and QEMU's microvm machine
	@scripts/setup rig race
	@$(GO) run ./bench/exits
	@$(GO) run ./bench/boot
	@$(GO) run ./bench/guest

generate: ## regenerate uapi from the newest kernel headers
	@scripts/setup check
	@$(GO) run ./internal/cmd/genuapi -update

fuzz: ## run every fuzz target for FUZZTIME (20s)
	@scripts/setup
	@scripts/fuzz $(FUZZTIME)

LINT := .cache/golangci-lint

check: lint ## what a maintainer runs before a commit, besides the tests
	@scripts/setup check
	@$(GO) run ./internal/cmd/genuapi -check
	@test -z "$$($(GO) fmt ./...)" || { echo "gofmt changed files: commit them" >&2; exit 1; }

lint: $(LINT) ## golangci-lint with the rule that holds the import arrows
	@$(LINT) run ./...

$(LINT):
	@echo "==> building golangci-lint (a few minutes, once)"
	@GOBIN=$(CURDIR)/.cache $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0

build: ## the command, static, into bin/
	@$(GO) build -trimpath -o bin/microvm ./cmd/microvm

clean: ## remove what was built here (downloads stay in the user's cache)
	@rm -rf bin .cache
