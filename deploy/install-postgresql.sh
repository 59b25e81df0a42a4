#!/bin/sh
# Makes sure that PostgreSQL's server and client programs exist; installs them with the system's package manager where
# they do not. Without the right to install it prints the one line to run, and fails.
set -eu

found() {
    for directory in /usr/lib/postgresql/*/bin /usr/pgsql-*/bin /usr/local/pgsql/bin \
        /usr/libexec/postgresql* /opt/homebrew/opt/postgresql*/bin /usr/local/opt/postgresql*/bin \
        $(echo "$PATH" | tr ':' ' '); do
        if [ -x "$directory/initdb" ] && [ -x "$directory/postgres" ] && [ -x "$directory/pg_dump" ] &&
            [ -x "$directory/psql" ]; then
            return 0
        fi
    done
    return 1
}

found && exit 0

if command -v apt-get >/dev/null; then
    # Debian's package would start a cluster of its own, which nothing here needs.
    install="apt-get update && mkdir -p /etc/postgresql-common && { [ -e /etc/postgresql-common/createcluster.conf ] || echo 'create_main_cluster = false' > /etc/postgresql-common/createcluster.conf; } && DEBIAN_FRONTEND=noninteractive apt-get install -y postgresql postgresql-client"
elif command -v dnf >/dev/null; then
    install="dnf install -y postgresql-server postgresql"
elif command -v apk >/dev/null; then
    install="apk add postgresql postgresql-client"
elif command -v zypper >/dev/null; then
    install="zypper --non-interactive install postgresql-server postgresql"
elif command -v pacman >/dev/null; then
    install="pacman -S --noconfirm postgresql"
elif command -v brew >/dev/null; then
    # Homebrew refuses to run as root.
    brew install postgresql
    exit
else
    echo "PostgreSQL's programs (initdb, postgres, pg_dump, psql) were not found, and no known package manager was." >&2
    echo "Install PostgreSQL 15 or later, then try again." >&2
    exit 1
fi

if [ "$(id -u)" -eq 0 ]; then
    sh -c "$install"
elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
    sudo sh -c "$install"
else
    echo "PostgreSQL's programs were not found. Run this as root, then try again:" >&2
    echo "    $install" >&2
    exit 1
fi
