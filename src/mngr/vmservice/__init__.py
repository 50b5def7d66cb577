"""VMs over HTTP: a REST API over `mngr.vms`, and the same as tools for agents."""
