# The project's commands; `make help` lists them. Everything that is needed is installed by `make setup`, which the
# others call: Debian packages, and from the lockfile Node.js and the development tools.
SHELL := /bin/bash -euo pipefail
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)

.PHONY: help setup build image check test test-quick test-matrix mutation demo bench bench-scale lab-up lab-down lab-status clean

help: ## list the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 15

setup: ## install what the other commands need
	@scripts/setup

build: ## bundle command line, agent and controller into dist/
	@scripts/setup node
	@node scripts/build.ts

image: setup build ## build the image of the tap's pods, dist/kokotap-image.tar
	@image/build

check: setup ## formatter, linter, type checker, dead code, shell scripts
	@node scripts/test.ts check

test: setup ## everything: checks, unit tests, kernel tests, cluster tests
	@node scripts/test.ts

test-quick: setup ## the same without faults, on one container runtime
	@node scripts/test.ts quick

test-matrix: setup ## the cluster tests on the lab's other versions and networks, kernel tests with --fast-path
	@node scripts/test.ts matrix

mutation: ## change the decisions in small ways and see that the tests notice; needs 90 %
	@scripts/setup node
	@trap 'echo "Each change, and the tests that notice it: reports/mutation/mutation.html"' EXIT; stryker run

test-kernels: setup build image ## the kernel tests on other kernels and a node with cgroup v2, in virtual machines
	@scripts/bpf
	@node scripts/test-kernels.ts

demo: ## tap a pod of a real cluster on this machine, step by step
	@scripts/demo

bench: image ## measure what a tap costs; writes docs/performance.md and .json
	@node bench/bench.ts

bench-scale: setup build ## measure the controller of Taps: 1,000 nodes, 10,000 pods, 1,000 Taps, without kubelets
	@node bench/scale/main.ts

lab-up: setup ## start the cluster on this machine
	@lab/up

lab-down: ## remove it without a trace
	@lab/down

lab-status: ## say what of it runs
	@lab/status

clean: ## remove what was built here
	@rm -rf dist node_modules reports .stryker-tmp
