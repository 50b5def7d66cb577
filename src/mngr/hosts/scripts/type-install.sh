# shellcheck disable=SC2154
# type-install: part of type-ready.sh: Node and npm where a type needs them and they aren't there, and packages of npm.

# mngr_npm PACKAGE: installs it, for install lines, in the version that the type names.
mngr_npm() { mngr_npm_get "$1${MNGR_VERSION:+@$MNGR_VERSION}"; }

# What npm has fetched isn't kept: as much again as what is installed. Certificates: a Node that isn't the system's knows those
# of its own only.
mngr_npm_get() (
	kept=${npm_config_cache:-}
	[ -n "$kept" ] || npm_config_cache=$(mktemp -d) || exit
	file=/etc/ssl/certs/ca-certificates.crt
	[ ! -f $file ] || export NODE_EXTRA_CA_CERTS="${NODE_EXTRA_CA_CERTS:-$file}"
	export npm_config_cache
	npm install -g --prefix "$MNGR_PREFIX" --no-audit --no-fund --no-update-notifier --logs-max=0 --loglevel=error "$1" && code=0 || code=$?
	[ -n "$kept" ] || rm -rf "$npm_config_cache"
	exit $code
)

# mngr_need npm|node LEAST: sees to it, `node` of version LEAST at least.
mngr_need() {
	if [ "$2" -gt 0 ]; then
		mngr_have=$(node --version 2>/dev/null | sed -n 's/^v\([0-9]*\)\..*/\1/p')
		[ "${mngr_have:-0}" -lt "$2" ] || return 0
		echo "mngr: $mngr_name needs Node $2, and here is ${mngr_have:-none}: installing it"
		mngr_need npm 0
		mngr_npm_get "node@$2" 7>&- 8>&- ||
			mngr_fail "Node $2, which $mngr_name needs, couldn't be installed"
		hash -r
		return 0
	fi
	! command -v "$1" >/dev/null || return 0
	[ -e "$MNGR_HOST_DIR/commands/entrypoint.sh" ] ||
		mngr_fail "$mngr_name needs $1, which this computer lacks: install Node and npm, then \`mngr start\`"
	[ -w /usr/local/bin ] ||
		mngr_fail "$mngr_name needs $1, which only root can install here: use an image that has it, or leave out --user"
	echo "mngr: $mngr_name needs $1: installing it"
	if command -v apt-get >/dev/null; then
		export DEBIAN_FRONTEND=noninteractive
		[ "$1" = node ] && mngr_lacks=nodejs || mngr_lacks=
		command -v node >/dev/null || mngr_lacks=nodejs
		apt-get -q -o DPkg::Lock::Timeout=300 update >/dev/null
		[ -z "$mngr_lacks" ] || apt-get -q -y --no-install-recommends -o DPkg::Lock::Timeout=300 install nodejs >/dev/null 2>&1
		[ "$1" = node ] || mngr_npm_itself || apt-get -q -y --no-install-recommends -o DPkg::Lock::Timeout=300 install npm >/dev/null 2>&1
		rm -rf /var/lib/apt/lists/* /var/cache/apt/archives/*.deb
	elif command -v apk >/dev/null; then
		apk add --no-cache nodejs npm >/dev/null
	elif command -v dnf >/dev/null || command -v microdnf >/dev/null; then
		"$(command -v dnf || command -v microdnf)" install -y nodejs npm >/dev/null
	fi 7>&- 8>&-
	hash -r
	command -v "$1" >/dev/null || mngr_fail "$1, which $mngr_name needs, couldn't be installed: use an image that has it"
}

# mngr_npm_itself: npm as its makers pack it, with all it needs: Debian's own pulls 360 packages. The address of its registry
# is npm's own default, as Debian's package of npm has it; what comes is checked.
mngr_npm_itself() (
	set -e
	folder=$(mktemp -d)
	trap 'rm -rf "$folder"' EXIT
	cd "$folder"
	registry=${npm_config_registry:-}
	if [ -z "$registry" ]; then
		apt-get -q download npm >/dev/null 2>&1
		registry=$(dpkg-deb --fsys-tarfile npm_*.deb | tar -xO --wildcards '*/definitions.js' |
			sed -n "s,^ *default: .\(https://registry\.[a-z./]*\).*,\1,p" | head -n 1)
	fi
	[ -n "$registry" ]
	# shellcheck disable=SC2016 # node's
	node -e '
		const [, url, want] = process.argv;
		fetch(url).then(async (answer) => {
			const data = Buffer.from(await answer.arrayBuffer());
			const got = require("crypto").createHash("sha512").update(data).digest("base64");
			if (got !== want) throw new Error("npm came damaged");
			require("fs").writeFileSync("npm.tgz", data);
		}).catch((error) => { console.error(`${error.message}: ${error.cause || ""}`); process.exit(1); });
	' "${registry%/}/npm/-/npm-10.9.9.tgz" \
		'1g+6jLQvaIuB4zwvHL7yrXuXcWZwDsCtBX8bbWDqbvJSSr9nPiDDWTHNgwXR27iIcTTW7v3A57hDW9RYv2W4Yg=='
	mkdir -p "$MNGR_PREFIX/lib/node_modules/npm" "$MNGR_PREFIX/bin"
	tar -xzf npm.tgz --no-same-owner --strip-components=1 -C "$MNGR_PREFIX/lib/node_modules/npm"
	ln -sf ../lib/node_modules/npm/bin/npm-cli.js "$MNGR_PREFIX/bin/npm"
	ln -sf ../lib/node_modules/npm/bin/npx-cli.js "$MNGR_PREFIX/bin/npx"
	npm --version >/dev/null
)
