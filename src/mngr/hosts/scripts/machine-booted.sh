# machine-booted: one word on how the first boot stands (ready, failed, waiting), then a log's end if it failed.
# A machine of an image that mngr baked has all of it as soon as its Docker answers; cloud-init then ends by itself.
# cloud-init being done without our marker (its data was refused, a module broke) is a failure too.
state=/var/lib/mngr/boot
if [ -f "$state/ready" ]; then
	echo ready
elif [ -f "$state/failed" ]; then
	echo failed
	cat "$state/failed"
elif [ -f /var/lib/mngr-baked ] && timeout 10 docker version >/dev/null 2>&1; then
	echo ready
elif [ -f /run/cloud-init/result.json ]; then
	echo failed
	echo "cloud-init ended without running mngr's first boot; its result and the end of its log:"
	cat /run/cloud-init/result.json
	tail -c 3000 /var/log/cloud-init-output.log 2>/dev/null
else
	echo waiting
fi
