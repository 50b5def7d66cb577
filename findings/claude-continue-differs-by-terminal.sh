#!/bin/sh
# Claude Code 2.1.332 (npm @anthropic-ai/claude-code).
#
# `claude --continue` in a folder where nothing was said yet. One would expect both modes to do the same: to begin a
# conversation, or to refuse. Seen: at a terminal it prints "No conversation found to continue" and ends with exit code 1
# within a second, before its screen is drawn; with `-p` the same flag begins a new conversation and asks the model. So who
# starts it with --continue each time, as with a shell's history, never gets a first session, while a trial with -p looks fine.
#
# Needs npm and util-linux's `script`. The model is one on loopback that answers 400 to all and counts what it is asked.
set -eu
work=$(mktemp -d)
server=''
trap '[ -z "$server" ] || kill "$server"; rm -rf "$work"' EXIT
npm install --silent --no-audit --no-fund --global --prefix "$work/npm" @anthropic-ai/claude-code@2.1.332 >/dev/null 2>&1
mkdir "$work/folder" "$work/home"
cd "$work/folder"
cat >"$work/home/.claude.json" <<-END
	{"hasCompletedOnboarding": true, "projects": {"$work/folder": {"hasTrustDialogAccepted": true}},
	"customApiKeyResponses": {"approved": ["0123456789abcdefghij"], "rejected": []}}
END
cat >"$work/model.py" <<-'END'
	import http.server, sys

	class Model(http.server.BaseHTTPRequestHandler):
	    def do_POST(self):
	        self.rfile.read(int(self.headers.get("Content-Length", 0)))
	        if self.path.startswith("/v1/messages"):
	            print("asked", file=open(sys.argv[1] + "/asked", "a"))
	        body = b'{"type": "error", "error": {"type": "invalid_request_error", "message": "no"}}'
	        self.send_response(400)
	        self.send_header("Content-Type", "application/json")
	        self.send_header("Content-Length", str(len(body)))
	        self.end_headers()
	        self.wfile.write(body)

	    def log_message(self, *_):
	        pass

	server = http.server.HTTPServer(("127.0.0.1", 0), Model)
	print(server.server_port, file=open(sys.argv[1] + "/port", "w"), flush=True)
	server.serve_forever()
END
python3 "$work/model.py" "$work" &
server=$!
until [ -s "$work/port" ]; do sleep 0.1; done

cat >"$work/claude" <<-END
	#!/bin/sh
	exec env -u CLAUDECODE HOME=$work/home ANTHROPIC_BASE_URL=http://127.0.0.1:$(cat "$work/port") \\
		ANTHROPIC_API_KEY=sk-test-0123456789abcdefghij $work/npm/bin/claude "\$@"
END
chmod +x "$work/claude"
touch "$work/asked"
asked() { wc -l <"$work/asked"; }
failed() {
	echo "it is otherwise now: $*"
	exit 1
}

code=0
timeout 30 script -qec "$work/claude --continue" "$work/shown" </dev/null >/dev/null || code=$?
grep -q 'No conversation found to continue' "$work/shown" || failed "$(cat "$work/shown")"
[ "$code" = 1 ] || failed "at a terminal its exit code is $code"
[ "$(asked)" = 0 ] || failed "at a terminal the model was asked"
echo "claude --continue, at a terminal: exit code $code, the model wasn't asked"

timeout 30 "$work/claude" -p --continue hello </dev/null >"$work/said" 2>&1 || true
! grep -q 'No conversation found' "$work/said" || failed "$(cat "$work/said")"
[ "$(asked)" -gt 0 ] || failed "with -p the model wasn't asked: $(cat "$work/said")"
echo "claude -p --continue: the model was asked"
