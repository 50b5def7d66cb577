# entrypoint HOST_DIR PUBLIC_KEY [USER]: process 1 of a host's container (or the child of `timeout`, which is then process 1
# and keeps the host's lifetime). Its text is part of the container's settings, out of the agents' reach.
#
# Sets up sshd with a host key of its own that lives on the volume, says `mngr-host-key TYPE KEY` on standard output
# (or `mngr-lacks COMMANDS`, and waits for them; or `mngr-no-user WHO`, and ends), says in user.sh how agents become USER
# (unless that is root), keeps sshd and commands/watch.sh alive, reaps orphans.
# Ends with 0 when watch.sh left stop/exit (idle), 143 on TERM; `timeout` sends USR1 and then ends with 124.
umask 022
dir=$1 key=$2 wanted=${3-}
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin
# What the image means for its own programs shall not bend sshd and these commands.
unset LD_PRELOAD LD_LIBRARY_PATH BASH_ENV ENV CDPATH

# ended CODE: tells all processes to end, as `mngr stop` does, gives them 5 s (docker waits 10), ends.
ended() {
	trap '' TERM USR1
	: >"$dir/stop/ended"
	for agent in agents/*/session; do
		[ ! -f commands/agent-logs.sh ] || { id=${agent%/session} && timeout 2 sh commands/agent-logs.sh "$dir" "${id##*/}" mngr 0 keep; }
	done >/dev/null 2>&1
	kill -HUP -1 2>/dev/null # an interactive shell takes no TERM
	kill -TERM -1 2>/dev/null
	tries=0
	while [ $tries -lt 100 ] && others; do
		sleep 0.05
		tries=$((tries + 1))
	done
	exit "$1"
}
others() {
	set -- /proc/[0-9]*
	[ $# -gt $(($$ == 1 ? 1 : 2)) ]
}
lifetime() {
	echo "lifetime at=$(date +%s)" >"$dir/stop/reason"
	ended 0
}
# pause SECONDS: a sleep that a signal ends.
pause() {
	sleep "$1" &
	wait $!
}
trap 'ended 143' TERM
trap lifetime USR1

# Few processes until sshd is up: `create` waits for it.
home=/root # root's own, as sshd finds it: the image may have set HOME to another
while IFS=: read -r user _ _ _ _ folder _; do
	case $user in root) home=${folder:-/} ;; esac
done </etc/passwd
mkdir -p "$dir/activity" "$dir/stop" "$dir/ssh" "$dir/commands" "$dir/agents" "$home/.ssh" /run/sshd && cd "$dir" || exit 3
chmod 700 ssh agents "$home/.ssh"
for file in stop/exit stop/ended stop/request stop/reason stop/.reason; do [ ! -e $file ] || rm -f $file; done
touch activity/boot activity/start

# quoted TEXT: as one word for sh.
quoted() { printf "'%s'" "$(printf %s "$1" | sed "s/'/'\\\\''/g")"; }
# As docker understands USER: a name or number, with its group or without; a number needs no entry in /etc/passwd.
become() {
	who=${wanted%%:*} group='' name='' uid='' gid=0 folder=/ shell='' groups=--clear-groups
	case $wanted in *:*) group=${wanted#*:} ;; esac
	while IFS=: read -r a _ b c _ d e; do
		if [ "$a" = "$who" ] || [ "$b" = "$who" ]; then
			name=$a uid=$b gid=$c folder=${d:-/} shell=$e groups=--init-groups
			break
		fi
	done </etc/passwd
	case $uid$who in *[!0-9]*) [ -n "$uid" ] || no_user "user $who" ;; esac
	uid=${uid:-$who}
	if [ -n "$group" ]; then
		gid='' groups=--clear-groups
		while IFS=: read -r a _ b _; do
			if [ "$a" = "$group" ] || [ "$b" = "$group" ]; then gid=$b && break; fi
		done </etc/group
		case $group in *[!0-9]*) [ -n "$gid" ] || no_user "group $group" ;; esac
		gid=${gid:-$group}
	fi
	[ "$uid" -ne 0 ] || return 0
	case ${HOME:-$home} in
	"$home") ;;
	*) folder=$HOME ;;
	esac
	case $folder in /) [ -n "$name" ] || folder=$dir/home/$uid ;; esac
	[ -d "$folder" ] || folder=$dir/home/$uid
	case $folder in "$dir"/*) mkdir -p "$folder" && chown "$uid:$gid" "$folder" ;; esac
	case $shell in */nologin | */false | '') shell= ;; *) [ -x "$shell" ] || shell= ;; esac
	{
		echo "mngr_drop='setpriv --reuid=$uid --regid=$gid $groups --' mngr_owner=$uid:$gid"
		echo "export HOME=$(quoted "$folder") USER=$(quoted "${name:-$uid}") LOGNAME=$(quoted "${name:-$uid}")"
		grep -q '^SHELL=' ssh/environ || echo "unset SHELL${shell:+; export SHELL=$(quoted "$shell")}"
	} >user.sh
}
no_user() {
	echo "mngr-no-user $1"
	exit 0
}
[ ! -e user.sh ] || rm -f user.sh
[ -z "$wanted" ] || become

