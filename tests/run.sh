#!/bin/sh
# Runs every check and every test. Needs a Rust toolchain; what else is missing is installed where
# that can be done without asking (root and apt-get), and asked for by name everywhere else.
set -eu
cd "$(dirname "$0")/.."

# The tools for file systems are there, and only root has them in its path.
export PATH="$PATH:/usr/sbin:/sbin"

missing=""
need() {
    command -v "$1" >/dev/null 2>&1 || missing="$missing $2"
}
need cc gcc
need make make
need redis-server redis-server
need redis-sentinel redis-sentinel
need redis-cli redis-tools
need redis-benchmark redis-tools
need strace strace
need mount mount
need losetup mount
need mkfs.ext4 e2fsprogs
need xfs_io xfsprogs

if [ -n "$missing" ]; then
    packages=$(printf '%s\n' $missing | sort -u | tr '\n' ' ')
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
        echo "==> installing $packages"
        export DEBIAN_FRONTEND=noninteractive
        apt-get update -qq
        # shellcheck disable=SC2086 # a list of packages
        apt-get install -qq -y --no-install-recommends $packages
        # The tests start servers of their own; the one that the package starts would keep the port
        # that `cargo run` wants.
        for service in redis-server redis-sentinel; do
            if command -v systemctl >/dev/null 2>&1 && systemctl is-active -q "$service"; then
                systemctl disable -q --now "$service"
            fi
        done
    else
        echo "These Debian packages, or what your system has for them, are needed: $packages" >&2
        echo "    sudo apt-get install $packages" >&2
        exit 1
    fi
fi

for component in fmt clippy; do
    if ! cargo "$component" --version >/dev/null 2>&1; then
        echo "cargo $component is missing: rustup component add rustfmt clippy" >&2
        exit 1
    fi
done

# Most tests wait for servers, most of the time.
export RUST_TEST_THREADS="${RUST_TEST_THREADS:-$((2 * $(nproc)))}"

run() {
    echo "==> $*"
    "$@"
}
run cargo fmt --check
run cargo clippy --locked --all-targets -- -D warnings
run env RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps
run cargo test --locked --doc
# Last, so that the output ends with what the tests came to.
run cargo test --locked --lib --bins --tests
