# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034
#
# What every script under tools/ and selftests/ shares: where things are, how
# to say something, how to run a long step, how to ask apt.
#
# Sourced, never run.  Needs bash and nothing that Debian does not install by
# itself, because tools/setup/setup uses it on a machine that has nothing yet.

MQK_TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
MQK_CACHE=${MQK_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/mqk}
MQK_BUILD=$MQK_TOP/build
# An ordinary user's PATH on Debian lacks mkfs, depmod and insmod.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
export MQK_CACHE PATH

say()
{
	printf '%s\n' "$*" >&2
}

die()
{
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

# as_root COMMAND...: run it as root, with sudo where needed.
as_root()
{
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo "$@"
	else
		die "this needs root: $* (run make as root, or install sudo)"
	fi
}

# step TEXT COMMAND...: run a long step.  Its output goes to a file which is
# shown only when the step fails.  A terminal sees the seconds go by; a log
# gets one line when the step is done.
step()
{
	local text=$1 log pid start=$SECONDS rc=0
	shift
	log=$(mktemp "${TMPDIR:-/tmp}/mqk-step.XXXXXX")
	# In the background, where a failing command inside it ends it: on the
	# left of || the shell would go on after errors.
	"$@" >"$log" 2>&1 </dev/null &
	pid=$!
	if [ -t 2 ]; then
		while kill -0 "$pid" 2>/dev/null; do
			printf '\r  %s ... %ds' "$text" $((SECONDS - start)) >&2
			sleep 0.5
		done
		printf '\r\033[K' >&2
	fi
	wait "$pid" || rc=$?
	if [ "$rc" -eq 0 ]; then
		say "  $text: done ($((SECONDS - start)) s)"
	else
		say "  $text: FAILED (status $rc)"
		tail -n 40 "$log" >&2
	fi
	rm -f "$log"
	return "$rc"
}

# locked FILE COMMAND...: run it while no one else holds FILE, so that two
# virtual machines started together prepare their kernel once.
locked()
{
	local file=$1
	shift
	mkdir -p "$(dirname "$file")"
	(
		flock 9
		"$@" 9>&-
	) 9>"$file"
}

debian_codename()
{
	# shellcheck source=/dev/null
	(. /etc/os-release && printf '%s\n' "${VERSION_CODENAME:-unknown}")
}

# --- apt ------------------------------------------------------------------
#
# Debian 12 has Linux 6.12 in its backports suite only, which a machine's own
# sources need not name.  So that the machine stays as it is, apt is run with
# a private configuration: the machine's own source entries (same address,
# same keyring) with the other suite put in, and lists in the cache.

# apt_private_sources SUITE: the entries of this machine's codename, for SUITE.
apt_private_sources()
{
	local codename file
	codename=$(debian_codename)
	for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
		[ -f "$file" ] || continue
		# deb [options] ADDRESS SUITE COMPONENT...
		sed -nE "s#^deb[[:space:]]+((\[[^]]*\][[:space:]]+)?[^[:space:]]+)[[:space:]]+${codename}[[:space:]].*#deb \1 $1 main#p" "$file"
	done >"$MQK_CACHE/apt/sources/mqk.list"
	for file in /etc/apt/sources.list.d/*.sources; do
		[ -f "$file" ] || continue
		grep -v '^#' "$file" | awk -v codename="$codename" -v suite="$1" '
			BEGIN { RS = ""; FS = "\n" }
			{
				out = ""; want = 0; off = 0; field = ""
				for (i = 1; i <= NF; i++) {
					if ($i !~ /^[ \t]/) {
						field = tolower($i)
						sub(/:.*/, "", field)
					}
					if (field == "suites") {
						text = $i
						sub(/^[^:]*:/, "", text)
						n = split(text, word, /[ \t]+/)
						for (j = 1; j <= n; j++)
							if (word[j] == codename)
								want = 1
					} else if (field == "enabled") {
						if ($i ~ /[Nn]o[ \t]*$/)
							off = 1
					} else if (field != "components" && field != "types") {
						out = out $i "\n"
					}
				}
				if (want && !off)
					printf "Types: deb\nSuites: %s\nComponents: main\n%s\n", suite, out
			}'
	done >"$MQK_CACHE/apt/sources/mqk.sources"
	[ -s "$MQK_CACHE/apt/sources/mqk.list" ] || rm -f "$MQK_CACHE/apt/sources/mqk.list"
	[ -s "$MQK_CACHE/apt/sources/mqk.sources" ] || rm -f "$MQK_CACHE/apt/sources/mqk.sources"
	ls "$MQK_CACHE"/apt/sources/mqk.* >/dev/null 2>&1 ||
		die "no apt source of this machine names the suite $codename: cannot tell where $1 is"
}

