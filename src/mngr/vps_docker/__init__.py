"""The library for hosts in Docker containers on rented machines. It registers no backend: those in
`mngr.backends` build on it. Start at `vps_client.VpsClientInterface` (what a cloud must do) and
`instance.VpsDockerProvider` (what all of them share)."""
