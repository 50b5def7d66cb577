"""Buying a VPS: its order, the markers that keep it from being lost, its delivery."""
