"""`mngr mcp`: mngr's verbs and VMs as tools for agents' programs, over standard input and output."""
