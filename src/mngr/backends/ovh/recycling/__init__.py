"""Recycling a VPS that is cancelled and paid for: the claim that has one winner, and the fence before each write."""