lacking() {
	[ ! -f user.sh ] || setpriv --reuid=0 true 2>/dev/null || printf ' setpriv'
	for command in sshd ssh-keygen tmux git rsync ps flock setsid awk tar; do
		command -v $command >/dev/null || printf ' %s' $command
	done
	for file in /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/ca-bundle.pem /etc/ssl/cert.pem; do
		[ ! -e $file ] || return
	done
	printf ' ca-certificates'
}
lacks=$(lacking)
while [ -n "$lacks" ]; do
	[ "$lacks" = "$said" ] || echo "mngr-lacks$lacks"
	said=$lacks
	pause 0.1
	lacks=$(lacking)
done

own=ssh/ssh_host_ed25519_key
making=
if [ ! -s $own ] || [ ! -s $own.pub ]; then
	[ ! -e $own ] || rm -f $own
	ssh-keygen -q -t ed25519 -N '' -C '' -f $own </dev/null &
	making=$!
fi
# The image's own host keys are everybody's who has the image.
for file in /etc/ssh/ssh_host_*; do [ ! -e "$file" ] || rm -f "$file"; done
# configure: what sshd reads, written anew whenever it is started: an agent may have done anything to it.
configure() {
	mkdir -p /run/sshd ssh && chmod 700 ssh || return
	[ ! -e $own ] || chmod 600 $own
	printf '%s\n' "$key" >ssh/authorized_keys
	printf '%s\n' >ssh/sshd_config \
		"Port 22" \
		"HostKey $dir/$own" \
		"AuthorizedKeysFile $dir/ssh/authorized_keys" \
		"PermitRootLogin prohibit-password" \
		"PasswordAuthentication no" \
		"KbdInteractiveAuthentication no" \
		"UsePAM no" \
		"PermitUserEnvironment yes" \
		"AcceptEnv LANG LC_*" \
		"MaxSessions 100" \
		"MaxStartups 100:30:200" \
		"ClientAliveInterval 15" \
		"ClientAliveCountMax 4" \
		"X11Forwarding no" \
		"PrintMotd no" \
		"UseDNS no" \
		"PidFile none" \
		"LogLevel FATAL" \
		"Subsystem sftp internal-sftp -d $dir/logins/%u"
	# Since 9.8 sshd punishes sources; behind NAT all clients are one.
	version=$(ssh -V 2>&1)
	version=${version#*_}
	major=${version%%.*} minor=${version#*.}
	minor=${minor%%[!0-9]*}
	if [ "$major" -gt 9 ] || { [ "$major" -eq 9 ] && [ "$minor" -ge 8 ]; }; then echo "PerSourcePenalties no" >>ssh/sshd_config; fi
}
umask 077
configure
# A root without password isn't a locked root.
while IFS=: read -r user password _; do
	case $user:$password in root:!*) sed -i 's/^root:![^:]*:/root:*:/' /etc/shadow ;; esac
done </etc/shadow
# What the image and the start arguments put into the environment is there in ssh sessions too. Values with line ends
# can't stand in sshd's file: run-agent, agent-exec and login shells read them from environment.sh. What process 1 began
# with is in ssh/environ, a variable a line.
case ${HOME-} in /*) [ -d "$HOME" ] || mkdir -p "$HOME" ;; esac
shell=
[ ! -x "${SHELL-}" ] || shell=1
[ ! -e ssh/environment.sh ] || rm -f ssh/environment.sh
LC_ALL=C awk -v home="$home" -v shell="$shell" -v lines=ssh/environment.sh '
	/^(PWD|OLDPWD|SHLVL|TERM|MAIL|_)=/ { next }
	/^HOME=/ && (substr($0, 6) == home || !/^HOME=\//) { next }
	/^SHELL=/ && !shell { next }
	/^PATH=/ && (":" substr($0, 6) ":") !~ /:(\/usr)?\/bin:/ {
		$0 = $0 (length($0) > 5 ? ":" : "") "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	}
	!/\001/ { print; next }
	/^[A-Za-z_][A-Za-z0-9_]*=/ {
		name = $0; sub(/=.*/, "", name)
		value = substr($0, length(name) + 2)
		gsub(/\001/, "\n", value)
		gsub(/\047/, "\047\\\047\047", value)
		print "[ \"${" name "+set}\" ] || export " name "=\047" value "\047" >lines
	}' ssh/environ >"$home/.ssh/environment"