# Options for apt; see kernel_apt_init.
kernel_apt=()

# Fills the array kernel_apt with the options that make apt see Linux 6.12,
# and fetches the lists when they are missing or older than a day.
kernel_apt_init()
{
	local codename
	codename=$(debian_codename)
	case $codename in
	bookworm)
		mkdir -p "$MQK_CACHE"/apt/{sources,lists/partial,cache/archives/partial}
		kernel_apt=(
			-oDir::Etc::sourcelist=/dev/null
			-oDir::Etc::sourceparts="$MQK_CACHE/apt/sources"
			-oDir::State::Lists="$MQK_CACHE/apt/lists"
			-oDir::Cache="$MQK_CACHE/apt/cache"
			-oDebug::NoLocking=1
			-oAPT::Sandbox::User=root
		)
		if ! ls "$MQK_CACHE"/apt/lists/*Packages* >/dev/null 2>&1 ||
		   [ -n "$(find "$MQK_CACHE/apt/lists" -maxdepth 0 -mmin +1440)" ]; then
			apt_private_sources bookworm-backports
			step "package lists of $codename-backports" \
				apt-get "${kernel_apt[@]}" -q update
			touch "$MQK_CACHE/apt/lists"
		fi
		;;
	*)
		# Debian 13 and later have it in their own suite.
		kernel_apt=(-oAPT::Sandbox::User=root)
		apt_lists_present || step "package lists" as_root apt-get -q update
		;;
	esac
}

# Whether the machine's own package lists are there at all.
apt_lists_present()
{
	ls /var/lib/apt/lists/*Packages* >/dev/null 2>&1
}

# apt_depends PACKAGE PATTERN: the first dependency of PACKAGE that matches.
apt_depends()
{
	LC_ALL=C apt-cache "${kernel_apt[@]}" depends "$1" 2>/dev/null |
		sed -nE "s/^[ |]*Depends: ($2)\$/\1/p" | head -n 1
}

# unpack_packages DIR PACKAGE...: download and unpack into DIR, install nothing.
unpack_packages()
{
	local dir=$1 deb debs
	shift
	debs=$(mktemp -d "$MQK_CACHE/debs.XXXXXX")
	(
		trap 'rm -rf "$debs"' EXIT
		cd "$debs" || exit
		apt-get "${kernel_apt[@]}" -q download "$@"
		for deb in *.deb; do
			dpkg -x "$deb" "$dir"
			rm -f "$deb"
		done
	)
}

# --- kernels --------------------------------------------------------------

# stock_release: the release of the stock kernel in the cache; empty if none.
stock_release()
{
	cat "$MQK_CACHE/stock/release" 2>/dev/null || true
}

# instrumented_dir debug|kcsan: the directory with bzImage and build.tar.zst;
# fails when there is none.
instrumented_dir()
{
	local kind=$1 dir
	local -a places
	case $kind in
	debug)	places=("${MQK_DEBUG_KERNEL:-}" "$MQK_TOP/../shared/debug-kernel") ;;
	kcsan)	places=("${MQK_KCSAN_KERNEL:-}" "$MQK_TOP/../shared/kcsan-kernel") ;;
	*)	die "no such kind of kernel: $kind" ;;
	esac
	for dir in "${places[@]}" "$MQK_CACHE/kernels/$kind"; do
		if [ -n "$dir" ] && [ -f "$dir/bzImage" ] && [ -f "$dir/build.tar.zst" ]; then
			(cd "$dir" && pwd -P)
			return 0
		fi
	done
	return 1
}

# tree_key FILE: a short key for a tarball.  Reading it whole each time would
# cost more than the rest of the start, so the checksum is remembered beside
# the cache under the file's identity.
tree_key()
{
	local id sum
	id=$(stat -L -c '%d-%i-%s-%Y' "$1")
	sum=$MQK_CACHE/kernels/sums/$id
	if [ ! -s "$sum" ]; then
		mkdir -p "$MQK_CACHE/kernels/sums"
		sha256sum "$1" | cut -c 1-16 >"$sum.$$"
		mv "$sum.$$" "$sum"
	fi
	cat "$sum"
}

unpack_tree()
{
	local tarball=$1 dir=$2
	[ ! -f "$dir/.done" ] || return 0
	rm -rf "$dir"
	mkdir -p "$dir"
	zstd -dcq "$tarball" | tar -x -C "$dir" --no-same-owner
	touch "$dir/.done"
}

# kernel_select stock|debug|kcsan|host|FILE: sets KERNEL_KIND, KERNEL_IMAGE,
# KERNEL_TREE (for external modules), KERNEL_RELEASE, KERNEL_MODULES (the
# directory for /lib/modules/RELEASE, or nothing), KERNEL_ARGS.
kernel_select()
{
	local dir key
	KERNEL_KIND=$1 KERNEL_MODULES='' KERNEL_ARGS='' KERNEL_IMAGE=''
	case $1 in
	stock)
		KERNEL_RELEASE=$(stock_release)
		if [ -z "$KERNEL_RELEASE" ]; then
			"$MQK_TOP/tools/setup/stock-kernel"
			KERNEL_RELEASE=$(stock_release)
		fi
		dir=$MQK_CACHE/stock/$KERNEL_RELEASE
		KERNEL_IMAGE=$dir/boot/vmlinuz-$KERNEL_RELEASE
		KERNEL_TREE=$dir/usr/src/linux-headers-$KERNEL_RELEASE
		KERNEL_MODULES=$dir/lib/modules/$KERNEL_RELEASE
		;;
	debug|kcsan)
		dir=$(instrumented_dir "$1") ||
			die "no $1 kernel here: 'tools/vm/build-kernel $1' builds it (about 16 minutes on 2 processors)"
		KERNEL_IMAGE=$dir/bzImage
		key=$(tree_key "$dir/build.tar.zst")
		KERNEL_TREE=$MQK_CACHE/kernels/tree-$key
		[ -f "$KERNEL_TREE/.done" ] ||
			locked "$KERNEL_TREE.lock" unpack_tree "$dir/build.tar.zst" "$KERNEL_TREE"
		KERNEL_TREE=$KERNEL_TREE/build
		KERNEL_RELEASE=$(cat "$KERNEL_TREE/include/config/kernel.release")
		# ACPI's interpreter times out under emulation, and without ACPI
		# altogether there is only one processor.
		KERNEL_ARGS="pci=noacpi"
		;;
	host)
		KERNEL_RELEASE=$(uname -r)
		KERNEL_TREE=/lib/modules/$KERNEL_RELEASE/build
		[ -d "$KERNEL_TREE" ] ||
			die "no headers of the running kernel in $KERNEL_TREE (package linux-headers-$KERNEL_RELEASE)"
		;;
	*)
		[ -f "$1" ] || die "no such kernel image: $1"
		KERNEL_KIND=image
		KERNEL_IMAGE=$(readlink -f "$1")
		KERNEL_RELEASE=$(file -bL "$1" 2>/dev/null | sed -nE 's/.* version ([^ ]+) .*/\1/p')
		[ -n "$KERNEL_RELEASE" ] || die "cannot tell the release of $1"
		KERNEL_TREE=${MQK_KERNEL_TREE:-/lib/modules/$KERNEL_RELEASE/build}
		[ ! -d "/lib/modules/$KERNEL_RELEASE" ] || KERNEL_MODULES=/lib/modules/$KERNEL_RELEASE
		;;
	esac
}
