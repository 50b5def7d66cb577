"""OVH API v1 and v2 for classic VPSs, https://api.ovh.com: ordering, rebuilding, renewing and tagging. See README.md."""
