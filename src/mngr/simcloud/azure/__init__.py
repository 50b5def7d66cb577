"""Azure: Entra's token endpoint, the Resource Manager, and what machines are told inside (README.md)."""
