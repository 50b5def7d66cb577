"""What this Azure sells: regions, VM sizes and images, as its public lists show them, at list prices (USD)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Region:
    name: str
    display: str
    zones: int
    factor: float
    """How prices compare with eastus."""
    latitude: float
    longitude: float


_REGIONS = (
    Region("eastus", "East US", 3, 1.0, 37.3719, -79.8164),
    Region("eastus2", "East US 2", 3, 1.0, 36.6681, -78.3889),
    Region("centralus", "Central US", 3, 1.1, 41.5908, -93.6208),
    Region("westus", "West US", 0, 1.19, 37.783, -122.417),
    Region("westus2", "West US 2", 3, 1.0, 47.233, -119.852),
    Region("westus3", "West US 3", 3, 1.0, 33.448376, -112.074036),
    Region("canadacentral", "Canada Central", 3, 1.12, 43.653, -79.383),
    Region("brazilsouth", "Brazil South", 3, 1.6, -23.55, -46.633),
    Region("northeurope", "North Europe", 3, 1.09, 53.3478, -6.2597),
    Region("westeurope", "West Europe", 3, 1.15, 52.3667, 4.9),
    Region("uksouth", "UK South", 3, 1.13, 50.941, -0.799),
    Region("germanywestcentral", "Germany West Central", 3, 1.15, 50.110924, 8.682127),
    Region("swedencentral", "Sweden Central", 3, 1.04, 60.67488, 17.14127),
    Region("southeastasia", "Southeast Asia", 3, 1.27, 1.283, 103.833),
    Region("japaneast", "Japan East", 3, 1.3, 35.68, 139.77),
    Region("australiaeast", "Australia East", 3, 1.27, -33.86, 151.2094),
)
REGIONS = {region.name: region for region in _REGIONS}


@dataclass(frozen=True)
class Size:
    name: str
    family: str
    cores: int
    memory_gb: float
    per_hour: float
    """In eastus, Linux, pay as you go."""
    spot: float
    """The part of it that spot costs; 0: not sold so."""
    arch: str = "x64"
    generations: str = "V1,V2"
    premium: bool = True
    data_disks: int = 4


_SIZES = (
    Size("Standard_B1s", "standardBSFamily", 1, 1, 0.0104, 0.2, data_disks=2),
    Size("Standard_B1ms", "standardBSFamily", 1, 2, 0.0207, 0.2, data_disks=2),
    Size("Standard_B2s", "standardBSFamily", 2, 4, 0.0416, 0.2),
    Size("Standard_B2ms", "standardBSFamily", 2, 8, 0.0832, 0.2),
    Size("Standard_B4ms", "standardBSFamily", 4, 16, 0.166, 0.2, data_disks=8),
    Size("Standard_B2ats_v2", "standardBasv2Family", 2, 1, 0.0094, 0.2),
    Size("Standard_B2als_v2", "standardBasv2Family", 2, 4, 0.0376, 0.2),
    Size("Standard_B2as_v2", "standardBasv2Family", 2, 8, 0.0752, 0.2),
    Size("Standard_B2pls_v2", "standardBpsv2Family", 2, 4, 0.0336, 0.2, arch="Arm64", generations="V2"),
    Size("Standard_D2s_v3", "standardDSv3Family", 2, 8, 0.096, 0.19),
    Size("Standard_D4s_v3", "standardDSv3Family", 4, 16, 0.192, 0.19, data_disks=8),
    Size("Standard_D2as_v5", "standardDASv5Family", 2, 8, 0.086, 0.19),
    Size("Standard_D2s_v5", "standardDSv5Family", 2, 8, 0.096, 0.19),
    Size("Standard_D4s_v5", "standardDSv5Family", 4, 16, 0.192, 0.19, data_disks=8),
    Size("Standard_D8s_v5", "standardDSv5Family", 8, 32, 0.384, 0.19, data_disks=16),
    Size("Standard_E2s_v5", "standardESv5Family", 2, 16, 0.126, 0.19),
    Size("Standard_F2s_v2", "standardFSv2Family", 2, 4, 0.0846, 0.19),
)
SIZES = {size.name.lower(): size for size in _SIZES}
FAMILIES = {
    "standardBSFamily": "Standard BS Family vCPUs",
    "standardBasv2Family": "Standard Basv2 Family vCPUs",
    "standardBpsv2Family": "Standard Bpsv2 Family vCPUs",
    "standardDSv3Family": "Standard DSv3 Family vCPUs",
    "standardDASv5Family": "Standard DASv5 Family vCPUs",
    "standardDSv5Family": "Standard DSv5 Family vCPUs",
    "standardESv5Family": "Standard ESv5 Family vCPUs",
    "standardFSv2Family": "Standard FSv2 Family vCPUs",
}
IMAGES = {
    ("debian", "debian-12", "12"): "stock",
    ("debian", "debian-12", "12-gen2"): "stock",
}
"""The marketplace images whose machines can really be booted here: (publisher, offer, sku), and the machine image that each is."""
IMAGE_VERSION = "0.20261104.2200"
IMAGE_GB = 30
"""The size of a disk that is made from one."""

DISK_TIERS = {
    "Standard_LRS": ((32, 1.536), (64, 3.008), (128, 5.888), (256, 11.328), (512, 21.76), (1024, 40.96)),
    "StandardSSD_LRS": (
        (4, 0.3),
        (8, 0.6),
        (16, 1.2),
        (32, 2.4),
        (64, 4.8),
        (128, 9.6),
        (256, 19.2),
        (512, 38.4),
        (1024, 76.8),
    ),
    "Premium_LRS": (
        (4, 0.6),
        (8, 1.2),
        (16, 2.4),
        (32, 5.28),
        (64, 10.21),
        (128, 19.71),
        (256, 38.02),
        (512, 73.22),
        (1024, 135.17),
    ),
}
"""A month of a managed disk, by the tier that holds it: (GB, USD)."""
ADDRESS_PER_HOUR = 0.005
IMAGE_GB_MONTH = 0.05


def disk_month(sku: str, gigabytes: int) -> float:
    tiers = DISK_TIERS.get(sku) or DISK_TIERS["StandardSSD_LRS"]
    return next(
        (price for most, price in tiers if gigabytes <= most), tiers[-1][1] * gigabytes / tiers[-1][0]
    )


def hour(size: Size, region: str, spot: bool = False) -> float:
    return round(size.per_hour * REGIONS[region].factor * (size.spot if spot else 1), 5)
