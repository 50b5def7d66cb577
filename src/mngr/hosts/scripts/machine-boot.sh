# machine-boot: the first boot of a rented machine, run by cloud-init (and over SSH where there is none).
# Sees that a Docker daemon runs: the one of a baked image, else the distribution's docker.io. Leaves
# /var/lib/mngr/boot/ready, or /var/lib/mngr/boot/failed with the log's end. Repeatable.
umask 077
state=/var/lib/mngr/boot
log=/var/log/mngr-boot.log
mkdir -p "$state"
exec 9>"$state/lock"
flock 9
[ ! -f "$state/ready" ] || exit 0
rm -f "$state/failed"

# again TIMES COMMAND…: repeats a command that fails for reasons that pass (another apt, a mirror that hiccups).
again() {
	times=$1
	shift
	while ! "$@"; do
		times=$((times - 1))
		[ $times -gt 0 ] || return 1
		sleep 5
	done
}

steps() {
	if ! command -v dockerd >/dev/null; then
		export DEBIAN_FRONTEND=noninteractive
		doing='fetch the lists of packages (apt-get update)'
		again 5 apt-get -q -o DPkg::Lock::Timeout=120 update
		doing='install Docker (apt-get install)'
		again 3 apt-get -q -y -o DPkg::Lock::Timeout=120 --no-install-recommends install docker.io ca-certificates apparmor
	fi
	# To enable what is enabled takes a second: a baked image has it so.
	doing='enable Docker (systemctl enable)'
	systemctl --quiet is-enabled docker.service || systemctl enable docker.service
	doing='start Docker (systemctl start)'
	systemctl start docker.service
	doing='see Docker answer (docker version)'
	again 6 docker version
}

(
	set -e
	doing='begin'
	# Some commands fail without a word: this is the log's last line then.
	trap 'code=$?; [ $code -eq 0 ] || echo "failed: $doing, exit code $code"' EXIT
	date
	steps
) >>"$log" 2>&1 9>&-
code=$?
if [ $code -eq 0 ]; then
	date +%s >"$state/.ready"
	mv -f "$state/.ready" "$state/ready"
else
	{
		echo "first boot failed with exit code $code; the end of $log:"
		tail -c 3000 "$log"
	} >"$state/.failed"
	mv -f "$state/.failed" "$state/failed"
fi
exit $code
