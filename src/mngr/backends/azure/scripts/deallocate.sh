# deallocate ARM: ends the bill of the VM that it runs on. ARM: the address of Azure Resource Manager, as its variable says.
#
# With the VM's own identity, which may do this and nothing else. Its system has Python, as cloud-init is written in it; the
# token is neither an argument nor kept. An order that Azure took is success: the machine goes off by that. Shutting the
# system down would save nothing.
: "${arm:?}"
exec python3 -I - "$arm" <<'EOF'
import json, sys, urllib.error, urllib.request

IMDS = "http://169.254.169.254/metadata"
NO_PROXY = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def imds(path):
    request = urllib.request.Request(IMDS + path, headers={"Metadata": "true"})
    with NO_PROXY.open(request, timeout=20) as answer:
        return answer.read().decode()


arm = sys.argv[1]
try:
    id = imds("/instance/compute/resourceId?api-version=2021-02-01&format=text").strip()
    resource = urllib.request.quote("https://management.azure.com/", safe="")
    token = json.loads(imds("/identity/oauth2/token?api-version=2018-02-01&resource=" + resource))["access_token"]
    request = urllib.request.Request(
        arm + id + "/deallocate?api-version=2022-11-01", data=b"", method="POST",
        headers={"Authorization": "Bearer " + token},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        print("Azure deallocates this machine:", answer.status)
except urllib.error.HTTPError as error:
    print("refused:", error.code, error.read(2000).decode(errors="replace"), file=sys.stderr)
    sys.exit(1)
except Exception as error:
    print("no answer:", error, file=sys.stderr)
    sys.exit(1)
EOF
