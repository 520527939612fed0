#!/bin/sh
# The browser tests need a Chromium. Install Debian's where that is allowed, else say what to install.
set -eu
for name in "${CHROMIUM:-}" chromium chromium-browser google-chrome; do
    if [ -n "$name" ] && command -v "$name" >/dev/null; then exit 0; fi
done
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "installing Chromium, which the browser tests need ..."
    apt-get update --quiet=2
    DEBIAN_FRONTEND=noninteractive apt-get install --quiet=2 --yes --no-install-recommends chromium
else
    echo "The browser tests need Chromium. Install the package chromium (on Debian and Ubuntu: sudo apt-get install" >&2
    echo "chromium), or name the program of another one: make test CHROMIUM=/path/to/chrome" >&2
    exit 1
fi
