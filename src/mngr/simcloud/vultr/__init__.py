"""Vultr API v2, https://www.vultr.com/api/: the paths that a machine provider needs."""
