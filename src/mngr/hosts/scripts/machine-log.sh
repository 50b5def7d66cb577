# machine-log: the end of what the machine's first boot wrote.
for file in /var/log/cloud-init-output.log /var/log/mngr-boot.log; do
	[ -f "$file" ] || continue
	echo "== $file"
	tail -c 20000 "$file"
done
if [ -f /var/lib/mngr/boot/failed ]; then
	echo "== failed"
	cat /var/lib/mngr/boot/failed
fi