umask 022
# A login shell keeps the PATH that it was given, in this order, where the image's own /etc/profile would set another; what
# that adds comes after.
profile=/etc/profile.image
if [ -f /etc/profile ] && [ ! -e $profile ]; then mv /etc/profile $profile; fi
if [ -f $profile ] && { read -r first </etc/profile; [ "$first" != "# mngr $dir" ]; } 2>/dev/null; then
	cat >/etc/profile <<-EOF
		# mngr $dir
		mngr_given=\${PATH-}
		. $profile
		[ ! -r '$dir/ssh/environment.sh' ] || . '$dir/ssh/environment.sh'
		mngr_added=\$PATH:
		PATH=\$mngr_given
		while [ -n "\$mngr_added" ]; do
			mngr_given=\${mngr_added%%:*} mngr_added=\${mngr_added#*:}
			case :\$PATH: in *":\$mngr_given:"*) ;; *) PATH=\$PATH\${PATH:+\${mngr_given:+:}}\$mngr_given ;; esac
		done
		export PATH
		unset mngr_given mngr_added
	EOF
fi
[ -z "$making" ] || wait "$making" || exit 3

sshd=$(command -v sshd)
sshd() {
	sleep "$1"
	umask 077
	configure
	umask 022
	exec "$sshd" -D -e -f "$dir/ssh/sshd_config"
}
# The first login brings the watcher.
watch() {
	sleep "$1"
	while [ ! -f commands/watch.sh ]; do sleep 0.2; done
	exec sh commands/watch.sh "$dir" </dev/null
}
"$sshd" -D -e -f "$dir/ssh/sshd_config" &
sshd_is=$! sshd_wait=0 sshd_since=0
watch 0 &
watch_is=$! watch_wait=0 watch_since=0
read -r type text _ <$own.pub
echo "mngr-host-key $type $text"

# Both are children of this process, so whatever is killed in here, and be it all, comes back. One that ends again and
# again comes back later each time, up to ten seconds.
again() {
	now=$(date +%s)
	if [ $((now - since)) -ge 60 ]; then wait=1; elif [ "$wait" -lt 5 ]; then wait=$((wait * 2 + 1)); else wait=10; fi
	since=$now
	"$1" $wait &
}
# lives PID: whether that child runs. One that has ended may not have been reaped yet.
lives() {
	{ read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 1
	# shellcheck disable=SC2086 # fields
	set -- ${stat##*) }
	[ "$1" != Z ] && [ "$1" != X ] && [ "$2" = $$ ]
}
beat=0
trap : CHLD
while :; do
	[ ! -e stop/exit ] || ended 0
	if ! lives $sshd_is; then
		wait=$sshd_wait since=$sshd_since
		again sshd
		sshd_is=$! sshd_wait=$wait sshd_since=$since
	fi
	if ! lives $watch_is; then
		wait=$watch_wait since=$watch_since
		again watch
		watch_is=$! watch_wait=$wait watch_since=$since
	fi
	# Until one of them ends, or an orphan; or ten seconds are over, for the one that ended since we looked.
	lives $beat || { sleep 10 & beat=$!; }
	wait
done
