# The commands of the project. All that is needed beforehand: npm, python3, make. `make` alone lists the targets.

BUN     := .build/bin/bun
SOURCES := $(shell find src -type f -not -name "*.pyc") package.json bun.lock tsconfig.json scripts/build.ts
TARGET  ?=

.DEFAULT_GOAL := help
.PHONY: help run build test check fmt docs bench bench-quick profile release fuzz soak clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' Makefile

run: dist/server ## serve the sample Django project on 127.0.0.1 (DJANGO_FROM=interpreter|pypi|debian)
	@$(BUN) scripts/run.ts
	@exec dist/server run -c .build/run/server.toml

build: $(if $(TARGET),dist/server-$(TARGET),dist/server) ## dist/server, one executable (TARGET=bun-linux-arm64: for another machine)

test: node_modules/.installed ## everything: peers from Debian, build, check, all tests
	@$(BUN) scripts/test.ts

check: node_modules/.installed ## types, lint, format, structure, docs
	@$(BUN) scripts/check.ts

fmt: node_modules/.installed ## format the sources in place
	@PATH="$(CURDIR)/.build/bin:$$PATH" $(BUN) run format

docs: node_modules/.installed ## write docs/config.md and docs/commands.md anew
	@$(BUN) scripts/docs.ts

bench: dist/server ## side by side with nginx, uWSGI, gunicorn, … (ROW=hello,1k PEER=server,Caddy ROUNDS=3 SECONDS=2)
	@$(BUN) scripts/bench.ts

bench-quick: dist/server ## the main rows against nginx + uWSGI, in less than two minutes
	@$(BUN) scripts/bench.ts --quick

profile: node_modules/.installed ## where the time of a row of the bench goes, by the profilers of Bun and Python (ROW=hello SECONDS=6 TOP=20)
	@$(BUN) scripts/bench/profile.ts

release: node_modules/.installed ## dist/release: Linux on x64 and arm64, glibc and musl, with checksums and install.sh
	@$(BUN) scripts/release.ts

soak: dist/server ## a mixed load with reloads for SOAK_MINUTES (5): nobody may lose a request
	@$(BUN) scripts/soak.ts

fuzz: node_modules/.installed ## every fuzzer for FUZZ_SECONDS (60) each; FUZZ_SEED and FUZZ_TARGET show one input again
	@$(BUN) scripts/fuzz.ts

clean: ## remove what was built (the sample's database and uploads too)
	rm -rf dist .build node_modules

$(BUN): package.json scripts/bootstrap.sh
	@sh scripts/bootstrap.sh

node_modules/.installed: $(BUN) package.json bun.lock
	@$(BUN) install --frozen-lockfile
	@touch $@

dist/server: $(SOURCES) node_modules/.installed
	@$(BUN) scripts/build.ts

dist/server-%: $(SOURCES) node_modules/.installed
	@$(BUN) scripts/build.ts --target $*
