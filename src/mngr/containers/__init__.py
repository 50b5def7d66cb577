"""A container as a host: image, build, state store, survey, snapshots, logins. It knows no cloud."""
