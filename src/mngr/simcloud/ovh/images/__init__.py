"""The machine images that OVH's VPSs are installed with."""
