# machine-probe SURVEY_COMMAND…: all that `list` wants of a machine in one round trip: one line on the guard
# (`mngr-guard ENDS_AT REASON`: the container's deadline, and why the guard stopped it), then what the survey
# command prints. Exit code: the survey's. Changes nothing.
here=/var/lib/mngr/guard
printf 'mngr-guard %s %s\n' "$(cat $here/ends_at 2>/dev/null)" "$(cat $here/stop-reason 2>/dev/null)"
exec "$@"
